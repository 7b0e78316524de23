//! The edge: reads requests, asks the actors, writes answers. Thin on purpose: every decision is
//! made by [`crate::logic`], and every error is a [`HubError`].

mod acts;
mod ask;
mod asyncapi;
mod attention;
pub mod auth;
mod batch;
pub mod bodies;
mod body;
mod circuits;
pub mod connection;
mod correlations;
mod cors;
mod dead_letters;
pub mod edge;
pub mod event_input;
mod event_letters;
pub mod event_view;
mod events;
mod fields;
pub mod handles;
mod health;
mod key_use;
mod known_ids;
pub mod lately;
mod leases;
mod letter_filter;
mod limits;
mod lists;
mod message_input;
mod message_view;
mod messages;
mod next;
mod no_body;
pub mod openapi;
mod page;
mod peer;
pub mod picture;
mod query;
mod queue;
mod quotas;
pub mod reading;
mod redrive;
pub mod refusals;
mod registration_input;
mod retries;
mod routing;
mod scrape;
mod services;
mod sight;
mod socket;
mod steps;
mod streams;
mod subscription_input;
mod subscriptions;
pub mod unreadable;
pub mod visits;
mod waits;
mod web_address;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::deny_list::DenyList;
use crate::door::Door;
use crate::error::HubError;
use crate::live::Live;
use crate::logic::limits::{Limit, Limits};
use crate::logic::web_pages::WebPages;
use crate::metrics::requests::Requests;
use crate::metrics::{Metrics, Texts};
use crate::pool::Pool;
use crate::ports::archive::Archive;
use crate::request_rates::RequestRates;
use auth::Keys;
use bodies::Bodies;
use handles::Handles;
pub use health::Told;
use lately::Lately;
use picture::Pictures;
use reading::Readings;
use refusals::Refusals;
use routing::Way;
pub use socket::PATHS as SOCKETS;
pub use socket::listing::OpenSockets;
use visits::Visits;

/// What every request may need.
pub struct Hub {
    pub clock: Clock,
    pub door: Door,
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
    pub handles: Handles,
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
    pub registrations: registration_input::Rules,
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
            registrations: registration_input::Rules {
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

impl Keys {
    pub fn of(config: &Config) -> Self {
        let expose = |keys: &Vec<crate::config::Secret>| {
            keys.iter().map(|key| key.expose().to_owned()).collect()
        };
        let keys = config.service_keys.iter();
        let keys: BTreeMap<_, Vec<String>> = keys
            .map(|(name, keys)| (name.clone(), expose(keys)))
            .collect();
        Self::new(keys, config.operators.clone())
    }
}

/// Registers every route there is. Returns the paths with their methods, as in `Allow`.
pub fn routes(
    config: &mut web::ServiceConfig,
    requests: &Requests,
) -> Vec<(&'static str, &'static str)> {
    config.default_service(web::route().to(no_route));
    let mut routes = Routes {
        config,
        requests,
        registered: Vec::new(),
    };
    messages::routes(&mut routes);
    // Before the events, whose ids would take its place.
    socket::routes(&mut routes);
    events::routes(&mut routes);
    leases::routes(&mut routes);
    retries::routes(&mut routes);
    // Before the letters, whose ids would take its place.
    redrive::routes(&mut routes);
    dead_letters::routes(&mut routes);
    queue::routes(&mut routes);
    quotas::routes(&mut routes);
    services::routes(&mut routes);
    next::routes(&mut routes);
    circuits::routes(&mut routes);
    streams::routes(&mut routes);
    correlations::routes(&mut routes);
    limits::routes(&mut routes);
    key_use::routes(&mut routes);
    subscriptions::routes(&mut routes);
    health::routes(&mut routes);
    scrape::routes(&mut routes);
    openapi::routes(&mut routes);
    asyncapi::routes(&mut routes);
    routes.registered
}

async fn no_route(request: HttpRequest) -> Result<HttpResponse, HubError> {
    Err(HubError::NoRoute(request.path().to_owned()))
}

/// Where every resource registers its paths.
struct Routes<'a> {
    config: &'a mut web::ServiceConfig,
    /// Where a route counts its requests.
    requests: &'a Requests,
    registered: Vec<(&'static str, &'static str)>,
}

impl Routes<'_> {
    /// A path with its routes; any other method is answered 405 with `allow`.
    fn at(
        &mut self,
        path: &'static str,
        allow: &'static str,
        routes: impl IntoIterator<Item = Way>,
    ) {
        let mut resource = web::resource(path).app_data(self.requests.route(path));
        for route in routes {
            resource = resource.route(route.into_route());
        }
        let refuse = move |method: Method| async move {
            Err::<HttpResponse, _>(HubError::MethodNotAllowed {
                method: method.to_string(),
                allow,
            })
        };
        self.config
            .service(resource.default_service(web::route().to(refuse)));
        self.registered.push((path, allow));
    }
}
