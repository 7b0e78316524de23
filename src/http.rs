//! REST: reads requests, calls the operation of the hub that is meant, and writes its response.
//! Thin on purpose: the [hub](crate::hub) decides, and every error is a
//! [`HubError`](crate::hub::error::HubError) or says what is wrong with the request itself.

mod attempt_view;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod circuits;
pub(crate) mod content_search;
pub(crate) mod correlations;
pub(crate) mod dashboard;
pub(crate) mod dead_events;
pub(crate) mod dead_letters;
pub(crate) mod event_types;
pub mod event_view;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod key_use;
pub(crate) mod leases;
pub(crate) mod limits;
pub(crate) mod message_view;
pub(crate) mod messages;
mod names;
pub(crate) mod next;
pub(crate) mod no_body;
pub mod openapi;
pub(crate) mod overview;
pub(crate) mod payload_view;
pub(crate) mod queue;
pub(crate) mod quotas;
pub(crate) mod reading;
pub(crate) mod redrive;
pub(crate) mod registration_input;
pub(crate) mod retries;
pub(crate) mod scrape;
pub(crate) mod services;
pub(crate) mod session;
pub(crate) mod sight;
pub(crate) mod stored_payload;
pub(crate) mod streams;
pub(crate) mod subscription_input;
pub(crate) mod subscriptions;
pub(crate) mod waits;
pub(crate) mod web_address;

use utoipa::openapi::OpenApi;

use crate::web::routing::Routes;

/// What registers the routes of a subject, and what describes them.
type Subject = (fn(&mut Routes), fn() -> OpenApi);

const SUBJECTS: [Subject; 22] = [
    (messages::routes, messages::described),
    (events::routes, events::described),
    (event_types::routes, event_types::described),
    (leases::routes, leases::described),
    (retries::routes, retries::described),
    // Before the dead letters, whose ids would take its place.
    (redrive::routes, redrive::described),
    (dead_letters::routes, dead_letters::described),
    (stored_payload::routes, stored_payload::described),
    (queue::routes, queue::described),
    (quotas::routes, quotas::described),
    (services::routes, services::described),
    (next::routes, next::described),
    (circuits::routes, circuits::described),
    (streams::routes, streams::described),
    (correlations::routes, correlations::described),
    (limits::routes, limits::described),
    (key_use::routes, key_use::described),
    (subscriptions::routes, subscriptions::described),
    (session::routes, session::described),
    (overview::routes, overview::described),
    (health::routes, health::described),
    (scrape::routes, scrape::described),
];

/// Everything that REST can be asked for.
pub(crate) fn routes(routes: &mut Routes) {
    for (register, _) in SUBJECTS {
        register(routes);
    }
    openapi::page::routes(routes);
    // Last, so that no file takes the place of anything else.
    dashboard::routes(routes);
}

/// The description of each subject.
pub(crate) fn described() -> impl Iterator<Item = OpenApi> {
    SUBJECTS.into_iter().map(|(_, described)| described())
}
