//! Facts folded into the changes they make to the archive's rows.
//!
//! Everything that happens to a message between two batches becomes one change: a message
//! accepted and delivered meanwhile is one row, written once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, Sequence, Snapshot};
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::{MessageFact, MessagesRemoved, Redrive, Settlement};
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{Message, State};
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::logic::writer::Writer;

/// Changes to write in one transaction.
///
/// Whether a write that failed reached the disk is unknown, so it is repeated with the very
/// same batch: the archive's checkpoint tells whether it must still be written.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// Who writes it: as whom the archive was claimed, `None` for one that nobody claimed.
    pub writer: Option<Writer>,
    /// The archive must hold everything up to here before.
    pub after: Position,
    /// Everything up to here is in the archive once the batch is.
    pub through: Position,
    /// At most one for each message, in order of its first fact.
    pub changes: Vec<MessageChange>,
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    /// Oldest first.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// Events before this one go, after everything else in the batch was written.
    pub removed_before: Option<Sequence>,
    /// Stretches whose old messages go, after everything else in the batch was written.
    pub removed_messages: Vec<MessagesRemoved>,
    /// Oldest first.
    pub dead_events: Vec<DeadEventChange>,
}

/// What happened to a dead letter of a subscription.
#[derive(Clone, PartialEq, Debug)]
pub enum DeadEventChange {
    /// It stands in the list at `position` from now on, instead of any with its id.
    Dead {
        /// Where the list has it.
        position: Position,
        /// With the event and its attempts.
        dead_event: Arc<DeadEvent>,
    },
    /// It was redriven, delivered or deleted.
    Gone(MessageId),
}

/// What happened to one message.
#[derive(Clone, PartialEq, Debug)]
pub struct MessageChange {
    /// Which message.
    pub id: MessageId,
    /// Present when the message was accepted or redriven meanwhile.
    pub opening: Option<Opening>,
    /// How it ended, if it did (after `opening`).
    pub end: Option<End>,
    /// Finished attempts, oldest first, also those before a redrive.
    pub attempts: Vec<Attempt>,
    /// How many of `attempts` came after `opening`.
    pub delivery_attempts: u32,
    /// Whether it stands in the dead letter list; `None`: as before.
    pub dead_letter: Option<bool>,
    /// Whatever the archive has of it goes, and nothing else is said of it.
    pub is_deleted: bool,
}

/// The start of a message's present life.
#[derive(Clone, PartialEq, Debug)]
pub struct Opening {
    /// Where the row stands, unless the message has one already.
    pub position: Position,
    /// Accepted meanwhile: whatever the archive has under this id is replaced.
    pub is_new: bool,
    /// By which fact it began.
    pub opened: Opened,
}

/// What begins a life of a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Opened {
    /// Its first.
    Accepted(Arc<Message>),
    /// Another one, after it was dead or expired.
    Redriven(Arc<Redrive>),
}

/// A settled state and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// Settled, in one way or another.
    pub state: State,
    /// When, by the system's clock.
    pub at: Timestamp,
    /// Why the hub gave up on it; `None`: it did not.
    pub reason: Option<DeadReason>,
}

/// Collects the changes since the last batch.
#[derive(Debug)]
pub struct Projection {
    /// Where the present batch began.
    after: Position,
    through: Position,
    pending: Batch,
    /// Of what went into `pending`.
    bytes: usize,
    places: HashMap<MessageId, usize, ahash::RandomState>,
}

impl Opened {
    /// As it is from then on.
    pub fn message(&self) -> &Message {
        match self {
            Self::Accepted(message) => message,
            Self::Redriven(redrive) => &redrive.message,
        }
    }

    /// How often the message was redriven.
    pub fn times_redriven(&self) -> u32 {
        match self {
            Self::Accepted(_) => 0,
            Self::Redriven(redrive) => redrive.times,
        }
    }
}

impl Projection {
    /// Continues an archive that holds everything up to `after`.
    pub fn new(after: Position) -> Self {
        Self {
            after,
            through: after,
            pending: Batch::default(),
            bytes: 0,
            places: HashMap::default(),
        }
    }

    /// Takes in the next record; those already seen change nothing.
    pub fn apply(&mut self, record: &Recorded) {
        if record.position <= self.through {
            return;
        }
        self.through = record.position;
        self.bytes += record.fact.size_bytes();
        match &record.fact {
            Fact::Message(fact) => {
                if let Some(id) = fact.message_id() {
                    self.change(id).apply(record.position, fact);
                }
                self.pending.note_message(fact);
            }
            Fact::Event(fact) => self.pending.note_event(fact),
            Fact::Subscription(fact) => self.pending.note_dead_event(record.position, fact),
            Fact::Service(_) | Fact::Control(_) | Fact::CompactionSummary(_) => {}
        }
    }

    /// Changes not yet taken.
    pub fn len(&self) -> usize {
        let Batch {
            changes,
            events,
            snapshots,
            dead_events,
            ..
        } = &self.pending;
        changes.len() + events.len() + snapshots.len() + dead_events.len()
    }

    /// Whether there is nothing to write; all the same the archive may have to be told how far it
    /// is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most about so many bytes of memory are held by what was not yet taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The position of the newest record seen.
    pub fn through(&self) -> Position {
        self.through
    }

    /// Everything since the last batch; `None` if nothing was recorded since.
    pub fn take(&mut self) -> Option<Batch> {
        if self.through == self.after {
            return None;
        }
        self.places.clear();
        self.bytes = 0;
        let after = std::mem::replace(&mut self.after, self.through);
        Some(Batch {
            after,
            through: self.through,
            ..std::mem::take(&mut self.pending)
        })
    }

    /// Looks at every change; gives how many there are. Panics if a message has two.
    pub fn check(&self) -> usize {
        for (place, change) in self.pending.changes.iter().enumerate() {
            assert_eq!(self.places.get(&change.id), Some(&place));
        }
        self.places.len()
    }

    fn change(&mut self, id: MessageId) -> &mut MessageChange {
        let place = *self.places.entry(id).or_insert_with(|| {
            self.pending.changes.push(MessageChange::none(id));
            self.pending.changes.len() - 1
        });
        &mut self.pending.changes[place]
    }
}

impl Batch {
    /// What is not about one message alone.
    fn note_message(&mut self, fact: &MessageFact) {
        match fact {
            MessageFact::MessagesRemoved(removed) => self.removed_messages.push(*removed),
            MessageFact::DeadLetterDeleted(deleted) => {
                self.dead_events.push(DeadEventChange::Gone(deleted.id));
            }
            _ => {}
        }
    }

    fn note_event(&mut self, fact: &EventFact) {
        match fact {
            EventFact::EventPublished(event) => self.events.push(event.clone()),
            EventFact::SnapshotTaken(snapshot) => self.snapshots.push(snapshot.clone()),
            EventFact::EventsRemoved(removed) => self.removed_before = Some(removed.before),
        }
    }

    fn note_dead_event(&mut self, position: Position, fact: &SubscriptionFact) {
        let change = match fact {
            SubscriptionFact::EventDeadLettered(dead_event) => DeadEventChange::Dead {
                position,
                dead_event: dead_event.clone(),
            },
            SubscriptionFact::EventRedriven(dead_event) => DeadEventChange::Gone(dead_event.id),
            SubscriptionFact::EventDelivered(delivered) => DeadEventChange::Gone(delivered.id),
            _ => return,
        };
        self.dead_events.push(change);
    }
}

impl MessageChange {
    fn none(id: MessageId) -> Self {
        Self {
            id,
            opening: None,
            end: None,
            attempts: Vec::new(),
            delivery_attempts: 0,
            dead_letter: None,
            is_deleted: false,
        }
    }

    fn apply(&mut self, position: Position, fact: &MessageFact) {
        match fact {
            MessageFact::Accepted(message) => self.accept(position, message),
            MessageFact::Redriven(redrive) => self.redrive(position, redrive),
            MessageFact::AttemptFailed(failed) => self.finish_attempt(&failed.attempt),
            MessageFact::DeadLetterDeleted(_) | MessageFact::MessageDeleted(_) => self.delete(),
            other => {
                if let Some((state, settlement)) = other.settlement() {
                    self.settle(state, settlement);
                }
            }
        }
    }

    fn accept(&mut self, position: Position, message: &Arc<Message>) {
        *self = Self::none(self.id);
        self.open(Opening {
            position,
            is_new: true,
            opened: Opened::Accepted(message.clone()),
        });
    }

    fn delete(&mut self) {
        *self = Self {
            is_deleted: true,
            ..Self::none(self.id)
        };
    }

    fn redrive(&mut self, position: Position, redrive: &Arc<Redrive>) {
        let before = self.opening.as_ref();
        let first = redrive.position.unwrap_or(position);
        self.open(Opening {
            position: before.map_or(first, |opening| opening.position),
            is_new: before.is_some_and(|opening| opening.is_new),
            opened: Opened::Redriven(redrive.clone()),
        });
    }

    fn open(&mut self, opening: Opening) {
        self.opening = Some(opening);
        self.is_deleted = false;
        self.end = None;
        self.delivery_attempts = 0;
        self.dead_letter = Some(false);
    }

    fn settle(&mut self, state: State, settlement: &Settlement) {
        let expired = (state == State::Expired).then_some(DeadReason::Expired);
        self.end = Some(End {
            state,
            at: settlement.at,
            reason: settlement.reason.or(expired),
        });
        self.dead_letter = Some(matches!(state, State::Dead | State::Expired));
        if let Some(attempt) = &settlement.attempt {
            self.finish_attempt(attempt);
        }
    }

    fn finish_attempt(&mut self, attempt: &Attempt) {
        self.attempts.push(attempt.clone());
        self.delivery_attempts += 1;
    }

    /// The last error among `attempts`.
    pub fn last_error(&self) -> Option<&str> {
        let mut newest_first = self.attempts.iter().rev();
        newest_first.find_map(|attempt| attempt.error.as_deref())
    }
}

#[cfg(test)]
mod tests;
