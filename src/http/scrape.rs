//! `/metrics`: what is measured. Most of it is counted where it happens; how many there are of
//! something is asked of its owner at each scrape.

use std::collections::BTreeMap;

use actix::Recipient;
use actix_web::{HttpResponse, web};

use super::ask::{ask, look};
use super::{Hub, Routes};
use crate::actors::messages::{
    CircuitView, InspectCircuits, InspectQueues, InspectServices, InspectSubscriptions,
    QueueReport, ServiceView,
};
use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::door::Phase;
use crate::error::HubError;
use crate::metrics::services::{Picture, ServiceNow};
use crate::ports::archive::DeadLetterCounts;

pub fn routes(routes: &mut Routes<'_>) {
    let metrics = [web::get().to(metrics), web::head().to(metrics)];
    routes.at("/metrics", "GET, HEAD", metrics);
}

/// The metrics, for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "show_metrics",
    tag = "health",
    security(()),
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub async fn metrics(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (mut queues, mut picture) = (QueueReport::default(), Picture::default());
    // Until then nobody knows anything, and asking would disturb who learns it.
    if hub.door.phase() != Phase::Starting {
        let letters = letters(&hub).await;
        queues = look(&hub.handles.inspect_queues, InspectQueues { service: None }).await?;
        let services = look(&hub.handles.services, InspectServices { service: None }).await?;
        picture = Picture {
            services: services_now(&queues, services, letters.as_ref()),
            circuits: circuits(&hub).await?,
            all_paused: queues.total.paused.is_some(),
        };
        show_lag(&hub).await?;
    }
    hub.metrics.time.show_ahead(hub.clock.ahead());
    let now = hub.clock.wall();
    let text = hub
        .metrics
        .text_with(queues.tally, &queues.total, &picture, now);
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}

/// How many dead letters there are, as far as that can be told.
async fn letters(hub: &Hub) -> Option<DeadLetterCounts> {
    // One that is another hub's answers too.
    if hub.metrics.archive_up.get() == 0 {
        return None;
    }
    let letters = hub.archive.dead_letter_counts().await.ok()?;
    let total = i64::try_from(letters.total).unwrap_or(i64::MAX);
    hub.metrics.dead_letter_list.set(Some(total));
    Some(letters)
}

/// Who is registered, and for whom something is left.
fn services_now(
    queues: &QueueReport,
    services: Vec<ServiceView>,
    letters: Option<&DeadLetterCounts>,
) -> Vec<ServiceNow> {
    let mut found: BTreeMap<ServiceName, ServiceNow> = BTreeMap::new();
    for view in services {
        let counts = Health::ALL.map(|health| {
            let instances = view.instances.iter();
            let of_it = instances.filter(|instance| instance.health == health);
            (health, of_it.count())
        });
        let now = found.entry(view.service).or_default();
        now.health = Some(view.status);
        now.instances = counts.to_vec();
    }
    for (service, depths) in &queues.services {
        if depths.open() > 0 || found.contains_key(service) {
            found.entry(service.clone()).or_default().depths = depths.clone();
        }
    }
    let letters = letters.map(|letters| &letters.by_destination);
    for service in letters.into_iter().flat_map(BTreeMap::keys) {
        found.entry(service.clone()).or_default();
    }
    let named = found.into_iter().map(|(service, now)| ServiceNow {
        name: service.to_string(),
        dead_letters: letters.map(|letters| letters.get(&service).copied().unwrap_or(0)),
        ..now
    });
    named.collect()
}

async fn circuits(hub: &Hub) -> Result<Vec<(String, CircuitState)>, HubError> {
    let mut circuits = Vec::new();
    for handle in [&hub.handles.circuits, &hub.handles.callback_circuits] {
        for view in inspect(handle).await? {
            circuits.push((view.circuit.to_string(), view.state));
        }
    }
    Ok(circuits)
}

async fn inspect(handle: &Recipient<InspectCircuits>) -> Result<Vec<CircuitView>, HubError> {
    let inspect = |reply| InspectCircuits {
        circuit: None,
        reply,
    };
    ask(handle, inspect).await
}

/// How far the slowest subscription is behind.
async fn show_lag(hub: &Hub) -> Result<(), HubError> {
    let inspect = InspectSubscriptions {
        id: None,
        service: None,
    };
    let views = look(&hub.handles.subscriptions, inspect).await?;
    let active = views
        .iter()
        .filter(|view| view.subscription.paused.is_none());
    let lag = active.map(|view| view.lag).max().unwrap_or(0);
    let gauge = &hub.metrics.subscriptions.lag_max;
    gauge.set(i64::try_from(lag).unwrap_or(i64::MAX));
    Ok(())
}
