//! Between the EventBus, its subscriptions and the circuits of their callbacks.

use std::sync::Arc;

use actix::{Message as ActixMessage, Recipient};

use super::reply::Reply;
use crate::domain::circuit::Origin;
use crate::domain::event::Sequence;
use crate::domain::subscription::{EventLetter, Replay, Subscription, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::ports::transport::{PushAnswer, PushRequest};

/// Subscription → CallbackCircuit: push this, if the circuit lets it through now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct PushEvent {
    /// The subscription's own number of this push.
    pub push: u64,
    pub request: PushRequest,
    pub to: Recipient<EventPushed>,
}

/// CallbackCircuit → Subscription: what became of a push.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct EventPushed {
    pub push: u64,
    pub end: PushEnd,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushEnd {
    Answered(PushAnswer),
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

/// CallbackCircuit → Subscription: so many pushes may be tried now.
#[derive(ActixMessage, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct Turn {
    pub room: u32,
}

/// EventBus → Subscription: what the journal says of it now, and the circuit of its callback.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SubscriptionChanged {
    pub subscription: Arc<Subscription>,
    pub circuit: CircuitHops,
}

/// Where the circuit of an origin is asked.
#[derive(Clone)]
pub struct CircuitHops {
    pub origin: Origin,
    pub push: Recipient<PushEvent>,
    pub wait: Recipient<AwaitTurn>,
}

/// EventBus → Subscription: the circuit of this origin is gone, with all pushes it had under way.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct CircuitLost {
    pub origin: Origin,
}

/// EventBus → Subscription: this letter's event is owed again.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeliverLetter {
    pub letter: Arc<EventLetter>,
}

/// EventBus → Subscription: send these past events beside the live ones.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct RunReplay {
    pub replay: Arc<Replay>,
}

/// EventBus → Subscription: it is no more.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct EndSubscription;

/// EventBus → Subscription: begin nothing more; answered when nothing is under way.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Rest {
    pub reply: Reply<()>,
}

/// Subscription → EventBus: how far it is.
#[derive(ActixMessage, Clone, PartialEq, Debug)]
#[rtype(result = "()")]
pub struct Progressed {
    pub id: SubscriptionId,
    pub progress: Progress,
}

/// How a callback subscription is doing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// Everything up to here is delivered, dead or of no concern.
    pub position: Sequence,
    /// Where the position was when an event was last done with.
    pub worked_through: Sequence,
    pub in_flight: u32,
    /// Deliveries that failed since the last good one.
    pub failures: u32,
    pub last_error: Option<String>,
    /// An event that failed is tried again, now or later.
    pub is_retrying: bool,
    pub retry_at: Option<Timestamp>,
    pub is_circuit_open: bool,
    /// When the open circuit is tried again, as far as it is known.
    pub circuit_open_until: Option<Timestamp>,
}

/// Subscription → EventBus: the callback answered 410.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct CallbackGone {
    pub id: SubscriptionId,
}
