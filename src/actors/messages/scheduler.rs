//! What is told to the Scheduler, and asked of it: queues, leases and what may be under way.

use std::sync::Arc;
use std::time::Duration;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::fact::Fact;
use crate::domain::ids::{LeaseToken, MessageId, Position, ServiceName};
use crate::domain::message::Priority;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::service::{Outlook, TypeCapacity};
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;
use crate::logic::queues::listing::{Stretch, Wanted};
use crate::logic::queues::report::QueueReport;
use crate::logic::queues::survey::QueueSurvey;
use crate::logic::queues::view::OpenMessage;
use crate::logic::queues::view::QueueDepths;

/// http → Scheduler: hand out messages of `service`, waiting up to `wait` for the first.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Receive {
    pub service: ServiceName,
    pub max: usize,
    pub wait: Duration,
    /// `None`: until it is settled or given back, which the asker vouches for.
    pub lease: Option<Duration>,
    /// The Registry knows of a socket by `Listen`, and of others by their asking.
    pub is_socket: bool,
    pub reply: Reply<Vec<Leased>>,
}

/// websocket, hub → Scheduler: nobody is there any more for these messages; no attempt is spent. Leases
/// that are over are left out.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ReturnLeases {
    pub leases: Vec<LeaseToken>,
    /// They had reached a consumer, which is not there any more.
    pub are_lost: bool,
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

/// http → Scheduler: pause the queue of this service, or all, or let it go on; answered after the
/// sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SwitchQueue {
    pub service: Option<ServiceName>,
    pub paused: bool,
    /// Who wants it, in words.
    pub by: Option<String>,
    pub reply: Reply<()>,
}

/// http → Scheduler: cancel what waits for this service, of one level or of all; answers how many.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ClearQueue {
    pub service: ServiceName,
    pub priority: Option<Priority>,
    pub reply: Reply<u64>,
}

/// http → Scheduler: what is known of these messages; `None` where nothing is owed.
#[derive(ActixMessage)]
#[rtype(result = "Vec<Option<OpenMessage>>")]
pub struct Inspect {
    pub ids: Vec<MessageId>,
}

/// http → Scheduler: the next of the messages that are owed, newest first, from `before` on.
#[derive(ActixMessage)]
#[rtype(result = "Stretch")]
pub struct ListOpen {
    pub wanted: Arc<Wanted>,
    pub before: Option<Position>,
    /// How many are taken, at most.
    pub most: usize,
}

/// http → Scheduler: the depths of one destination or of all.
#[derive(ActixMessage)]
#[rtype(result = "QueueReport")]
pub struct InspectQueues {
    pub service: Option<ServiceName>,
}

/// hub → Scheduler: how all queues are together, and which hold messages back.
#[derive(ActixMessage)]
#[rtype(result = "QueueSurvey")]
pub struct SurveyQueues;

/// hub → Scheduler: the depths of these destinations, as far as anything is known of them.
#[derive(ActixMessage)]
#[rtype(result = "Vec<(ServiceName, QueueDepths)>")]
pub struct InspectDepths {
    pub services: Vec<ServiceName>,
}

/// CircuitBreaker → Scheduler, Router: how many messages may be under way at once.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct WindowChanged {
    pub service: ServiceName,
    pub window: u32,
    pub outlook: Outlook,
    /// Empty: every type of message goes to every instance.
    pub types: Arc<[TypeCapacity]>,
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
    /// When they were found due.
    pub at: Moment,
}
