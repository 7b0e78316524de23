//! `/health` and `/metrics`: how the hub is, answered from memory.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::ask::look;
use super::{Hub, Routes};
use crate::actors::messages::{InspectQueues, InspectServices, QueueReport};
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::door::Phase;
use crate::error::HubError;

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/health", "GET", [web::get().to(health)]);
    routes.at("/health/live", "GET", [web::get().to(live)]);
    routes.at("/health/ready", "GET", [web::get().to(ready)]);
    routes.at("/health/details", "GET", [web::get().to(details)]);
    routes.at("/metrics", "GET", [web::get().to(metrics)]);
}

/// What the actors know of it; nothing while the hub is starting.
async fn picture(hub: &Hub) -> Result<(QueueReport, BTreeMap<ServiceName, Health>), HubError> {
    if hub.door.phase() == Phase::Starting {
        return Ok(Default::default());
    }
    let queues = look(&hub.handles.inspect_queues, InspectQueues { service: None }).await?;
    let services = look(&hub.handles.services, InspectServices { service: None }).await?;
    let services = services
        .into_iter()
        .map(|view| (view.service, view.status))
        .collect();
    Ok((queues, services))
}

/// Degraded while it works with something missing; unhealthy only when it takes nothing in.
fn status(hub: &Hub) -> (Health, StatusCode) {
    if hub.door.phase() != Phase::Open {
        return (Health::Unhealthy, StatusCode::SERVICE_UNAVAILABLE);
    }
    let degraded = hub.metrics.disk_guard.get() > 0 || hub.metrics.archive_up.get() == 0;
    (
        if degraded {
            Health::Degraded
        } else {
            Health::Healthy
        },
        StatusCode::OK,
    )
}

async fn health(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (queues, services) = picture(&hub).await?;
    let (status, code) = status(&hub);
    let totals = queues.tally;
    Ok(HttpResponse::build(code).json(json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": uptime(&hub),
        "message_stats": {
            "processed": totals.delivered,
            "failed": totals.dead + totals.expired,
            "pending": queues.total.open(),
        },
        "services": services,
    })))
}

/// Whole seconds.
fn uptime(hub: &Hub) -> u64 {
    hub.clock.now().since(hub.clock.started_at()).as_secs()
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "healthy"}))
}

async fn ready(hub: web::Data<Hub>) -> HttpResponse {
    let (status, code) = status(&hub);
    let phase = match hub.door.phase() {
        Phase::Starting => "starting",
        Phase::Open => "open",
        Phase::Draining => "draining",
    };
    HttpResponse::build(code).json(json!({"status": status, "phase": phase}))
}

async fn details(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (queues, services) = picture(&hub).await?;
    let (status, code) = status(&hub);
    Ok(HttpResponse::build(code).json(json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": uptime(&hub),
        "components": components(&hub, &queues, services.len()),
        "set_but_unused": hub.settings.unused,
    })))
}

fn components(hub: &Hub, queues: &QueueReport, services: usize) -> Value {
    let metrics = &hub.metrics;
    let well = |is_well: bool| {
        if is_well {
            Health::Healthy
        } else {
            Health::Degraded
        }
    };
    let consumers = queues
        .services
        .iter()
        .filter(|(_, depths)| depths.in_flight > 0)
        .count();
    json!({
        "message_queue": {
            "status": Health::Healthy,
            "queue_depth": queues.total.waiting(),
            "in_flight": queues.total.in_flight,
            "consumers": consumers,
        },
        "service_registry": {"status": Health::Healthy, "registered_services": services},
        "journal": {
            "status": Health::Healthy,
            "bytes": metrics.journal_bytes.get(),
            "syncs": metrics.journal_syncs.get(),
            "records": metrics.journal_records.get(),
        },
        "archive": {
            "status": well(metrics.archive_up.get() > 0),
            "lag_records": metrics.archive_lag.get(),
        },
        "disk": {
            "status": well(metrics.disk_guard.get() == 0),
            "free_bytes": metrics.disk_free_bytes.get(),
        },
    })
}

async fn metrics(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (queues, services) = picture(&hub).await?;
    hub.metrics.show_messages(queues.tally, &queues.total);
    for (service, health) in services {
        hub.metrics.show_health(service.as_str(), health);
    }
    if let Ok(letters) = hub.archive.dead_letter_counts().await {
        hub.metrics
            .dead_letter_list
            .set(i64::try_from(letters.total).unwrap_or(i64::MAX));
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(hub.metrics.text()))
}
