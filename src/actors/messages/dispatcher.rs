//! What is told to the Dispatcher, and asked of it: which circuit gets what.

use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::ids::{MessageType, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::Target;
use crate::domain::strategy::Strategy;
use crate::logic::circuit::ForcedSince;
use crate::logic::circuit_survey::{CircuitStanding, CircuitSummary};
use crate::logic::circuit_view::CircuitView;
use crate::logic::queues::Delivery;
use crate::logic::service_view::PickedInstance;

/// http → Dispatcher, Subscriptions: the circuits of services, or of callbacks, as they are.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectCircuits {
    /// `None`: all.
    pub circuits: Option<Vec<CircuitName>>,
    pub reply: Reply<Vec<CircuitView>>,
}

/// hub → Dispatcher, Subscriptions: the circuits that are not closed. No circuit is disturbed for it,
/// however many there are.
#[derive(ActixMessage)]
#[rtype(result = "Vec<CircuitSummary>")]
pub struct SurveyCircuits;

/// hub → Dispatcher, Subscriptions: which circuits there are.
#[derive(ActixMessage)]
#[rtype(result = "Vec<CircuitName>")]
pub struct ListCircuits;

/// CircuitBreaker → Dispatcher, CallbackCircuit → Subscriptions: the circuit is in this state now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct CircuitTurned {
    pub circuit: CircuitName,
    pub now: CircuitStanding,
}

/// http → Dispatcher → CircuitBreaker, http → Subscriptions → CallbackCircuit: go into this state;
/// answers the circuit, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ForceCircuit {
    pub circuit: CircuitName,
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
    pub message_type: Option<MessageType>,
    pub reply: Reply<Result<PickedInstance, Refusal>>,
}

/// Scheduler → Dispatcher: push these, within the credit that `WindowChanged` gave.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Dispatch {
    pub service: ServiceName,
    pub deliveries: Vec<Delivery>,
}

/// Scheduler → Dispatcher: nothing waits for this service or is under way to it, and nobody is
/// there as far as the Scheduler was told.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Unneeded {
    pub service: ServiceName,
}

/// Registry → Dispatcher → CircuitBreaker: the service and its instances as they are now.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct ServiceChanged {
    pub service: ServiceName,
    pub targets: Arc<[Target]>,
    /// Somebody polls, so messages can leave without a push.
    pub has_puller: bool,
    /// Nobody is there or expected, and nothing but what waits for it needs more of it than its
    /// name.
    pub is_left: bool,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
    /// What a circuit begins with that has just been made: somebody forced it so and it has not
    /// left that state since.
    pub forced: Option<ForcedSince>,
}
