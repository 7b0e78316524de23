//! Circuits as those are told who ask.

use std::collections::BTreeMap;
use std::time::Duration;

use super::circuit::Circuit;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;

/// A circuit as it is now.
#[derive(Clone, PartialEq, Debug)]
pub struct CircuitView {
    /// What it is for.
    pub circuit: CircuitName,
    /// Whether attempts are let through.
    pub state: CircuitState,
    /// What led to this state; `None` if it never changed.
    pub reason: Option<String>,
    /// When it came to be so; `None` if it never changed.
    pub since: Option<Timestamp>,
    /// `None` unless somebody wanted the present state.
    pub forced: Option<ForcedView>,
    /// Failed attempts in a row.
    pub failure_count: u32,
    /// Attempts of the last minute, since the circuit last closed.
    pub recent_attempts: u32,
    /// Those of them that failed.
    pub recent_failures: u32,
    /// When an attempt last failed.
    pub last_failure: Option<Timestamp>,
    /// When it is tried again by itself.
    pub open_until: Option<Timestamp>,
    /// How long it stays open.
    pub reset_timeout: Duration,
    /// Attempts under way.
    pub in_flight: u32,
    /// Of a service: how many of them with which instance, where there are any.
    pub instances: BTreeMap<InstanceId, u32>,
    /// How many may be under way now.
    pub window: u32,
}

impl CircuitView {
    /// `capacity` is how many attempts may be under way at best.
    pub fn of(circuit: &mut Circuit, in_flight: u32, capacity: u32, now: Moment) -> Self {
        let recent = circuit.breaker.recent(now.hub);
        let shown = |at| now.wall_time(at);
        let latest = circuit.latest();
        let forced = latest.and_then(|changed| {
            let by = changed.forced.as_ref()?.by.clone();
            let since = changed.at;
            Some(ForcedView { by, since })
        });
        Self {
            circuit: circuit.name.clone(),
            state: circuit.breaker.state(),
            reason: latest.map(|changed| changed.reason.clone()),
            since: latest.map(|changed| changed.at),
            forced,
            failure_count: circuit.breaker.failure_count(),
            recent_attempts: recent.finished,
            recent_failures: recent.failed,
            last_failure: circuit.breaker.last_failure().map(shown),
            open_until: circuit.breaker.open_until().map(shown),
            reset_timeout: circuit.reset_timeout(),
            in_flight,
            instances: BTreeMap::new(),
            window: circuit.breaker.window(capacity),
        }
    }
}

/// Who wanted the present state, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForcedView {
    /// `None`: somebody without a name.
    pub by: Option<ServiceName>,
    /// When the state was asked for.
    pub since: Timestamp,
}
