//! What is told to the Dispatcher, and asked of it: which circuit gets what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::ids::{InstanceId, MessageType, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::service::Target;
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit::{Circuit, ForcedSince};
use crate::logic::queues::Delivery;

/// http → Dispatcher, EventBus: the circuits of services, or of callbacks, as they are.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectCircuits {
    /// `None`: all.
    pub circuit: Option<CircuitName>,
    pub reply: Reply<Vec<CircuitView>>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct CircuitView {
    pub circuit: CircuitName,
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
    /// Of a service: how many of them with which instance, where there are any.
    pub instances: BTreeMap<InstanceId, u32>,
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
    pub by: Option<ServiceName>,
    pub since: Timestamp,
}

/// http → Dispatcher → CircuitBreaker, http → EventBus → CallbackCircuit: go into this state;
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

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PickedInstance {
    pub instance_id: InstanceId,
    pub url: String,
}

/// Scheduler → Dispatcher: push these, within the credit given by [`WindowChanged`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Dispatch {
    pub service: ServiceName,
    pub deliveries: Vec<Delivery>,
}

/// Scheduler → Dispatcher: nothing waits for this service or is under way to it, and nobody is there
/// as far as the Scheduler was told.
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
    /// Nobody is there or expected, and nothing but what waits for it needs more of it than its name.
    pub is_left: bool,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
    /// What a circuit begins with that has just been made: somebody forced it so and it has not
    /// left that state since.
    pub forced: Option<ForcedSince>,
}
