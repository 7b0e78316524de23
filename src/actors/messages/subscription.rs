//! What is told to one callback subscription by those who keep it.

use std::sync::Arc;

use actix::Message as ActixMessage;

use super::callback_circuit::CircuitHops;
use crate::domain::circuit::Origin;
use crate::domain::subscription::{DeadEvent, Replay, Subscription};

/// Subscriptions → Subscription: what the journal says of it now, and the circuit of its callback.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SubscriptionChanged {
    pub subscription: Arc<Subscription>,
    pub circuit: CircuitHops,
}

/// Subscriptions → Subscription: the circuit of this origin is gone, with all pushes it had under
/// way.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct CircuitLost {
    pub origin: Origin,
}

/// Subscriptions → Subscription: this dead letter's event is owed again.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeliverDeadEvent {
    pub dead_event: Arc<DeadEvent>,
}

/// Subscriptions → Subscription: send these past events beside the live ones.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct RunReplay {
    pub replay: Arc<Replay>,
}

/// Subscriptions → Subscription: it is no more.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct EndSubscription;

/// Subscriptions → Subscription: begin nothing more, and say when nothing is under way.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Rest;
