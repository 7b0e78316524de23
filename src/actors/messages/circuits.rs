//! What clients ask of the Dispatcher.

use std::time::Duration;

use actix::Message as ActixMessage;

use super::Reply;
use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;

/// http → Dispatcher: the circuits as they are, at most one per service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectCircuits {
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
    pub failure_count: u32,
    pub last_failure: Option<Timestamp>,
    pub open_until: Option<Timestamp>,
    pub reset_timeout: Duration,
    pub in_flight: u32,
    pub window: u32,
}
