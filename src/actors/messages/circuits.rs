//! What clients ask of the Dispatcher.

use std::time::Duration;

use actix::Message as ActixMessage;

use super::Reply;
use crate::domain::circuit::CircuitState;
use crate::domain::ids::{InstanceId, Label, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;

/// http → Dispatcher: the circuits as they are, at most one per service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectCircuits {
    /// `None`: of all services.
    pub service: Option<ServiceName>,
    pub reply: Reply<Vec<CircuitView>>,
}

/// Dispatcher → CircuitBreaker: add yours to the list.
#[derive(ActixMessage)]
#[rtype(result = "CircuitView")]
pub struct InspectCircuit;

#[derive(Clone, PartialEq, Debug)]
pub struct CircuitView {
    pub service: ServiceName,
    pub state: CircuitState,
    /// What led to this state; `None` if it never changed.
    pub reason: Option<String>,
    pub forced: Option<ForcedView>,
    /// In a row.
    pub failure_count: u32,
    /// Attempts of the last minute, since the circuit last closed.
    pub recent_attempts: u32,
    /// Those of them that failed.
    pub recent_failures: u32,
    pub last_failure: Option<Timestamp>,
    pub open_until: Option<Timestamp>,
    pub reset_timeout: Duration,
    pub in_flight: u32,
    pub window: u32,
}

/// Who wanted the present state, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForcedView {
    pub by: Option<ServiceName>,
    pub since: Timestamp,
}

/// http → Dispatcher → CircuitBreaker: go into this state; answers the circuit, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ForceCircuit {
    pub service: ServiceName,
    pub state: CircuitState,
    pub reason: String,
    /// How long it stays open; `None`: as configured.
    pub reset_timeout: Option<Duration>,
    pub by: Option<ServiceName>,
    pub reply: Reply<Result<CircuitView, Refusal>>,
}

/// http → Dispatcher → CircuitBreaker: whose turn is it?
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct PickInstance {
    pub service: ServiceName,
    /// Only instances that take messages of this type.
    pub kind: Option<Label>,
    pub reply: Reply<Result<PickedInstance, Refusal>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PickedInstance {
    pub instance_id: InstanceId,
    pub url: String,
}
