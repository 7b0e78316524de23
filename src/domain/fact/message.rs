//! What happens to messages.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sizes::SMALL_BYTES;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{JobId, MessageId, Position};
use crate::domain::message::{Lane, Message, State};
use crate::domain::timestamp::Timestamp;

/// What happened to a message, or to several of them at once.
#[derive(Clone, PartialEq, Debug)]
pub enum MessageFact {
    /// The hub owes this message from now on.
    Accepted(Arc<Message>),
    /// A try failed and another will follow.
    AttemptFailed(AttemptFailed),
    /// It arrived; the hub owes nothing more.
    Delivered(Settlement),
    /// The hub gave up on it: it stands in the list of dead letters.
    DeadLettered(Settlement),
    /// Its ttl was over before it arrived; it is a dead letter, too.
    Expired(Settlement),
    /// It was taken back before it arrived, and stands in no list.
    Cancelled(Settlement),
    /// A dead or expired message is owed again.
    Redriven(Arc<Redrive>),
    /// A dead letter left the list, be it of a message, which stays settled, or of a subscription.
    DeadLetterDeleted(DeadLetterDeleted),
    /// A settled message left the archive, as somebody wished.
    MessageDeleted(MessageDeleted),
    /// Old messages left the archive.
    MessagesRemoved(MessagesRemoved),
}

/// A failed attempt, and when the next one follows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttemptFailed {
    /// Of the message.
    pub id: MessageId,
    /// How it went.
    pub attempt: Attempt,
    /// When the next one may begin, by the system's clock as it was set when this was written.
    pub retry_at: Timestamp,
}

/// The end of a message: delivered, dead, expired or cancelled, by the kind of its fact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Settlement {
    /// Of the message.
    pub id: MessageId,
    /// When it ended, by the system's clock.
    pub at: Timestamp,
    /// Where it no longer counts against capacity: whoever counts need not know the message.
    pub lane: Lane,
    /// The attempt it ended with; `None`: it ended while it waited, or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Why the hub gave up on it; `None` if it did not, and where older hubs wrote that it expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadReason>,
    /// The messages behind it with the same ordering key wait until this dead letter is reprocessed
    /// or deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub holds_key: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A message that is owed again, as it is from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Redrive {
    /// With its time of acceptance, its ttl and perhaps its destination and payload anew.
    pub message: Message,
    /// How often this message was redriven, this time included.
    pub times: u32,
    /// `Dead` or `Expired`: the count it leaves.
    pub from: State,
    /// Where it was first accepted, and stands in lists; older hubs did not write it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The job it was redriven by, if by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// Which dead letter left the list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeadLetterDeleted {
    /// Of the message, or of the dead letter that an event left.
    pub id: MessageId,
    /// When that was.
    pub at: Timestamp,
    /// The job it was deleted by, if by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// A settled message that stands in no list leaves the archive for good.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageDeleted {
    /// Which message.
    pub id: MessageId,
    /// When that was.
    pub at: Timestamp,
}

/// Of a stretch of the archive the messages go that were settled before a certain time, but for
/// dead letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MessagesRemoved {
    /// When retention decided it.
    pub at: Timestamp,
    /// Accepted after this position.
    pub after: Position,
    /// Accepted here or before.
    pub through: Position,
    /// What was settled at this time or later stays.
    pub settled_before: Timestamp,
}

impl AttemptFailed {
    /// When the attempt was over; `retry_at` counts from here.
    pub fn at(&self) -> Timestamp {
        let took = Duration::from_millis(self.attempt.duration_ms);
        self.attempt.at.plus(took)
    }
}

impl MessageFact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Accepted(message) => message.accepted_at,
            Self::AttemptFailed(failed) => failed.attempt.at,
            Self::Delivered(settlement)
            | Self::DeadLettered(settlement)
            | Self::Expired(settlement)
            | Self::Cancelled(settlement) => settlement.at,
            Self::Redriven(redrive) => redrive.message.accepted_at,
            Self::DeadLetterDeleted(deleted) => deleted.at,
            Self::MessageDeleted(deleted) => deleted.at,
            Self::MessagesRemoved(removed) => removed.at,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self.opened() {
            Some(message) => message.bytes() as usize,
            None => SMALL_BYTES,
        }
    }

    /// The message this is about, if it is about one.
    pub fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::Accepted(message) => Some(message.id),
            Self::AttemptFailed(failed) => Some(failed.id),
            Self::Delivered(settlement)
            | Self::DeadLettered(settlement)
            | Self::Expired(settlement)
            | Self::Cancelled(settlement) => Some(settlement.id),
            Self::Redriven(redrive) => Some(redrive.message.id),
            Self::DeadLetterDeleted(deleted) => Some(deleted.id),
            Self::MessageDeleted(deleted) => Some(deleted.id),
            Self::MessagesRemoved(_) => None,
        }
    }

    /// The message that is owed from this fact on, if it makes one so.
    pub fn opened(&self) -> Option<&Message> {
        match self {
            Self::Accepted(message) => Some(message),
            Self::Redriven(redrive) => Some(&redrive.message),
            _ => None,
        }
    }

    /// The settled state this fact leads to, if it settles a message.
    pub fn settlement(&self) -> Option<(State, &Settlement)> {
        match self {
            Self::Delivered(settlement) => Some((State::Delivered, settlement)),
            Self::DeadLettered(settlement) => Some((State::Dead, settlement)),
            Self::Expired(settlement) => Some((State::Expired, settlement)),
            Self::Cancelled(settlement) => Some((State::Cancelled, settlement)),
            _ => None,
        }
    }
}
