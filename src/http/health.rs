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
use crate::actors::messages::{
    InspectAdmission, InspectQueues, InspectServices, InstanceView, QueueReport, ServiceView,
    Transport,
};
use crate::domain::ids::ServiceName;
use crate::domain::lack::Lack;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
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
async fn picture(hub: &Hub) -> Result<Picture, HubError> {
    if hub.door.phase() == Phase::Starting {
        return Ok(Picture::default());
    }
    let queues = look(&hub.handles.inspect_queues, InspectQueues { service: None }).await?;
    let door = look(&hub.handles.admission, InspectAdmission).await?;
    let views = look(&hub.handles.services, InspectServices { service: None }).await?;
    let consumers = views.iter().map(consumers).sum();
    let has_failing = views.iter().any(is_failing);
    let services = views.into_iter().map(|view| (view.service, view.status));
    Ok(Picture {
        queues,
        services: services.collect(),
        consumers,
        has_failing,
        is_overloaded: door.memory_full || door.destinations.values().any(|door| door.is_full),
    })
}

/// What the actors know at one moment.
#[derive(Default)]
struct Picture {
    queues: QueueReport,
    services: BTreeMap<ServiceName, Health>,
    consumers: usize,
    /// A queue refuses what comes.
    is_overloaded: bool,
    /// Of a service that is pushed to, no instance is well.
    has_failing: bool,
}

fn is_failing(view: &ServiceView) -> bool {
    let mut instances = view.instances.iter();
    view.status == Health::Unhealthy && instances.any(|one| one.transport == Transport::Http)
}

/// Who takes messages of a service by itself: sockets, and those who poll.
fn consumers(view: &ServiceView) -> usize {
    let can_take = |instance: &&InstanceView| instance.health != Health::Unhealthy;
    let instances = || view.instances.iter().filter(can_take);
    let pushed = instances().filter(|one| one.transport == Transport::Http);
    let others = instances().count() - pushed.count();
    let polls_unnamed = usize::try_from(view.available).unwrap_or(0) > instances().count();
    others + usize::from(polls_unnamed)
}

/// Degraded while it works with something missing; unhealthy only when it takes nothing in.
fn status(hub: &Hub, is_overloaded: bool) -> (Health, StatusCode) {
    if hub.door.phase() != Phase::Open {
        return (Health::Unhealthy, StatusCode::SERVICE_UNAVAILABLE);
    }
    let has_no_disk = hub.metrics.disk_guard.get() > 0;
    let degraded = is_overloaded || has_no_disk || hub.metrics.archive_up.get() == 0;
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
    event_store: EventStoreHealth,
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
    /// Sockets that consume, and those who poll.
    consumers: usize,
}

/// Of events and their history.
#[derive(Serialize, ToSchema)]
pub struct EventStoreHealth {
    status: Health,
    /// Events that can be read; null: not counted yet.
    events: Option<i64>,
    /// How far the history is behind the journal; null: nobody knows.
    lag_records: Option<i64>,
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
    /// Null: nothing was written since the start.
    last_sync_at: Option<Timestamp>,
    /// How long it took.
    last_sync_ms: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct ArchiveHealth {
    status: Health,
    /// How far it is behind the journal; null: nobody knows.
    lag_records: Option<i64>,
    /// Null: not counted yet.
    bytes: Option<i64>,
    /// Messages by state, counted from time to time; `queued` stands for all that are not settled.
    #[schema(value_type = BTreeMap<String, i64>)]
    messages: BTreeMap<&'static str, i64>,
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
    let picture = picture(&hub).await?;
    let (status, code) = status(&hub, picture.is_overloaded);
    let totals = picture.queues.tally;
    let attention = match hub.door.phase() {
        Phase::Starting => Vec::new(),
        _ => attention(&hub, &picture.queues).await?,
    };
    Ok(HttpResponse::build(code).json(HealthAnswer {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        message_stats: MessageStats {
            processed: totals.delivered,
            failed: totals.dead + totals.expired,
            pending: picture.queues.total.open(),
        },
        services: picture.services,
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
    // One queue that is full is no reason to send all others elsewhere.
    let (status, code) = status(&hub, false);
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
    let picture = picture(&hub).await?;
    let (status, code) = status(&hub, picture.is_overloaded);
    Ok(HttpResponse::build(code).json(Details {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        components: components(&hub, &picture),
        set_but_unused: &hub.settings.unused,
    }))
}

/// A sync that takes longer keeps everybody waiting.
const SLOW_SYNC_MS: f64 = 1000.0;

fn components(hub: &Hub, picture: &Picture) -> Components {
    let metrics = &hub.metrics;
    let total = &picture.queues.total;
    let archive_answers = metrics.archive_up.get() > 0;
    let last_sync = metrics.last_sync.get();
    let last_sync_ms = last_sync.map(|(_, micros)| micros as f64 / 1000.0);
    Components {
        message_queue: MessageQueueHealth {
            status: well(!picture.is_overloaded && metrics.disk_guard.get() == 0),
            queue_depth: total.waiting(),
            in_flight: total.in_flight,
            consumers: picture.consumers,
        },
        event_store: EventStoreHealth {
            status: well(archive_answers && metrics.disk_guard.get() == 0),
            events: metrics.archive_size.events.get(),
            lag_records: metrics.archive_lag.get(),
        },
        service_registry: RegistryHealth {
            status: well(!picture.has_failing),
            registered_services: picture.services.len(),
        },
        journal: JournalHealth {
            status: well(
                metrics.journal_lack.get() == 0
                    && last_sync_ms.is_none_or(|took| took < SLOW_SYNC_MS),
            ),
            short_of: Lack::from_number(metrics.journal_lack.get()).map(Lack::name),
            bytes: metrics.journal_bytes.get(),
            syncs: metrics.journal_syncs.get(),
            records: metrics.journal_records.get(),
            last_sync_at: last_sync.map(|(at, _)| Timestamp::from_millis(at)),
            last_sync_ms,
        },
        archive: ArchiveHealth {
            status: well(archive_answers),
            lag_records: metrics.archive_lag.get(),
            bytes: metrics.archive_size.bytes.get(),
            messages: metrics.archive_size.messages(),
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
