//! What the actors share with the edge.

use crate::config::Config;
use crate::logic::limits::Limit;
use crate::pool::Pool;
use crate::request_rates::RequestRates;

/// Copies are the same.
#[derive(Clone)]
pub(crate) struct Shared {
    pub request_rates: RequestRates,
    pub replays: Pool,
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            request_rates: RequestRates::default(),
            replays: Pool::of(config.shares.limits.size(Limit::ReplayBytes)),
        }
    }
}
