//! Whom a request is counted for.

use actix_web::HttpRequest;

use super::caller::principal;
use crate::hub::Hub;
use crate::pool::Peer;

/// The service, if it has proved its name; else where it comes from.
pub(crate) fn of(request: &HttpRequest, hub: &Hub) -> Peer {
    let address = request.peer_addr().map(|peer| peer.ip());
    hub.counted_for(&principal(request), address)
}
