//! Facts folded into the changes they make to the archive's rows.
//!
//! Everything that happens to a message between two batches becomes one change: a message
//! accepted and delivered meanwhile is one row, written once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, Sequence, Snapshot};
use crate::domain::fact::{Fact, MessagesRemoved, Recorded, Redrive, Settlement};
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{Message, State};
use crate::domain::subscription::EventLetter;
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
    pub changes: Vec<Change>,
    /// Oldest first.
    pub events: Vec<Arc<Event>>,
    pub snapshots: Vec<Arc<Snapshot>>,
    /// Events before this one go, after everything else in the batch was written.
    pub removed_before: Option<Sequence>,
    /// Stretches whose old messages go, after everything else in the batch was written.
    pub removed_messages: Vec<MessagesRemoved>,
    /// Oldest first.
    pub letters: Vec<LetterChange>,
}

/// What happened to a dead letter of a subscription.
#[derive(Clone, PartialEq, Debug)]
pub enum LetterChange {
    /// It stands in the list at `position` from now on, instead of any with its id.
    Dead {
        position: Position,
        letter: Arc<EventLetter>,
    },
    /// It was redriven, delivered or deleted.
    Gone(MessageId),
}

/// What happened to one message.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
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
    pub opened: Opened,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Opened {
    Accepted(Arc<Message>),
    Redriven(Arc<Redrive>),
}

/// A settled state and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    pub state: State,
    pub at: Timestamp,
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
        self.bytes += record.fact.bytes();
        if let Some(id) = record.fact.message_id() {
            self.change(id).apply(record);
        }
        self.pending.note_event(record);
    }

    /// Changes not yet taken.
    pub fn len(&self) -> usize {
        let Batch {
            changes,
            events,
            snapshots,
            letters,
            ..
        } = &self.pending;
        changes.len() + events.len() + snapshots.len() + letters.len()
    }

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

    fn change(&mut self, id: MessageId) -> &mut Change {
        let place = *self.places.entry(id).or_insert_with(|| {
            self.pending.changes.push(Change::none(id));
            self.pending.changes.len() - 1
        });
        &mut self.pending.changes[place]
    }
}

impl Batch {
    fn note_event(&mut self, record: &Recorded) {
        match &record.fact {
            Fact::EventPublished(event) => self.events.push(event.clone()),
            Fact::SnapshotTaken(snapshot) => self.snapshots.push(snapshot.clone()),
            Fact::EventsRemoved(removed) => self.removed_before = Some(removed.before),
            Fact::MessagesRemoved(removed) => self.removed_messages.push(*removed),
            Fact::EventDeadLettered(letter) => self.letters.push(LetterChange::Dead {
                position: record.position,
                letter: letter.clone(),
            }),
            Fact::EventRedriven(letter) => self.letters.push(LetterChange::Gone(letter.id)),
            Fact::EventDelivered(delivered) => self.letters.push(LetterChange::Gone(delivered.id)),
            Fact::DeadLetterDeleted(deleted) => self.letters.push(LetterChange::Gone(deleted.id)),
            _ => {}
        }
    }
}

impl Change {
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

    fn apply(&mut self, record: &Recorded) {
        match &record.fact {
            Fact::Accepted(message) => self.accept(record.position, message),
            Fact::Redriven(redrive) => self.redrive(record.position, redrive),
            Fact::AttemptFailed(failed) => self.finish_attempt(&failed.attempt),
            Fact::DeadLetterDeleted(_) | Fact::MessageDeleted(_) => self.delete(),
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
mod tests {
    use super::*;
    use crate::domain::fact::ServiceSeen;
    use crate::domain::ids::{Label, ServiceName};
    use crate::domain::message::{Payload, Priority};
    use crate::logic::journal::samples;

    fn message() -> Arc<Message> {
        let service = ServiceName::parse("billing").unwrap();
        Arc::new(Message {
            id: MessageId(uuid::Uuid::from_u128(7)),
            destination: service.clone(),
            source: service,
            message_type: Label::parse("order").unwrap(),
            priority: Priority::Normal,
            accepted_at: Timestamp::default(),
            expires_at: None,
            correlation_id: None,
            payload: Payload::parse("1").unwrap(),
            extras: None,
        })
    }

    fn expired(message: &Message) -> Fact {
        Fact::Expired(Settlement {
            id: message.id,
            at: Timestamp::from_millis(5),
            lane: message.lane(),
            attempt: None,
            reason: None,
            holds_key: false,
        })
    }

    fn project(after: Position, facts: impl IntoIterator<Item = (Position, Fact)>) -> Projection {
        let mut projection = Projection::new(after);
        for (position, fact) in facts {
            projection.apply(&Recorded { position, fact });
        }
        projection
    }

    #[test]
    fn a_message_is_one_change_and_its_payload_is_shared() {
        let message = message();
        let facts = [(4, Fact::Accepted(message.clone())), (5, expired(&message))];
        let mut projection = project(3, facts);
        assert_eq!(projection.len(), 1);

        let batch = projection.take().unwrap();
        assert_eq!((batch.after, batch.through), (3, 5));
        let change = &batch.changes[0];
        let end = change.end.unwrap();
        assert_eq!(end.state, State::Expired);
        assert_eq!(end.reason, Some(DeadReason::Expired));
        assert_eq!(change.dead_letter, Some(true));
        let Some(Opened::Accepted(shared)) = change.opening.as_ref().map(|o| &o.opened) else {
            panic!("{change:?}");
        };
        assert!(Arc::ptr_eq(shared, &message));
    }

    #[test]
    fn of_a_deleted_message_nothing_is_written() {
        let facts = [
            (4, samples::accepted(1)),
            (5, samples::dead_lettered(1)),
            (6, samples::dead_letter_deleted(1)),
        ];
        let batch = project(3, facts.clone()).take().unwrap();
        let expected = Change {
            is_deleted: true,
            ..Change::none(samples::id(1))
        };
        assert_eq!(batch.changes, [expected]);
        let again = [(7, samples::accepted(1)), (8, samples::delivered(1))];
        let mut facts = Vec::from(facts);
        facts.extend(again);
        let batch = project(3, facts).take().unwrap();
        assert!(!batch.changes[0].is_deleted);
        assert!(batch.changes[0].opening.as_ref().is_some_and(|o| o.is_new));
    }

    #[test]
    fn batches_join_without_a_gap() {
        let message = message();
        let mut projection = project(0, [(2, Fact::Accepted(message.clone()))]);
        let first = projection.take().unwrap();
        assert_eq!(projection.take(), None);
        projection.apply(&Recorded {
            position: 6,
            fact: expired(&message),
        });
        let second = projection.take().unwrap();
        assert_eq!((second.after, second.through), (first.through, 6));
        assert_eq!(second.changes[0].opening, None);
    }

    #[test]
    fn counts_the_bytes_of_what_it_holds() {
        let message = message();
        let published = samples::event_published(1, 1);
        let snapshot = samples::snapshot_taken(1, 1);
        let accepted = Fact::Accepted(message.clone());
        let expected = accepted.bytes() + published.bytes() + snapshot.bytes();
        let facts = [(4, accepted), (5, published), (6, snapshot)];
        let mut projection = project(3, facts);
        assert_eq!(projection.bytes(), expected);
        assert!(expected > message.bytes() as usize);
        projection.take();
        assert_eq!(projection.bytes(), 0);
    }

    #[test]
    fn records_already_seen_change_nothing() {
        let message = message();
        let facts = [(3, Fact::Accepted(message.clone())), (2, expired(&message))];
        let mut projection = project(3, facts);
        assert!(projection.is_empty());
        assert_eq!(projection.bytes(), 0);
        assert_eq!(projection.take(), None);
    }

    #[test]
    fn what_concerns_no_message_moves_on_without_a_change() {
        let seen = Fact::ServiceSeen(ServiceSeen {
            service: ServiceName::parse("billing").unwrap(),
            at: Timestamp::default(),
        });
        let mut projection = project(1, [(9, seen)]);
        assert!(projection.is_empty());
        assert_eq!(projection.take().unwrap().through, 9);
    }
}
