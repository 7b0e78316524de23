//! What the edge shares: everything that a request may need, whoever answers it.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Keys;
use super::bodies::Bodies;
use super::health::told::Told;
use super::lately::Lately;
use super::picture::Pictures;
use super::readings::Readings;
use super::refusals::Refusals;
use super::registration_input::Rules;
use super::visits::Visits;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::deny_list::DenyList;
use crate::hub::clients::Clients;
use crate::live::Live;
use crate::logic::limits::{Limit, Limits};
use crate::logic::web_pages::WebPages;
use crate::metrics::{Metrics, Texts};
use crate::phase::CurrentPhase;
use crate::pool::Pool;
use crate::ports::archive::Archive;
use crate::request_rates::RequestRates;
use crate::websocket::open_sockets::OpenSockets;

/// What every request may need.
pub struct Hub {
    pub clock: Clock,
    pub phase: CurrentPhase,
    pub bodies: Bodies,
    pub visits: Visits,
    pub readings: Readings,
    pub request_rates: RequestRates,
    /// One each, by whose they are.
    pub sockets: Pool,
    pub open_sockets: OpenSockets,
    /// Past events on their way to callbacks.
    pub replays: Pool,
    /// Messages over sockets of which the end has not come yet.
    pub unfinished: Pool,
    pub clients: Clients,
    pub pictures: Pictures,
    /// What `/health` told last.
    pub health: Told,
    /// What `/metrics` showed last.
    pub scrapes: Lately<Texts>,
    pub archive: Arc<dyn Archive>,
    pub metrics: Arc<Metrics>,
    pub keys: Live<Keys>,
    pub refusals: Refusals,
    pub settings: Settings,
}

/// What the edge needs of the configuration.
pub struct Settings {
    /// What an acknowledgement stands for: `disk` or `os`.
    pub durability: &'static str,
    pub max_retry_attempts: u32,
    pub delivery_limit: u32,
    pub max_retry_delay: Duration,
    pub limits: Limits,
    pub pages: WebPages,
    pub outgoing_deny: DenyList,
    pub registrations: Rules,
    /// Set, but without effect in this version.
    pub unused: Vec<&'static str>,
}

impl Settings {
    pub fn new(config: &Config) -> Self {
        Self {
            durability: config.wal_sync.name(),
            max_retry_attempts: config.max_retry_attempts,
            delivery_limit: config.delivery_limit,
            max_retry_delay: config.max_retry_delay,
            limits: config.limits,
            pages: pages(config),
            outgoing_deny: config.outgoing_deny.clone(),
            registrations: Rules {
                deny: config.outgoing_deny.clone(),
                min_check_interval: config.min_check_interval,
                most_metadata: config.limits.size(Limit::MetadataBytes),
            },
            unused: config.unused(),
        }
    }
}

fn pages(config: &Config) -> WebPages {
    let keys_are_on = !config.service_keys.is_empty();
    let (hosts, origins) = (&config.allowed_hosts, &config.allowed_origins);
    WebPages::new(&config.host, hosts, origins, keys_are_on)
}
