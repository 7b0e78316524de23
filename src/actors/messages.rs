//! Every message that crosses actors, in the order in which they flow. This is the map.
//!
//! An actor knows only its next hops. A request that a client waits for carries its answer's
//! channel with it ([`Reply`]), so that whoever finishes the work answers.

use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;
use tokio::sync::oneshot;

use crate::domain::fact::{Fact, Recorded, Tally};
use crate::domain::ids::{InstanceId, LeaseToken, MessageId, Position, ServiceName};
use crate::domain::message::{Lane, Message, Payload};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Health, Outlook, Registration, Target};
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::Delivery;
use crate::logic::queues::leases::Leased;
use crate::logic::queues::view::{OpenMessage, QueueDepths};

pub type Reply<T> = oneshot::Sender<T>;

// ---- in: from a client to the journal ----

/// One message of a request, and what became of it so far.
#[derive(Clone, PartialEq, Debug)]
pub enum Slot {
    Offered(Offer),
    /// Not admitted, which matters only if it is new: a repeat is answered as one.
    Doubtful(Offer, Refusal),
    Accepted,
    /// Known already, with the same content.
    Duplicate,
    Refused(Refusal),
}

impl Slot {
    /// The message, as long as nothing became of it.
    pub fn offered(&self) -> Option<&Message> {
        match self {
            Self::Offered(offer) => Some(&offer.message),
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Offer {
    pub message: Arc<Message>,
    /// Refuse rather than queue while nobody can take it.
    pub or_reject: bool,
}

/// http → Router → EventStore: take these messages. The answer has the same length and order,
/// and no slot in it is [`Slot::Offered`] or [`Slot::Doubtful`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Accept {
    pub slots: Vec<Slot>,
    pub reply: Reply<Vec<Slot>>,
}

/// Anyone → EventStore: write these facts, in this order. Facts that do not follow from what the
/// journal says (a second settlement, say) are left out. Never refused for lack of space.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Record {
    pub facts: Vec<Fact>,
    pub reply: Option<Reply<()>>,
}

impl Record {
    pub fn unasked(facts: Vec<Fact>) -> Self {
        Self { facts, reply: None }
    }
}

/// EventStore → Router: these reservations were not used.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Release {
    pub lanes: Vec<Lane>,
}

// ---- out: from the journal to everyone ----

/// EventStore → everyone: this is in the journal now, in this order.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct Committed {
    pub records: Arc<[Recorded]>,
    /// Read at start, not news: nothing is sent out because of it.
    pub replay: bool,
}

/// Runtime → actors: the replay is over, begin.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct Open;

// ---- delivery ----

/// Scheduler → Dispatcher: push these, within the credit given by [`WindowChanged`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Dispatch {
    pub service: ServiceName,
    pub deliveries: Vec<Delivery>,
}

/// Dispatcher → CircuitBreaker: the same, at the actor of that service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deliver {
    pub deliveries: Vec<Delivery>,
}

/// CircuitBreaker → Scheduler, Router: how many messages may be under way at once.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct WindowChanged {
    pub service: ServiceName,
    pub window: u32,
    pub outlook: Outlook,
}

/// CircuitBreaker → Scheduler: these were not tried; no attempt is spent.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct GiveBack {
    pub ids: Vec<MessageId>,
}

/// Dispatcher → Scheduler: the breaker of this service died with what it had in hand.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct GiveBackAll {
    pub service: ServiceName,
}

/// RetryTimer → Scheduler: the time of these has come (ttl, `deliver_at` or next attempt).
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Due {
    pub ids: Vec<MessageId>,
}

/// Scheduler → Registry: somebody asked for messages of this service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Polled {
    pub service: ServiceName,
    /// How long the poll may last.
    pub wait: Duration,
}

/// Registry → Dispatcher → CircuitBreaker: the instances as they are now.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct InstancesChanged {
    pub service: ServiceName,
    pub targets: Arc<[Target]>,
    /// Somebody polls, so messages can leave without a push.
    pub has_puller: bool,
}

/// HealthProbe → Registry.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct HealthChanged {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub from: Health,
    pub to: Health,
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
    pub good: bool,
}

/// CircuitBreaker → Registry: the instance said 410 and wants no more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InstanceGone {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// When the attempt began: who registered since is not meant.
    pub asked_at: Timestamp,
}

// ---- requests of clients to one actor ----

/// http → Scheduler: hand out messages of `service`, waiting up to `wait` for the first.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Receive {
    pub service: ServiceName,
    pub max: usize,
    pub wait: Duration,
    pub lease: Duration,
    pub reply: Reply<Vec<Leased>>,
}

/// http → Scheduler: the messages behind these leases are done, or failed.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct EndLeases {
    pub leases: Vec<LeaseToken>,
    /// Only leases of this service are valid; `None`: of any.
    pub owner: Option<ServiceName>,
    pub end: LeaseEnd,
    pub reply: Reply<Result<(), Refusal>>,
}

pub enum LeaseEnd {
    Ack,
    Nack {
        delay: Option<Duration>,
        reason: Option<String>,
    },
}

/// http → Scheduler: prolong these leases; answers their new end.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ExtendLeases {
    pub leases: Vec<LeaseToken>,
    /// As in [`EndLeases`].
    pub owner: Option<ServiceName>,
    pub lease: Duration,
    pub reply: Reply<Result<Timestamp, Refusal>>,
}

/// http → Scheduler: take a message back.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Cancel {
    pub id: MessageId,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Scheduler: begin the next attempt of a retrying message now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct RetryNow {
    pub id: MessageId,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Scheduler: tell `reply` when the message is settled. Dropping the receiver ends it.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct AwaitSettled {
    pub id: MessageId,
    pub reply: Reply<Fact>,
}

/// http → Scheduler: what is known of these messages; `None` where nothing is owed.
#[derive(ActixMessage)]
#[rtype(result = "Vec<Option<OpenMessage>>")]
pub struct Inspect {
    pub ids: Vec<MessageId>,
}

/// http → Scheduler: the depths of one destination or of all.
#[derive(ActixMessage)]
#[rtype(result = "QueueReport")]
pub struct InspectQueues {
    pub service: Option<ServiceName>,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueReport {
    /// Over the life of the data, at the very moment of the depths.
    pub tally: Tally,
    pub total: QueueDepths,
    pub services: Vec<(ServiceName, QueueDepths)>,
}

/// http → Router: how full the doors are.
#[derive(ActixMessage)]
#[rtype(result = "AdmissionReport")]
pub struct InspectAdmission;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdmissionReport {
    /// Every name that was ever a destination.
    pub known: Vec<ServiceName>,
    pub overflows: u64,
    pub throttles: u64,
    pub throttled: Vec<ServiceName>,
    pub overloaded: Vec<ServiceName>,
}

/// http → Registry: add or replace an instance; answers whether it is new, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Register {
    pub registration: Registration,
    pub reply: Reply<Registered>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registered {
    pub replaced: bool,
    pub health: Health,
}

/// http → Registry: remove a service, or one instance of it.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deregister {
    pub service: ServiceName,
    pub instance_id: Option<InstanceId>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Registry: the services as they are.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceView>")]
pub struct InspectServices {
    pub service: Option<ServiceName>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ServiceView {
    pub service: ServiceName,
    /// `Unknown` never shows: an instance nobody checked counts as healthy here.
    pub status: Health,
    pub last_seen: Option<Timestamp>,
    pub instances: Vec<InstanceView>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct InstanceView {
    pub registration: Arc<Registration>,
    pub health: Health,
    pub last_seen: Option<Timestamp>,
}

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
    pub state: crate::logic::breaker::CircuitState,
    pub failure_count: u32,
    pub last_failure: Option<Timestamp>,
    pub open_until: Option<Timestamp>,
    pub reset_timeout: Duration,
    pub in_flight: u32,
    pub window: u32,
}

// ---- dead letters ----

/// http → Archivist: make dead letter `id` owed again. Two at once: one wins, the other is told.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Reprocess {
    pub id: MessageId,
    pub destination: Option<ServiceName>,
    pub payload: Option<Payload>,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → Archivist: take `id` off the dead letter list.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeleteDeadLetter {
    pub id: MessageId,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → Archivist: write what is pending, so that the next read sees what was acknowledged.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Flush {
    pub reply: Reply<Result<(), crate::ports::archive::ArchiveError>>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveRefusal {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Archive(#[from] crate::ports::archive::ArchiveError),
}

/// Archivist → EventStore: everything up to here is in the archive, durably.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Archived {
    pub through: Position,
}

// ---- life and death ----

/// Anyone → Warden: the process cannot go on; its state is safe in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Fatal {
    pub actor: &'static str,
    pub cause: String,
}

/// Runtime → Scheduler: hand out nothing more; give pollers their empty answer.
/// Answers when nothing is with the dispatcher any more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Drain {
    pub reply: Reply<()>,
}

/// Runtime → EventStore, Archivist: write what you have, then answer.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Close {
    pub reply: Reply<()>,
}
