//! REST: reads requests, calls the operation of the hub that is meant, and writes its response.
//! Thin on purpose: the [hub](crate::hub) decides, and every error is a
//! [`HubError`](crate::hub::error::HubError) or says what is wrong with the request itself.

mod attempt_view;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod circuits;
pub(crate) mod correlations;
pub(crate) mod dead_events;
pub(crate) mod dead_letter_filter;
pub(crate) mod dead_letters;
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
pub(crate) mod streams;
pub(crate) mod subscription_input;
pub(crate) mod subscriptions;
pub(crate) mod waits;
pub(crate) mod web_address;

use crate::web::routing::Routes;

/// Everything that REST can be asked for.
pub(crate) fn routes(routes: &mut Routes) {
    messages::routes(routes);
    events::routes(routes);
    leases::routes(routes);
    retries::routes(routes);
    // Before the dead letters, whose ids would take its place.
    redrive::routes(routes);
    dead_letters::routes(routes);
    queue::routes(routes);
    quotas::routes(routes);
    services::routes(routes);
    next::routes(routes);
    circuits::routes(routes);
    streams::routes(routes);
    correlations::routes(routes);
    limits::routes(routes);
    key_use::routes(routes);
    subscriptions::routes(routes);
    health::routes(routes);
    scrape::routes(routes);
    openapi::page::routes(routes);
}
