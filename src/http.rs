//! REST: reads requests, calls the operation of the hub that is meant, and writes its response.
//! Thin on purpose: the [hub](crate::hub) decides, and every error is a
//! [`HubError`](crate::hub::error::HubError) or says what is wrong with the request itself.

pub mod auth;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod circuits;
pub(crate) mod correlations;
pub(crate) mod cors;
pub(crate) mod dead_events;
pub(crate) mod dead_letter_filter;
pub(crate) mod dead_letters;
pub mod edge;
pub mod event_view;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod key_use;
pub(crate) mod leases;
pub(crate) mod limits;
pub(crate) mod message_view;
pub(crate) mod messages;
pub(crate) mod next;
pub(crate) mod no_body;
pub mod openapi;
pub(crate) mod queue;
pub(crate) mod quotas;
pub(crate) mod reading;
pub(crate) mod redrive;
pub(crate) mod registration_input;
pub(crate) mod retries;
pub(crate) mod scrape;
pub(crate) mod services;
pub(crate) mod sight;
pub(crate) mod state;
pub(crate) mod streams;
pub(crate) mod subscription_input;
pub(crate) mod subscriptions;
pub mod visits;
pub(crate) mod waits;
pub(crate) mod web_address;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::web::error::HttpError;
use crate::web::requests::Requests;
use crate::web::routing::Routes;
pub use state::HttpState;

/// Registers every route there is. Returns the paths with their methods, as in `Allow`.
pub fn routes(
    config: &mut web::ServiceConfig,
    requests: &Requests,
) -> Vec<(&'static str, &'static str)> {
    config.default_service(web::route().to(no_route));
    let mut routes = Routes::new(config, requests);
    messages::routes(&mut routes);
    // Before the events, whose ids would take its place.
    crate::websocket::routes(&mut routes);
    events::routes(&mut routes);
    leases::routes(&mut routes);
    retries::routes(&mut routes);
    // Before the dead letters, whose ids would take its place.
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
    crate::websocket::asyncapi::routes(&mut routes);
    routes.registered()
}

async fn no_route(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    Err(HttpError::NoRoute(request.path().to_owned()))
}
