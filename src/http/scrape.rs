//! `/metrics`: what is measured. Most of it is counted where it happens; how many there are of
//! something is asked of its owner at each scrape.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};

use super::lately::Found;
use super::picture::Picture;
use super::routing::{self, Routes};
use super::sight::Sight;
use crate::actors::messages::subscriptions::InspectSubscriptions;
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::http::state::HttpState;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::metrics::services::ServiceNow;
use crate::metrics::{Scrape, Texts, services};
use crate::phase::Phase;
use crate::ports::archive::DeadLetterCounts;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    let metrics = [routing::get(metrics), routing::head(metrics)];
    routes.at("/metrics", "GET, HEAD", metrics);
}

/// The metrics, for Prometheus
///
/// At most a second old. While there are keys, series of a service or a type are shown only to those
/// who show a key or ask on the hub's own machine; others see its counters added up over all of
/// them, and its gauges not.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "show_metrics",
    tag = "health",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(
    request: HttpRequest,
    state: web::Data<HttpState>,
) -> Result<HttpResponse, HubError> {
    let hub = &state.hub;
    let phase = hub.phase.get();
    let found = state
        .scrapes
        .get(phase, || find(state.clone(), phase))
        .await?;
    let text = match Sight::of(&request, &state) {
        Sight::All | Sight::Names => &found.what.with_names,
        Sight::NumbersOnly => &found.what.in_numbers,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text.clone()))
}

async fn find(state: web::Data<HttpState>, phase: Phase) -> Result<Found<Texts>, HubError> {
    let hub = &state.hub;
    let dead_letters = match phase {
        Phase::Starting => None,
        Phase::Open | Phase::Draining => dead_letters(hub).await,
    };
    let found = state.pictures.latest(phase).await?;
    if phase != Phase::Starting {
        show_lag(hub).await?;
    }
    hub.metrics.time.show_ahead(hub.clock.ahead());
    let (at, picture) = (found.at, &found.what);
    let now = services::Picture {
        services: services_now(picture, dead_letters.as_ref()),
        circuits: &picture.circuits,
        destinations: picture.queues.services.len(),
        all_paused: picture.queues.total.paused.is_some(),
    };
    let what = hub.metrics.texts(&Scrape {
        totals: picture.queues.totals,
        depths: &picture.queues.total,
        picture: &now,
        now: hub.clock.wall(),
    });
    Ok(Found { what, at, phase })
}

/// How many dead letters there are, as far as that can be told.
async fn dead_letters(hub: &Hub) -> Option<DeadLetterCounts> {
    // One that is another hub's answers too.
    if !hub.status.archive_answers.get() {
        return None;
    }
    let dead_letters = hub.archive.dead_letter_counts().await.ok()?;
    let total = i64::try_from(dead_letters.total).unwrap_or(i64::MAX);
    hub.metrics.dead_letter_list.set(Some(total));
    Some(dead_letters)
}

/// Who is registered, and for whom something is left.
fn services_now(picture: &Picture, dead_letters: Option<&DeadLetterCounts>) -> Vec<ServiceNow> {
    let mut found: BTreeMap<ServiceName, ServiceNow> = BTreeMap::new();
    for summary in &picture.services {
        let now = found.entry(summary.service.clone()).or_default();
        now.health = Some(summary.status);
        now.instances = Health::ALL.into_iter().zip(summary.instances).collect();
    }
    for (service, depths) in &picture.queues.services {
        if depths.open() > 0 || found.contains_key(service) {
            found.entry(service.clone()).or_default().depths = depths.clone();
        }
    }
    let dead_letters = dead_letters.map(|dead_letters| &dead_letters.by_destination);
    for service in dead_letters.into_iter().flat_map(BTreeMap::keys) {
        found.entry(service.clone()).or_default();
    }
    let named = found.into_iter().map(|(service, now)| ServiceNow {
        name: service.to_string(),
        dead_letters: dead_letters
            .map(|dead_letters| dead_letters.get(&service).copied().unwrap_or(0)),
        ..now
    });
    named.collect()
}

/// How far the slowest subscription is behind.
async fn show_lag(hub: &Hub) -> Result<(), HubError> {
    let inspect = InspectSubscriptions {
        id: None,
        service: None,
    };
    let views = hub.clients.event_bus.query(inspect).await?;
    let active = views
        .iter()
        .filter(|view| view.subscription.paused.is_none());
    let lag = active.map(|view| view.lag).max().unwrap_or(0);
    let gauge = &hub.metrics.subscriptions.lag_max;
    gauge.set(i64::try_from(lag).unwrap_or(i64::MAX));
    Ok(())
}
