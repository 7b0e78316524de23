//! A service as a row of a list.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::logic::service_rows::ServiceRow;

/// What there is to be seen of a service at a glance. Rates are per second, averaged over about the
/// last minute: each second counts for 63 % less after another minute.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceRow)]
pub(crate) struct ServiceRowDetails {
    service: ServiceName,
    /// `unknown`: nobody is registered, but something is left for it.
    health: Health,
    /// Those that are registered.
    instances: usize,
    /// Those that can take messages; one more if somebody else polls.
    available: u32,
    circuit: CircuitState,
    /// When an open circuit is tried again by itself.
    open_until: Option<Timestamp>,
    /// Null: the hub pushes nothing to it.
    #[schema(inline)]
    window: Option<RowWindow>,
    #[schema(pattern = "^(running|paused)$")]
    queue: &'static str,
    #[schema(inline)]
    levels: Levels,
    /// Queued and parked.
    queued: usize,
    /// Those of them that wait as nobody takes them, or as the circuit is open.
    parked: usize,
    /// Between two attempts.
    retrying: usize,
    /// Not to be delivered yet.
    scheduled: usize,
    in_flight: usize,
    /// When the longest waiting message was accepted; null: none waits.
    oldest_at: Option<Timestamp>,
    /// Seconds that the longest waiting message has waited; null: none waits.
    oldest_age: Option<f64>,
    /// Null while the archive does not answer.
    dead_letters: Option<u64>,
    /// Messages accepted for it.
    in_rate: f64,
    /// Messages settled.
    out_rate: f64,
    /// Attempts that failed.
    fail_rate: f64,
}

/// Attempts to push to a service.
#[derive(Serialize, ToSchema)]
pub(crate) struct RowWindow {
    /// Under way.
    in_flight: u32,
    /// May be.
    limit: u32,
}

/// Queued and parked messages by priority.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) struct Levels {
    critical: usize,
    high: usize,
    normal: usize,
    low: usize,
    deferred: usize,
}

impl Levels {
    pub(crate) fn of(levels: &[usize; Priority::ALL.len()]) -> Self {
        let of = |priority: Priority| levels[priority.index()];
        Self {
            critical: of(Priority::Critical),
            high: of(Priority::High),
            normal: of(Priority::Normal),
            low: of(Priority::Low),
            deferred: of(Priority::Deferred),
        }
    }
}

impl ServiceRowDetails {
    /// `window`: attempts under way, and how many may be. `now`: by the system's clock.
    pub(crate) fn of(row: &ServiceRow, window: Option<(u32, u32)>, now: Timestamp) -> Self {
        let depths = &row.depths;
        let oldest = depths.oldest();
        Self {
            service: row.service.clone(),
            health: row.health,
            instances: row.instances,
            available: row.available,
            circuit: row.circuit,
            open_until: row.open_until,
            window: window.map(|(in_flight, limit)| RowWindow { in_flight, limit }),
            queue: match depths.paused {
                Some(_) => "paused",
                None => "running",
            },
            levels: Levels::of(&depths.levels),
            queued: depths.waiting(),
            parked: depths.parked,
            retrying: depths.retrying,
            scheduled: depths.scheduled,
            in_flight: depths.in_flight,
            oldest_at: oldest,
            oldest_age: oldest.map(|at| now.since(at).as_secs_f64()),
            dead_letters: row.dead_letters,
            in_rate: rounded(row.rates.incoming),
            out_rate: rounded(row.rates.outgoing),
            fail_rate: rounded(row.rates.failing),
        }
    }
}

/// To a hundredth, so that what is nearly over ends.
fn rounded(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}
