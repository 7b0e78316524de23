//! What is told to the circuit of a callback, and what it answers.

use actix::{Message as ActixMessage, Recipient};

use crate::domain::circuit::Origin;
use crate::domain::timestamp::Timestamp;
use crate::ports::transport::{PushRequest, PushResponse};

/// Subscription → CallbackCircuit: push this, if the circuit lets it through now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct PushEvent {
    /// The subscription's own number of this push.
    pub push: u64,
    pub request: PushRequest,
    pub to: Recipient<EventPushed>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushEnd {
    Answered(PushResponse),
    /// It was not tried, because of the circuit: wait for your turn.
    NotNow {
        /// Nothing goes there but trials.
        is_open: bool,
        /// When the circuit is tried again, if it is known.
        until: Option<Timestamp>,
    },
}

/// Subscription → CallbackCircuit: it has something to push, and waits until the circuit lets
/// it through.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct AwaitTurn {
    pub to: Recipient<Turn>,
}

/// Where the circuit of an origin is asked.
#[derive(Clone)]
pub struct CircuitHops {
    pub origin: Origin,
    pub push: Recipient<PushEvent>,
    pub wait: Recipient<AwaitTurn>,
}

/// CallbackCircuit → Subscription: what became of a push.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct EventPushed {
    pub push: u64,
    pub end: PushEnd,
}

/// CallbackCircuit → Subscription: so many pushes may be tried now.
#[derive(ActixMessage, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct Turn {
    pub room: u32,
}
