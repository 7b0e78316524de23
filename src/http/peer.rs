//! Whom a request is counted for.

use actix_web::HttpRequest;

use super::caller::principal;
use crate::hub::Hub;
use crate::pool::Peer;

/// The service, if it has proved its name; else where it comes from.
pub(crate) fn of(request: &HttpRequest, hub: &Hub) -> Peer {
    if hub.keys.now().are_required()
        && let Some(name) = principal(request).name
    {
        return Peer::Service(name);
    }
    match request.peer_addr() {
        Some(address) => Peer::at(address.ip()),
        None => Peer::Unknown,
    }
}
