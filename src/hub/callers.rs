//! Who may ask for anything at all.

use std::net::IpAddr;

use super::Hub;
use super::access::Principal;
use super::error::HubError;
use super::keys::AuthFailure;
use crate::domain::refusal::Refusal;
use crate::logic::limits::Limit;
use crate::pool::{Held, Peer};

impl Hub {
    /// Takes note of a caller who is not who it says, and gives the error it gets.
    pub fn refuse(&self, peer: Option<IpAddr>, denial: AuthFailure) -> HubError {
        let failures = &self.metrics.auth_failures;
        let now = self.clock.now();
        self.refusals.unauthenticated(failures, peer, denial, now)
    }

    /// A place among the sockets of this peer, for one more.
    ///
    /// # Errors
    /// LIMIT_REACHED if it has as many open as it may.
    pub fn place_for_socket(&self, peer: &Peer) -> Result<Held, HubError> {
        let limit = Limit::SocketsPerService;
        let mut place = self.sockets.held(peer);
        let most = self.settings.limits.of(limit);
        let grown = place.grow(1).map_err(|_| Refusal::LimitReached {
            limit: limit.name(),
            most,
        });
        grown?;
        Ok(place)
    }

    /// Counts a request for who makes it.
    ///
    /// # Errors
    /// RATE_LIMITED if its quota allows no more for now.
    pub fn count_request(&self, principal: &Principal) -> Result<(), HubError> {
        let name = principal.name.as_ref();
        let counted = self.request_rates.take(name, || self.clock.now());
        match (counted, name) {
            (Err(retry_after), Some(service)) => Err(HubError::TooManyRequests {
                service: service.clone(),
                retry_after,
            }),
            _ => Ok(()),
        }
    }
}
