//! Who sees names in what everybody may ask for. While there are keys, that is who shows one, or asks on
//! the hub's own machine; all others see how the hub is, but not who uses it.
//! What receivers answered is for operators and that machine alone.

use actix_web::HttpRequest;
use actix_web::http::header;

use super::auth::principal;
use super::headers::only;
use super::state::HttpState;
use crate::logic::nearness::is_from_here;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sight {
    /// An operator's: names, and what receivers answered.
    All,
    /// A service's.
    Names,
    NumbersOnly,
}

impl Sight {
    pub(crate) fn of(request: &HttpRequest, state: &HttpState) -> Self {
        let hub = &state.hub;
        let keys = hub.keys.now();
        let headers = request.headers();
        if !keys.are_required() {
            return Self::All;
        }
        let peer = request.peer_addr().map(|peer| peer.ip());
        match principal(keys, headers) {
            Ok(caller) if caller.is_operator => return Self::All,
            Ok(_) => return Self::Names,
            // Answered nevertheless, but nobody tries keys here unseen.
            Err(denial) => {
                let failures = &hub.metrics.auth_failures;
                let now = hub.clock.now();
                drop(state.refusals.unauthenticated(failures, peer, denial, now));
            }
        }
        let target = request.uri().authority().map(|host| host.as_str());
        let host = || only(headers, &header::HOST).ok()??.to_str().ok();
        let names = headers.keys().map(|name| name.as_str());
        match is_from_here(peer, target.or_else(host), names) {
            true => Self::All,
            false => Self::NumbersOnly,
        }
    }

    pub(crate) fn shows_names(self) -> bool {
        self != Self::NumbersOnly
    }
}
