//! What is told to the circuit of a service.

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::logic::circuit_view::CircuitView;
use crate::logic::queues::Delivery;

/// Dispatcher → CircuitBreaker, Subscriptions → CallbackCircuit: the circuit as it is.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectCircuit {
    pub reply: Reply<CircuitView>,
}

/// Dispatcher → CircuitBreaker: the same, at the actor of that service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deliver {
    pub deliveries: Vec<Delivery>,
}
