//! The application: what can be asked of the hub, in no protocol.
//!
//! An operation is a method of [`Hub`] in the file of its subject. It takes the
//! [request](request::RequestContext) and plain data, checks whether [who asks may do it](access),
//! asks the [actors](clients) and the archive, and returns plain data or an
//! [error](error::HubError). Whoever speaks a protocol reads what comes, calls it on its own
//! thread, and writes what it returns.

pub mod access;
pub mod acts;
mod archive;
mod at_a_glance;
pub mod attention;
pub mod bodies;
pub mod callers;
pub mod circuits;
pub mod clients;
pub mod consumers;
pub mod correlations;
pub mod counters;
mod dead_letter_groups;
mod dead_letter_search;
mod dead_letter_tally;
pub mod dead_letters;
pub mod error;
pub mod event_search;
pub mod events;
pub mod feeds;
pub mod groups_kept;
mod handed_in;
pub mod health;
pub mod instances;
pub mod inventory;
pub mod keys;
pub mod known_ids;
pub mod lately;
pub mod limits;
pub mod message_record;
mod message_search;
pub mod messages;
pub mod overview;
mod paging;
pub mod picture;
pub mod publish;
pub mod queues;
pub mod quotas;
pub mod reading;
pub mod readings;
pub mod receive;
pub mod redrives;
pub mod refusals;
pub mod replays;
pub mod request;
pub mod scrape;
pub mod searching;
pub mod send;
pub mod service_rows;
pub mod services;
pub mod sessions;
pub mod settings;
pub mod sight;
mod sign_in;
pub mod stats;
pub mod steps;
pub mod streams;
pub mod subscriptions;
pub mod surveys;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::actors::event_reader::EventReader;
use crate::clock::Clock;
use crate::config::Config;
use crate::live::Live;
use crate::logic::limits::Limit;
use crate::logic::service_rows::ServiceRow;
use crate::metrics::hub_status::HubStatus;
use crate::metrics::{Metrics, Texts};
use crate::phase::CurrentPhase;
use crate::pool::Pool;
use crate::ports::archive::ArchiveReader;
use crate::request_rates::RequestRates;
use bodies::Bodies;
use clients::Clients;
use counters::Counters;
use dead_letter_tally::DeadLetterTally;
use groups_kept::GroupsKept;
use inventory::Inventories;
use keys::Keys;
use lately::Lately;
use overview::Overview;
use picture::Pictures;
use readings::Readings;
use refusals::Refusals;
use sessions::Sessions;
use settings::Settings;
use stats::{LiveStats, Sampler, Stats};

/// So many sockets at once may be open of which it is not known yet whose they are.
const MOST_NAMELESS_SOCKETS: usize = 100;

/// What every operation may need.
pub struct Hub {
    /// Both clocks; `now` of a request was read from it.
    pub clock: Clock,
    /// Whether the hub starts, serves or drains.
    pub phase: CurrentPhase,
    /// The ways to the actors.
    clients: Clients,
    /// Read from by whoever needs the past; written to by its own actor alone.
    archive: Arc<dyn ArchiveReader>,
    /// What may be decided by of how the hub is.
    status: Arc<HubStatus>,
    /// What protocols count.
    pub counters: Counters,
    /// To count in, never to decide by.
    metrics: Arc<Metrics>,
    /// What the owners of everything said last, of all together.
    pub pictures: Pictures,
    /// What they said last of each service.
    pub inventories: Inventories,
    scrapes: Lately<Texts>,
    rows: Lately<Vec<ServiceRow>>,
    dead_letter_tally: DeadLetterTally,
    groups_kept: GroupsKept,
    overviews: Lately<Overview>,
    stats: Stats,
    live: LiveStats,
    /// Who was turned away.
    pub refusals: Refusals,
    /// Replaced when the configuration is read again.
    pub keys: Live<Keys>,
    /// Who has signed in from a browser.
    sessions: Sessions,
    /// Counted in by whatever takes requests; the quotas come from the Router.
    request_rates: RequestRates,
    /// What is under way of requests.
    pub bodies: Bodies,
    /// What is read at once, and on its way to clients.
    readings: Readings,
    /// Reads events, in memory and in the archive.
    events: EventReader,
    /// One each, by whose they are.
    pub sockets: Pool,
    /// Sockets whose first frame is to say who they are.
    pub nameless_sockets: Pool,
    /// Messages over sockets of which the end has not come yet.
    pub unfinished: Pool,
    /// Past events on their way to callbacks.
    replays: Pool,
    /// As configured at the start.
    pub settings: Settings,
}

/// What the hub has in common with the rest of the process.
pub struct Surroundings {
    /// The one that the actors read, too.
    pub clock: Clock,
    /// Set by the runtime.
    pub phase: CurrentPhase,
    /// Of the actors that the ring has started.
    pub clients: Clients,
    /// The one that the ring writes to.
    pub archive: Arc<dyn ArchiveReader>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// The ones that the Router keeps to the quotas.
    pub request_rates: RequestRates,
    /// The one that replays to callbacks take their room from.
    pub replays: Pool,
}

impl Hub {
    /// With limits, keys and settings as `config` says.
    pub fn new(config: &Config, around: Surroundings) -> Self {
        let limits = &config.shares.limits;
        let pictures = Pictures::new(around.clients.clone());
        let inventories = Inventories::new(around.clients.clone());
        let event_log = &around.clients.event_log;
        let events = EventReader::new(
            event_log.recipient(),
            event_log.recipient(),
            around.archive.clone(),
        );
        let (metrics, archive) = (around.metrics.clone(), around.archive.clone());
        let live = Sampler::new(pictures.clone(), metrics, archive, around.clock);
        let live = LiveStats::new(live);
        let status = around.metrics.status.clone();
        let dead_letter_tally = DeadLetterTally::new(around.archive.clone(), status);
        Self {
            clock: around.clock,
            phase: around.phase,
            clients: around.clients,
            archive: around.archive,
            status: around.metrics.status.clone(),
            counters: Counters::of(&around.metrics),
            metrics: around.metrics,
            pictures,
            inventories,
            scrapes: Lately::default(),
            rows: Lately::default(),
            dead_letter_tally,
            groups_kept: GroupsKept::default(),
            overviews: Lately::default(),
            stats: Stats::default(),
            live,
            refusals: Refusals::new(config.security.auth_failures),
            keys: Live::new(Keys::of(config)),
            sessions: Sessions::default(),
            request_rates: around.request_rates,
            bodies: Bodies::new(limits),
            readings: Readings::new(Pool::of(limits.size(Limit::AnswerBytes))),
            events,
            sockets: Pool::with_share(usize::MAX, limits.size(Limit::SocketsPerService)),
            nameless_sockets: Pool::with_share(MOST_NAMELESS_SOCKETS, MOST_NAMELESS_SOCKETS),
            unfinished: Pool::of(limits.size(Limit::UnfinishedBytes)),
            replays: around.replays,
            settings: Settings::new(config),
        }
    }
}
