//! Who sees names in what everybody may ask for.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::hub::Hub;
use crate::hub::sight::Sight;
use crate::logic::nearness::is_from_here;
use crate::web::auth::identity;
use crate::web::headers::only;

/// What whoever makes this request sees.
pub(crate) fn of(request: &HttpRequest, hub: &Hub) -> Sight {
    let headers = request.headers();
    let peer = request.peer_addr().map(|peer| peer.ip());
    let is_here = || {
        let target = request.uri().authority().map(|host| host.as_str());
        let host = || only(headers, &header::HOST).ok()??.to_str().ok();
        let names = headers.keys().map(|name| name.as_str());
        is_from_here(peer, target.or_else(host), names)
    };
    let who = || identity(hub, headers).map(|identity| identity.principal);
    hub.sight(peer, who, is_here)
}
