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
mod caller;
mod circuits;
pub mod connection;
mod correlations;
mod cors;
mod dead_letters;
pub mod edge;
mod error_body;
pub mod event_input;
mod event_letters;
pub mod event_view;
mod events;
mod fields;
mod flush;
pub mod handles;
mod headers;
mod health;
mod key_use;
mod known_ids;
pub mod lately;
mod leases;
mod letter_filter;
mod limits;
mod lists;
mod message_input;
mod message_lookup;
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
mod reading;
pub mod readings;
mod redrive;
pub mod refusals;
mod registration_input;
mod request_id;
mod retries;
mod routing;
mod scrape;
mod services;
mod sight;
mod socket;
mod state;
mod steps;
mod streams;
mod subscription_input;
mod subscriptions;
pub mod unreadable;
pub mod visits;
mod waits;
mod web_address;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::HubError;
use crate::metrics::requests::Requests;
pub use health::told::Told;
use routing::Routes;
pub use socket::PATHS as SOCKETS;
pub use socket::open_sockets::OpenSockets;
pub use state::{Hub, Settings};

/// Registers every route there is. Returns the paths with their methods, as in `Allow`.
pub fn routes(
    config: &mut web::ServiceConfig,
    requests: &Requests,
) -> Vec<(&'static str, &'static str)> {
    config.default_service(web::route().to(no_route));
    let mut routes = Routes::new(config, requests);
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
    openapi::document::routes(&mut routes);
    asyncapi::routes(&mut routes);
    routes.registered()
}

async fn no_route(request: HttpRequest) -> Result<HttpResponse, HubError> {
    Err(HubError::NoRoute(request.path().to_owned()))
}
