//! How the parts of the hub are.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::lack::Lack;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::health::{ArchiveFigures, JournalFigures};
use crate::hub::picture::Picture;
use crate::hub::sight::Sight;
use crate::logic::queues::pause::Pause;
use crate::logic::queues::survey::QueueSurvey;

/// `GET /v1/circuits` has them all.
const MOST_CIRCUITS: usize = 20;
/// So many paused queues are named.
const MOST_PAUSED: usize = 100;

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
    all: Option<PauseView>,
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
    pause: PauseView,
}

/// Since when, and by whom.
#[derive(Serialize, ToSchema)]
#[schema(as = QueuePause)]
pub(crate) struct PauseView {
    since: Timestamp,
    /// Null: nobody knows, or the one who asks sees no names.
    by: Option<String>,
}

impl PausedQueues {
    fn of(queues: &QueueSurvey, sight: Sight) -> Self {
        let answer = |pause: &Pause| PauseView {
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
    /// What led to it; for operators, viewers and on the hub's own machine.
    reason: Option<String>,
    /// When it is tried again by itself; null: it was forced open, or is being tried.
    open_until: Option<Timestamp>,
}

impl CircuitsHealth {
    fn of(status: Health, picture: &Picture, sight: Sight) -> Self {
        let not_closed = &picture.circuits;
        let count = |state| not_closed.iter().filter(move |one| one.state == state);
        let open = count(CircuitState::Open).count();
        let shown = not_closed.iter().filter(|_| sight.shows_names());
        Self {
            status,
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

impl JournalHealth {
    fn of(status: Health, journal: &JournalFigures) -> Self {
        let millis = |took: Duration| took.as_micros() as f64 / 1000.0;
        Self {
            status,
            short_of: journal.short_of.map(Lack::name),
            bytes: journal.bytes,
            syncs: journal.syncs,
            records: journal.records,
            last_sync_at: journal.last_sync.map(|(at, _)| at),
            last_sync_ms: journal.last_sync.map(|(_, took)| millis(took)),
        }
    }
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

impl ArchiveHealth {
    fn of(status: Health, archive: ArchiveFigures) -> Self {
        Self {
            status,
            lag_records: archive.lag_records,
            bytes: archive.bytes,
            messages: archive.messages,
            lost_before: archive.lost_before,
        }
    }
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

impl Components {
    /// With what somebody sees who has this sight.
    pub(crate) fn of(hub: &Hub, picture: &Picture, sight: Sight) -> Self {
        let (health, figures) = (hub.health_of_parts(picture), hub.figures(picture));
        let queues = &picture.queues;
        Self {
            message_queue: MessageQueueHealth {
                status: health.queues,
                queue_depth: queues.total.waiting(),
                in_flight: queues.total.in_flight,
                consumers: picture.services.consumers,
                paused: PausedQueues::of(queues, sight),
            },
            event_store: EventStoreHealth {
                status: health.events,
                events: figures.archive.events,
                lag_records: figures.archive.lag_records,
            },
            service_registry: RegistryHealth {
                status: health.registry,
                registered_services: picture.services.registered,
            },
            circuits: CircuitsHealth::of(health.circuits, picture, sight),
            journal: JournalHealth::of(health.journal, &figures.journal),
            archive: ArchiveHealth::of(health.archive, figures.archive),
            disk: DiskHealth {
                status: health.disk,
                free_bytes: figures.free_bytes,
            },
            connections: ConnectionsHealth {
                status: health.connections,
                open: figures.connections.open,
                most: figures.connections.most,
                refused: figures.connections.refused,
            },
            clock: ClockHealth {
                status: health.clock,
                ahead_seconds: figures.ahead.as_secs_f64(),
                pauses: figures.pauses,
            },
        }
    }
}
