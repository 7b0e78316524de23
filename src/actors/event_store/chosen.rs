//! What goes into one sync, what to say when it is done, and what becomes of both if there is no
//! room for it.

use std::sync::Arc;

use super::pending::Pending;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::router::{EventSlot, Slot};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::ServiceName;
use crate::domain::message::Message;
use crate::domain::refusal::Refusal;
use crate::logic::journal::units::Units;

/// What to say once the batch is on disk.
pub(super) enum Answer {
    Slots(Vec<Slot>, Reply<Vec<Slot>>),
    Events(Vec<EventSlot>, Reply<Vec<EventSlot>>),
    Recorded(Reply<()>),
}

impl Answer {
    /// A client that went away needs no answer.
    pub(super) fn send(self) {
        match self {
            Self::Slots(slots, reply) => drop(reply.send(slots)),
            Self::Events(slots, reply) => drop(reply.send(slots)),
            Self::Recorded(reply) => drop(reply.send(())),
        }
    }
}

/// A batch before it is written.
#[derive(Default)]
pub(super) struct Chosen {
    pub facts: Vec<Fact>,
    /// Which of them survive together.
    pub units: Units,
    pub answers: Vec<Answer>,
    /// What the Router made room for in vain.
    pub unused: Vec<Arc<Message>>,
    /// The sources of events that the Router counted in vain.
    pub unused_events: Vec<ServiceName>,
}

impl Chosen {
    /// For a disk without room or another shortage: what clients sent gets `refusal`, and what
    /// remains to be said now is left here. Gives back what waits for space: facts that settle
    /// older things, and who wants to know of them.
    pub(super) fn hold_back(&mut self, refusal: &Refusal) -> Vec<Pending> {
        let mut held = Vec::new();
        let (facts, units) = (
            std::mem::take(&mut self.facts),
            std::mem::take(&mut self.units),
        );
        for unit in units.cut(facts) {
            let mut kept = Vec::new();
            for fact in unit {
                match fact {
                    Fact::Message(MessageFact::Accepted(message)) => self.unused.push(message),
                    // A client's is refused below; the hub's own is made anew with its fact.
                    Fact::Event(EventFact::EventPublished(_)) => {}
                    fact => kept.push(fact),
                }
            }
            if !kept.is_empty() {
                held.push(Pending::Record(Record::unasked(kept)));
            }
        }
        for answer in std::mem::take(&mut self.answers) {
            match answer {
                Answer::Slots(mut slots, reply) => {
                    refuse_messages(&mut slots, refusal);
                    self.answers.push(Answer::Slots(slots, reply));
                }
                Answer::Events(mut slots, reply) => {
                    self.refuse_events(&mut slots, refusal);
                    self.answers.push(Answer::Events(slots, reply));
                }
                Answer::Recorded(reply) => held.push(Pending::Record(Record {
                    facts: Vec::new(),
                    reply: Some(reply),
                })),
            }
        }
        held
    }

    fn refuse_events(&mut self, slots: &mut [EventSlot], refusal: &Refusal) {
        for slot in slots {
            if let EventSlot::Published(event) = slot {
                self.unused_events.push(event.source.clone());
            }
            if event_depends_on_batch(slot) {
                *slot = EventSlot::Refused(refusal.clone());
            }
        }
    }
}

fn refuse_messages(slots: &mut [Slot], refusal: &Refusal) {
    for slot in slots
        .iter_mut()
        .filter(|slot| message_depends_on_batch(slot))
    {
        *slot = Slot::Refused(refusal.clone());
    }
}

/// Whether an answer may rest on what the batch would have written.
fn message_depends_on_batch(slot: &Slot) -> bool {
    matches!(
        slot,
        Slot::Accepted | Slot::Duplicate(_) | Slot::Refused(Refusal::OtherContent)
    )
}

/// As [`message_depends_on_batch`], for an event.
fn event_depends_on_batch(slot: &EventSlot) -> bool {
    matches!(
        slot,
        EventSlot::Published(_)
            | EventSlot::Duplicate
            | EventSlot::Refused(
                Refusal::OtherContent | Refusal::VersionConflict { .. } | Refusal::BatchRefused
            )
    )
}
