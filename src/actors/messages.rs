//! Every message that crosses actors, in the order in which they flow. This is the map.
//!
//! An actor knows only its next hops. A request that a client waits for carries its answer's
//! channel with it ([`Reply`]), so that whoever finishes the work answers. What clients ask of
//! one actor alone stands in a file for that actor.

mod admission;
mod callbacks;
mod circuits;
mod events;
mod feeds;
mod history;
mod letters;
mod queues;
mod redrive;
mod reply;
mod services;
mod subscriptions;

pub use admission::*;
pub use callbacks::*;
pub use circuits::*;
pub use events::*;
pub use feeds::*;
pub use history::*;
pub use letters::*;
pub use queues::*;
pub use redrive::*;
pub use reply::*;
pub use services::*;
pub use subscriptions::*;

use std::sync::Arc;
use std::time::Duration;

use actix::{Message as ActixMessage, Recipient};
use tokio::sync::oneshot;

use crate::domain::event::Sequence;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::{InstanceId, MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::moment::{Moment, Source};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Address, Health, Outlook, Target, TypeCapacity};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit::ForcedSince;
use crate::logic::queues::Delivery;

// ---- in: from a client to the journal ----

/// One message of a request, and what became of it so far.
#[derive(Clone, PartialEq, Debug)]
pub enum Slot {
    Offered(Offer),
    /// Not admitted, which matters only if it is new: a repeat is answered as one.
    Doubtful(Offer, Refusal),
    Accepted,
    /// Known already, with the same content, and in this state now: `Queued` stands for everything
    /// that is not settled, `None` for an end that is not remembered here.
    Duplicate(Option<State>),
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
/// journal says (a second settlement, say) are left out; what the hub itself publishes about the
/// rest is added. Never refused for lack of space.
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

    /// Has these facts written, and then does `then`; a journal that ends before answers nobody.
    pub fn and_then(
        event_store: &Recipient<Self>,
        facts: Vec<Fact>,
        then: impl FnOnce() + 'static,
    ) {
        let (reply, recorded) = oneshot::channel();
        event_store.do_send(Self {
            facts,
            reply: Some(reply),
        });
        actix::spawn(async move {
            if recorded.await.is_ok() {
                then();
            }
        });
    }
}

/// EventStore → Router: these were let in and not taken; what was reserved for them is free.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Release {
    pub messages: Vec<Arc<Message>>,
    /// The sources of events, one for each.
    pub publishers: Vec<ServiceName>,
}

// ---- out: from the journal to everyone ----

/// EventStore → everyone: this is in the journal now, in this order.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct Committed {
    pub records: Arc<[Recorded]>,
    /// When it got there, the same for everybody: what one actor arms a timer for another has to
    /// find due.
    pub at: Moment,
    /// Read at start, not news: nothing is sent out because of it.
    pub replay: bool,
    /// By how much the system's clock was set after these were stamped and before the hub started,
    /// in milliseconds.
    pub set_since: i64,
}

impl Committed {
    /// How the stamps of the records are to be read.
    pub fn source(&self) -> Source {
        match self.replay {
            true => Source::Journal {
                set_since: self.set_since,
            },
            false => Source::News,
        }
    }
}

/// Pulse → actors: the system's clock was set, or the hub stood still.
#[derive(ActixMessage, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct ClockSet;

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

/// Scheduler → Dispatcher: nothing waits for this service or is under way to it, and nobody is there
/// as far as the Scheduler was told.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Unneeded {
    pub service: ServiceName,
}

/// Dispatcher → Router, Registry: nothing is left of this service but that its name was known.
#[derive(ActixMessage, Clone, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct Forgotten {
    pub service: ServiceName,
}

/// Scheduler → Registry: somebody asked for messages of this service.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Polled {
    pub service: ServiceName,
    /// How long the poll may last.
    pub wait: Duration,
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

// ---- the archive ----

/// Archivist → EventStore: everything up to here is in the archive, durably.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Archived {
    pub through: Position,
}

/// Archivist → EventBus, Historian: how far back events can be read at present. An archive that
/// was lost has less than was kept; one that is restored has it again.
#[derive(ActixMessage, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct HistoryBegins {
    /// The oldest event there is, or the next one to come; 1: nothing is known to be lost.
    pub oldest: Sequence,
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
/// Runtime → Historian: begin nothing more.
/// Runtime → Redriver: redrive nothing more, and send to the journal how far the jobs are.
/// Runtime → EventBus: have the sockets close; answers when they are closed.
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
