//! What is told to the Registry, and asked of it: services and their instances.

use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;
use serde::Serialize;

use super::event_log::FeedId;
use super::reply::Reply;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Address, Dependency, Health, Registration};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::dependencies::Report;
use crate::logic::page::MOST_BYTES;

/// http → Registry → HealthProbe: add or replace an instance; answers whether it is new, and how it
/// is then, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Register {
    pub registration: Registration,
    pub reply: Reply<Result<Registered, Refusal>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registered {
    pub replaced: bool,
    /// The fields that are not as they were; none if it is new.
    pub changed: Vec<&'static str>,
    /// It was draining, and takes messages again.
    pub undid_drain: bool,
    pub health: Health,
    /// Another instance of the service at the same host and port, with another path.
    pub beside: Option<InstanceId>,
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

/// How an instance is after its heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alive {
    pub health: Health,
    /// When the next heartbeat is overdue, if one was promised.
    pub expires_at: Option<Timestamp>,
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
#[rtype(result = "Option<Report>")]
pub struct InspectDependencies {
    pub service: ServiceName,
    /// What it would need, in place of what its instances say; then it need not be registered.
    pub instead: Option<Vec<Dependency>>,
}

/// WsSession → Registry: this socket takes messages of the service, and is an instance of it until
/// [`StopListening`]. Answered when the service is known to everybody; refused if the id is that of an instance with an address.
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

/// http → Registry: how the services are, in numbers.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceSummary>")]
pub struct SurveyServices;

/// A service as [`ServiceView`] shows it, without its instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSummary {
    pub service: ServiceName,
    pub status: Health,
    /// Its instances, in the order of [`Health::ALL`].
    pub instances: [usize; Health::ALL.len()],
    /// Who takes its messages by itself: sockets, and those who poll.
    pub consumers: usize,
    /// It is pushed to, and no instance is well.
    pub is_failing: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ServiceView {
    pub service: ServiceName,
    /// `Unknown` never shows: an instance nobody checked counts as healthy here.
    pub status: Health,
    pub last_seen: Option<Timestamp>,
    pub instances: Vec<InstanceView>,
    /// Instances that can take messages; one more if somebody else polls.
    pub available: u32,
    /// The strategy in force.
    pub strategy: Strategy,
    /// It was chosen for this service, not configured for all.
    pub has_own_strategy: bool,
    /// What it needs and is missing.
    pub issues: Vec<String>,
}

impl ServiceView {
    /// How many instances, by their ids, one answer shows.
    pub fn shown_instances(&self) -> usize {
        let (mut count, mut bytes) = (0, 0);
        for instance in &self.instances {
            if bytes >= MOST_BYTES {
                break;
            }
            bytes += instance.bytes();
            count += 1;
        }
        count
    }

    /// Roughly how large that is as text, in bytes.
    pub fn shown_bytes(&self) -> usize {
        let shown = &self.instances[..self.shown_instances()];
        let issues: usize = self.issues.iter().map(String::len).sum();
        500 + issues + shown.iter().map(InstanceView::bytes).sum::<usize>()
    }
}

impl InstanceView {
    fn bytes(&self) -> usize {
        700 + self.registration.bytes()
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct InstanceView {
    pub registration: Arc<Registration>,
    pub transport: Transport,
    pub health: Health,
    /// Of its health, or of the hub's start.
    pub since: Timestamp,
    /// What led to its health; `None` as long as nobody knows it.
    pub cause: Option<String>,
    pub last_seen: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub draining_since: Option<Timestamp>,
    pub out_of_rotation: Option<OutOfRotation>,
}

/// How messages come to an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The hub pushes them to its address.
    Http,
    /// Over a socket that is open now.
    WebSocket,
    /// It asks for them.
    Pull,
}

impl Transport {
    pub const ALL: [Self; 3] = [Self::Http, Self::WebSocket, Self::Pull];
}

/// Why an instance is sent nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfRotation {
    /// It answered 410 and has not registered since.
    Gone,
    Draining,
    Unhealthy,
}

impl OutOfRotation {
    pub const ALL: [Self; 3] = [Self::Gone, Self::Draining, Self::Unhealthy];
}

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
pub struct HealthChanged {
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
