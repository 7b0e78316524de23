//! `/health/details`: how each part of the hub is.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::status::{status, uptime, well};
use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::lack::Lack;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::http::picture::Picture;
use crate::http::sight::Sight;
use crate::http::state::HttpState;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::queues::pause::Pause;
use crate::logic::queues::report::QueueReport;

/// A clock that is set back by less is nothing to look after.
const NOTEWORTHY_OFFSET: Duration = Duration::from_secs(5);
/// A sync that takes longer keeps everybody waiting.
const SLOW_SYNC_MS: f64 = 1000.0;
/// `GET /v1/circuits` has them all.
const MOST_CIRCUITS: usize = 20;
/// So many paused queues are named.
const MOST_PAUSED: usize = 100;

/// How the hub and its parts are.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthDetails)]
pub(crate) struct Details<'a> {
    status: Health,
    version: &'static str,
    /// Whole seconds.
    uptime: u64,
    components: Components,
    /// Keys of the configuration that are set but without effect in this version.
    set_but_unused: &'a [String],
}

#[derive(Serialize, ToSchema)]
#[schema(as = HealthComponents)]
pub(crate) struct Components {
    message_queue: MessageQueueHealth,
    event_store: EventStoreHealth,
    service_registry: RegistryHealth,
    circuits: CircuitsHealth,
    journal: JournalHealth,
    archive: ArchiveHealth,
    disk: DiskHealth,
    connections: ConnectionsHealth,
    clock: ClockHealth,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MessageQueueHealth {
    status: Health,
    queue_depth: usize,
    in_flight: usize,
    /// Sockets that consume, and those who poll.
    consumers: usize,
    paused: PausedQueues,
}

/// The queues of which nothing is handed out.
#[derive(Serialize, ToSchema)]
pub(crate) struct PausedQueues {
    /// All are, together; null: no.
    all: Option<PauseAnswer>,
    /// How many are by their own names.
    count: usize,
    /// The first of them by name, at most 100; empty for those who see no names.
    queues: Vec<PausedQueue>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PausedQueue {
    #[schema(value_type = String)]
    service: ServiceName,
    #[serde(flatten)]
    pause: PauseAnswer,
}

/// Since when, and by whom.
#[derive(Serialize, ToSchema)]
#[schema(as = QueuePause)]
pub(crate) struct PauseAnswer {
    since: Timestamp,
    /// Null: nobody knows, or the one who asks sees no names.
    by: Option<String>,
}

impl PausedQueues {
    fn of(queues: &QueueReport, sight: Sight) -> Self {
        let answer = |pause: &Pause| PauseAnswer {
            since: pause.since,
            by: pause
                .by
                .as_deref()
                .filter(|_| sight.shows_names())
                .map(str::to_owned),
        };
        let named = queues.paused.iter().filter(|_| sight.shows_names());
        let named = named.take(MOST_PAUSED).map(|(service, pause)| PausedQueue {
            service: service.clone(),
            pause: answer(pause),
        });
        Self {
            all: queues.total.paused.as_ref().map(answer),
            count: queues.paused.len(),
            queues: named.collect(),
        }
    }
}

/// Of events and their history.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventStoreHealth {
    status: Health,
    /// Events that can be read; null: not counted yet.
    events: Option<i64>,
    /// How far the history is behind the journal; null: nobody knows.
    lag_records: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RegistryHealth {
    status: Health,
    registered_services: usize,
}

/// Of services and of callbacks.
#[derive(Serialize, ToSchema)]
pub(crate) struct CircuitsHealth {
    /// Degraded while one is open.
    status: Health,
    open: usize,
    half_open: usize,
    /// The first 20 of them; none for those who see no names.
    not_closed: Vec<NotClosedCircuit>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NotClosedCircuit {
    /// The service, or `callback:` and an origin.
    circuit: String,
    #[schema(value_type = String, pattern = "^(OPEN|HALF_OPEN)$")]
    state: CircuitState,
    /// What led to it; for operators and on the hub's own machine.
    reason: Option<String>,
    /// When it is tried again by itself; null: it was forced open, or is being tried.
    open_until: Option<Timestamp>,
}

impl CircuitsHealth {
    fn of(picture: &Picture, sight: Sight) -> Self {
        let count = |state| {
            picture
                .not_closed
                .iter()
                .filter(move |one| one.state == state)
        };
        let open = count(CircuitState::Open).count();
        let shown = picture.not_closed.iter().filter(|_| sight.shows_names());
        Self {
            status: well(open == 0),
            open,
            half_open: count(CircuitState::HalfOpen).count(),
            not_closed: shown
                .take(MOST_CIRCUITS)
                .map(|one| NotClosedCircuit {
                    circuit: one.circuit.clone(),
                    state: one.state,
                    reason: one.reason.clone().filter(|_| sight == Sight::All),
                    open_until: one.open_until,
                })
                .collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct JournalHealth {
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
pub(crate) struct ArchiveHealth {
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
pub(crate) struct DiskHealth {
    status: Health,
    free_bytes: i64,
}

/// Of clients.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionsHealth {
    /// Degraded while all that are served at once are in use.
    status: Health,
    open: i64,
    /// Served at once, as the limit of open files allows; one address has at most half of them.
    most: i64,
    /// Since the hub started, of addresses that had their half.
    refused: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ClockHealth {
    /// `degraded` while `ahead_seconds` is 5 or more.
    status: Health,
    /// How far times that the hub has used are ahead of the system's clock, because that was set
    /// back. It shrinks to 0 by itself.
    ahead_seconds: f64,
    /// How often the hub stood still since it started.
    pauses: u64,
}

/// How the parts of the hub are
///
/// What is counted by service is at most a second old. Names are told as by `/health`; who sees none
/// sees numbers.
#[utoipa::path(
    get,
    path = "/health/details",
    operation_id = "show_health_details",
    tag = "health",
    responses(
        (status = 200, description = "It works, if degraded with something missing", body = Details),
        (status = 503, description = "It is starting or stopping", body = Details),
    ),
)]
pub(crate) async fn details(
    request: HttpRequest,
    state: web::Data<HttpState>,
) -> Result<HttpResponse, HubError> {
    let hub = &state.hub;
    let phase = hub.phase.get();
    let found = state.pictures.latest(phase).await?;
    let picture = &found.what;
    let (status, code) = status(hub, phase, picture.is_overloaded());
    Ok(HttpResponse::build(code).json(Details {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(hub),
        components: components(hub, picture, Sight::of(&request, &state)),
        set_but_unused: &hub.settings.unused,
    }))
}

fn components(hub: &Hub, picture: &Picture, sight: Sight) -> Components {
    let metrics = &hub.metrics;
    let total = &picture.queues.total;
    let services = || picture.services.iter();
    let archive_answers = hub.status.archive_answers.get();
    let last_sync = metrics.last_sync.get();
    let last_sync_ms = last_sync.map(|(_, micros)| micros as f64 / 1000.0);
    Components {
        message_queue: MessageQueueHealth {
            status: well(!picture.is_overloaded() && !hub.status.intake.is_stopped()),
            queue_depth: total.waiting(),
            in_flight: total.in_flight,
            consumers: services().map(|one| one.consumers).sum(),
            paused: PausedQueues::of(&picture.queues, sight),
        },
        event_store: EventStoreHealth {
            status: well(archive_answers && !hub.status.intake.is_stopped()),
            events: metrics.archive_size.events.get(),
            lag_records: metrics.archive_lag.get(),
        },
        service_registry: RegistryHealth {
            status: well(!services().any(|one| one.is_failing)),
            registered_services: picture.services.len(),
        },
        circuits: CircuitsHealth::of(picture, sight),
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
            messages: metrics.archive_size.messages(total.open()),
            lost_before: Some(metrics.archive_lost_before.get()).filter(|lost| *lost > 0),
        },
        disk: DiskHealth {
            status: well(!hub.status.intake.is_stopped()),
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
