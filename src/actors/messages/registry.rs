//! What is told to the Registry, and asked of it: services and their instances.

use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Address, Dependency, Health, Registration};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::dependencies::DependencyReport;
use crate::logic::feed_news::FeedId;
use crate::logic::service_view::{
    Alive, RegistrationOutcome, ServiceSummary, ServiceView, ServicesSurvey,
};

/// http → Registry → HealthProbe: add or replace an instance; answers whether it is new, and how it
/// is then, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Register {
    pub registration: Registration,
    pub reply: Reply<Result<RegistrationOutcome, Refusal>>,
}

/// http → Registry: remove a service, or one instance of it.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deregister {
    pub service: ServiceName,
    pub instance_id: Option<InstanceId>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Registry → HealthProbe: an instance says that it lives.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Heartbeat {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub reply: Reply<Result<Alive, Refusal>>,
}

/// http → Registry: an instance takes nothing new; answers since when, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DrainInstance {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub reply: Reply<Result<Timestamp, Refusal>>,
}

/// http → Registry: how instances of a service are chosen from now on; answers after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ChooseStrategy {
    pub service: ServiceName,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Registry: whether a service has what it needs; `None` if it is not registered.
#[derive(ActixMessage)]
#[rtype(result = "Option<DependencyReport>")]
pub struct InspectDependencies {
    pub service: ServiceName,
    /// What it would need, in place of what its instances say; then it need not be registered.
    pub instead: Option<Vec<Dependency>>,
}

/// WsSession → Registry: this socket takes messages of the service, and is an instance of it until
/// [`StopListening`]. Answered when the service is known to everybody; refused if the id is that of
/// an instance with an address.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Listen {
    pub socket: FeedId,
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Messages it has and has not settled, at most.
    pub prefetch: u32,
    pub reply: Reply<Result<(), Refusal>>,
}

/// WsSession → Registry: this socket takes no more messages of the service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct StopListening {
    pub socket: FeedId,
    pub service: ServiceName,
}

/// http → Registry: the services as they are.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceView>")]
pub struct InspectServices {
    pub service: Option<ServiceName>,
}

/// http → Registry: how many instances are registered, of one service or of each that has any.
#[derive(ActixMessage)]
#[rtype(result = "Vec<(ServiceName, usize)>")]
pub struct CountInstances {
    pub service: Option<ServiceName>,
}

/// hub → Registry: how the services are, in numbers; `None`: each that is registered.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceSummary>")]
pub struct SummarizeServices {
    pub services: Option<Vec<ServiceName>>,
}

/// hub → Registry: how the services are together.
#[derive(ActixMessage)]
#[rtype(result = "ServicesSurvey")]
pub struct SurveyServices;

/// Scheduler → Registry: somebody asked for messages of this service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Polled {
    pub service: ServiceName,
    /// How long the poll may last.
    pub wait: Duration,
}

/// HealthProbe → Registry.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ProbedHealth {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Which probe says so, of all that were ever begun.
    pub generation: u64,
    pub to: Health,
    /// In words: what led to it.
    pub cause: String,
}

/// HealthProbe → Registry: the instance answered its health check.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SignOfLife {
    pub service: ServiceName,
    pub instance_id: InstanceId,
}

/// CircuitBreaker → Registry → HealthProbe: how a real delivery went.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeliverySeen {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Where it was then: says nothing of who is somewhere else now.
    pub address: Arc<Address>,
    pub good: bool,
}

/// CircuitBreaker → Registry: the instance said 410 and wants no more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InstanceGone {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Where it was then: who is somewhere else now is not meant.
    pub address: Arc<Address>,
    /// When it was sent the message: who registered since is not meant.
    pub asked_at: Timestamp,
}
