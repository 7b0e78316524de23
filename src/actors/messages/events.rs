//! Publishing: from a client to the journal.

use std::sync::Arc;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::event::{Event, ExpectedVersion};
use crate::domain::refusal::Refusal;

/// One event of a request, and what became of it so far.
#[derive(Clone, PartialEq, Debug)]
pub enum EventSlot {
    Offered(Box<EventOffer>),
    /// Not admitted, which matters only if it is new: a repeat is answered as one.
    Doubtful(Box<EventOffer>, Refusal),
    /// As it was written, with its sequence and version.
    Published(Arc<Event>),
    /// Known already, with the same content.
    Duplicate,
    Refused(Refusal),
}

#[derive(Clone, PartialEq, Debug)]
pub struct EventOffer {
    /// Without sequence, version and time, which the writer gives it.
    pub event: Event,
    pub expected_version: Option<ExpectedVersion>,
}

impl EventSlot {
    /// The event, as long as nothing became of it.
    pub fn offered(&self) -> Option<&Event> {
        match self {
            Self::Offered(offer) => Some(&offer.event),
            _ => None,
        }
    }

    /// Makes of the slots of an atomic batch what they are once the one at `index` was refused.
    pub fn refuse_others(slots: &mut [Self], index: usize) {
        for (other, slot) in slots.iter_mut().enumerate() {
            if other != index {
                *slot = Self::Refused(Refusal::BatchRefused);
            }
        }
    }
}

/// http → Router → EventStore: publish these events, in this order. The answer has the same length
/// and order, and no slot in it is [`EventSlot::Offered`] or [`EventSlot::Doubtful`].
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Publish {
    pub slots: Vec<EventSlot>,
    /// All or none.
    pub atomic: bool,
    pub reply: Reply<Vec<EventSlot>>,
}
