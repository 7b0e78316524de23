//! What is told to the circuit of a service.

use actix::Message as ActixMessage;

use crate::logic::circuit_view::CircuitView;
use crate::logic::queues::Delivery;

/// Dispatcher → CircuitBreaker, Subscriptions → CallbackCircuit: add yours to the list.
#[derive(ActixMessage)]
#[rtype(result = "CircuitView")]
pub struct InspectCircuit;

/// Dispatcher → CircuitBreaker: the same, at the actor of that service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deliver {
    pub deliveries: Vec<Delivery>,
}
