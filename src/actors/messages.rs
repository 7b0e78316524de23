//! Every message that crosses actors. This is the map.
//!
//! What is told to one actor, or asked of it, stands in the file of that actor; here is what
//! several of them are told. Messages go from `router` to `event_store`, from there as
//! [`Committed`] to everyone, by `scheduler` and `dispatcher` to a `circuit_breaker`, and by
//! `event_log` and `subscription` to a `callback_circuit`.
//!
//! An actor knows only its next hops. A request that a client waits for carries its answer's
//! channel with it ([`Reply`]), so that whoever finishes the work answers.

pub mod archivist;
pub mod callback_circuit;
pub mod circuit_breaker;
pub mod dead_letters;
pub mod dispatcher;
pub mod event_log;
pub mod event_store;
pub mod historian;
pub mod registry;
pub mod reply;
pub mod router;
pub mod scheduler;
pub mod subscription;
pub mod subscriptions;
pub mod warden;

use std::sync::Arc;

use actix::Message as ActixMessage;

use self::reply::Reply;
use crate::domain::event::Sequence;
use crate::domain::fact::Recorded;
use crate::domain::ids::ServiceName;
use crate::domain::moment::{Moment, StampOrigin};

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
    pub fn source(&self) -> StampOrigin {
        match self.replay {
            true => StampOrigin::Journal {
                set_since: self.set_since,
            },
            false => StampOrigin::News,
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

/// Dispatcher → Router, Registry: nothing is left of this service but that its name was known.
#[derive(ActixMessage, Clone, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct Forgotten {
    pub service: ServiceName,
}

/// Archivist → EventLog, Subscriptions, Historian: how far back events can be read at present. An
/// archive that was lost has less than was kept; one that is restored has it again.
#[derive(ActixMessage, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub struct HistoryBegins {
    /// The oldest event there is, or the next one to come; 1: nothing is known to be lost.
    pub oldest: Sequence,
}

/// Runtime → Scheduler: hand out nothing more; give pollers their empty answer.
/// Answers when nothing is with the dispatcher any more.
/// Runtime → Historian: begin nothing more.
/// Runtime → DeadLetters: redrive nothing more, and send to the journal how far the jobs are.
/// Runtime → EventLog: tell followers how far they are.
/// Runtime → Subscriptions: have the sockets close; answers when they are closed.
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
