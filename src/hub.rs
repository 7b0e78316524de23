//! The application: what can be asked of the hub, in no protocol.
//!
//! An operation is a method of [`Hub`] in the file of its subject. It takes the
//! [request](request::RequestContext) and plain data, checks whether [who asks may do
//! it](access), asks the [actors](clients) and the archive, and returns plain data or an
//! [error](error::HubError). Whoever speaks a protocol reads what comes, calls it on its own thread,
//! and writes what it returns.

pub mod access;
pub mod acts;
pub mod bodies;
pub mod clients;
pub mod error;
pub mod keys;
pub mod request;
pub mod settings;
pub mod steps;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::live::Live;
use crate::logic::limits::Limit;
use crate::metrics::Metrics;
use crate::phase::CurrentPhase;
use crate::pool::Pool;
use crate::ports::archive::Archive;
use crate::request_rates::RequestRates;
use bodies::Bodies;
use clients::Clients;
use keys::Keys;
use settings::Settings;

/// What every operation may need.
pub struct Hub {
    pub clock: Clock,
    pub phase: CurrentPhase,
    pub clients: Clients,
    pub archive: Arc<dyn Archive>,
    /// To count in, never to decide by.
    pub metrics: Arc<Metrics>,
    pub keys: Live<Keys>,
    pub request_rates: RequestRates,
    pub bodies: Bodies,
    /// Pages on their way to clients.
    pub answers: Pool,
    /// One each, by whose they are.
    pub sockets: Pool,
    /// Messages over sockets of which the end has not come yet.
    pub unfinished: Pool,
    /// Past events on their way to callbacks.
    pub replays: Pool,
    pub settings: Settings,
}

/// What the hub has in common with the rest of the process.
pub struct Surroundings {
    pub clock: Clock,
    pub phase: CurrentPhase,
    pub clients: Clients,
    pub archive: Arc<dyn Archive>,
    pub metrics: Arc<Metrics>,
    pub request_rates: RequestRates,
    pub replays: Pool,
}

impl Hub {
    pub fn new(config: &Config, around: Surroundings) -> Self {
        let limits = &config.limits;
        Self {
            clock: around.clock,
            phase: around.phase,
            clients: around.clients,
            archive: around.archive,
            metrics: around.metrics,
            keys: Live::new(Keys::of(config)),
            request_rates: around.request_rates,
            bodies: Bodies::new(limits),
            answers: Pool::of(limits.size(Limit::AnswerBytes)),
            sockets: Pool::with_share(usize::MAX, limits.size(Limit::SocketsPerService)),
            unfinished: Pool::of(limits.size(Limit::UnfinishedBytes)),
            replays: around.replays,
            settings: Settings::new(config),
        }
    }
}
