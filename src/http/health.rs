//! `/health`: how the hub is, answered from memory.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::look;
use super::attention::attention;
use super::{Hub, Routes};
use crate::actors::messages::{InspectQueues, InspectServices, QueueReport};
use crate::domain::ids::ServiceName;
use crate::domain::lack::Lack;
use crate::domain::service::Health;
use crate::door::Phase;
use crate::error::HubError;

/// A clock that is set back by less is nothing to look after.
const NOTEWORTHY_OFFSET: Duration = Duration::from_secs(5);

pub fn routes(routes: &mut Routes<'_>) {
    let health = [web::get().to(health), web::head().to(health)];
    routes.at("/health", "GET, HEAD", health);
    let live = [web::get().to(live), web::head().to(live)];
    routes.at("/health/live", "GET, HEAD", live);
    let ready = [web::get().to(ready), web::head().to(ready)];
    routes.at("/health/ready", "GET, HEAD", ready);
    routes.at("/health/details", "GET", [web::get().to(details)]);
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
    (well(!degraded), StatusCode::OK)
}

/// How the hub is, in short.
#[derive(Serialize, ToSchema)]
pub struct HealthAnswer {
    status: Health,
    version: &'static str,
    /// Whole seconds.
    uptime: u64,
    message_stats: MessageStats,
    #[schema(value_type = BTreeMap<String, Health>)]
    services: BTreeMap<ServiceName, Health>,
    /// The worst that is wrong now, in words; at most three things.
    attention: Vec<String>,
}

/// Counted ever, over restarts.
#[derive(Serialize, ToSchema)]
pub struct MessageStats {
    /// Delivered.
    processed: i64,
    /// Dead and expired.
    failed: i64,
    /// Everything that is not settled.
    pending: usize,
}

#[derive(Serialize, ToSchema)]
pub struct Liveness {
    /// `healthy`.
    status: Health,
}

#[derive(Serialize, ToSchema)]
pub struct Readiness {
    status: Health,
    #[schema(pattern = "^(starting|open|draining)$")]
    phase: &'static str,
}

/// How the hub and its parts are.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthDetails)]
pub struct Details<'a> {
    status: Health,
    version: &'static str,
    /// Whole seconds.
    uptime: u64,
    components: Components,
    /// Keys of the configuration that are set but without effect in this version.
    set_but_unused: &'a [&'static str],
}

#[derive(Serialize, ToSchema)]
#[schema(as = HealthComponents)]
pub struct Components {
    message_queue: MessageQueueHealth,
    service_registry: RegistryHealth,
    journal: JournalHealth,
    archive: ArchiveHealth,
    disk: DiskHealth,
    connections: ConnectionsHealth,
    clock: ClockHealth,
}

#[derive(Serialize, ToSchema)]
pub struct MessageQueueHealth {
    status: Health,
    queue_depth: usize,
    in_flight: usize,
    /// Services with something in flight.
    consumers: usize,
}

#[derive(Serialize, ToSchema)]
pub struct RegistryHealth {
    status: Health,
    registered_services: usize,
}

#[derive(Serialize, ToSchema)]
pub struct JournalHealth {
    status: Health,
    /// What it cannot be written for now, so that nothing new is accepted; null: nothing.
    short_of: Option<&'static str>,
    bytes: i64,
    syncs: u64,
    records: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ArchiveHealth {
    status: Health,
    /// How far it is behind the journal.
    lag_records: i64,
    /// The history of events before this sequence is not in the archive, which was lost; null: all
    /// that was kept is there.
    lost_before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct DiskHealth {
    status: Health,
    free_bytes: i64,
}

/// Of clients.
#[derive(Serialize, ToSchema)]
pub struct ConnectionsHealth {
    /// Degraded while all that are served at once are in use.
    status: Health,
    open: i64,
    /// Served at once, as the limit of open files allows; one address has at most half of them.
    most: i64,
    /// Since the hub started, of addresses that had their half.
    refused: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ClockHealth {
    /// `degraded` while `ahead_seconds` is 5 or more.
    status: Health,
    /// How far times that the hub has used are ahead of the system's clock, because that was set
    /// back. It shrinks to 0 by itself.
    ahead_seconds: f64,
    /// How often the hub stood still since it started.
    pauses: u64,
}

/// How the hub is
///
/// Answered from memory, at any time and to anybody.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "show_health",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "It works, if degraded with something missing", body = HealthAnswer),
        (status = 503, description = "It is starting or stopping", body = HealthAnswer),
    ),
)]
pub async fn health(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (queues, services) = picture(&hub).await?;
    let (status, code) = status(&hub);
    let totals = queues.tally;
    let attention = match hub.door.phase() {
        Phase::Starting => Vec::new(),
        _ => attention(&hub, &queues).await?,
    };
    Ok(HttpResponse::build(code).json(HealthAnswer {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        message_stats: MessageStats {
            processed: totals.delivered,
            failed: totals.dead + totals.expired,
            pending: queues.total.open(),
        },
        services,
        attention,
    }))
}

/// Whole seconds.
fn uptime(hub: &Hub) -> u64 {
    hub.clock.running().as_secs()
}

/// Whether the process lives
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "show_liveness",
    tag = "health",
    security(()),
    responses((status = 200, description = "It lives", body = Liveness)),
)]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Liveness {
        status: Health::Healthy,
    })
}

/// Whether the hub takes messages
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "show_readiness",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "It is open", body = Readiness),
        (status = 503, description = "It is starting or stopping", body = Readiness),
    ),
)]
pub async fn ready(hub: web::Data<Hub>) -> HttpResponse {
    let (status, code) = status(&hub);
    let phase = match hub.door.phase() {
        Phase::Starting => "starting",
        Phase::Open => "open",
        Phase::Draining => "draining",
    };
    HttpResponse::build(code).json(Readiness { status, phase })
}

/// How the parts of the hub are
#[utoipa::path(
    get,
    path = "/health/details",
    operation_id = "show_health_details",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "It works, if degraded with something missing", body = Details),
        (status = 503, description = "It is starting or stopping", body = Details),
    ),
)]
pub async fn details(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let (queues, services) = picture(&hub).await?;
    let (status, code) = status(&hub);
    Ok(HttpResponse::build(code).json(Details {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        components: components(&hub, &queues, services.len()),
        set_but_unused: &hub.settings.unused,
    }))
}

fn components(hub: &Hub, queues: &QueueReport, services: usize) -> Components {
    let metrics = &hub.metrics;
    let consumers = queues
        .services
        .iter()
        .filter(|(_, depths)| depths.in_flight > 0)
        .count();
    Components {
        message_queue: MessageQueueHealth {
            status: Health::Healthy,
            queue_depth: queues.total.waiting(),
            in_flight: queues.total.in_flight,
            consumers,
        },
        service_registry: RegistryHealth {
            status: Health::Healthy,
            registered_services: services,
        },
        journal: JournalHealth {
            status: well(metrics.journal_lack.get() == 0),
            short_of: Lack::from_number(metrics.journal_lack.get()).map(Lack::name),
            bytes: metrics.journal_bytes.get(),
            syncs: metrics.journal_syncs.get(),
            records: metrics.journal_records.get(),
        },
        archive: ArchiveHealth {
            status: well(metrics.archive_up.get() > 0),
            lag_records: metrics.archive_lag.get(),
            lost_before: Some(metrics.archive_lost_before.get()).filter(|lost| *lost > 0),
        },
        disk: DiskHealth {
            status: well(metrics.disk_guard.get() == 0),
            free_bytes: metrics.disk_free_bytes.get(),
        },
        connections: ConnectionsHealth {
            status: well(metrics.connections.open.get() < metrics.connections.most.get()),
            open: metrics.connections.open.get(),
            most: metrics.connections.most.get(),
            refused: metrics.connections.refused.get(),
        },
        clock: ClockHealth {
            status: well(hub.clock.ahead() < NOTEWORTHY_OFFSET),
            ahead_seconds: hub.clock.ahead().as_secs_f64(),
            pauses: metrics.time.pauses(),
        },
    }
}

fn well(is_well: bool) -> Health {
    if is_well {
        Health::Healthy
    } else {
        Health::Degraded
    }
}
