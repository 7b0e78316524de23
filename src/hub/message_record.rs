//! A message as it is known: by the queues while it is owed, by the archive from then on.

use super::access::Principal;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{Extras, Message, State};
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::view::OpenMessage;
use crate::ports::archive::ArchivedMessage;

/// What is known of a message.
pub enum MessageRecord {
    /// The hub owes it. Attempts before a redrive are the archive's to tell.
    Open(Box<OpenMessage>),
    /// It is settled, or it is owed and only the archive was asked.
    Archived(Box<ArchivedMessage>),
}

impl MessageRecord {
    /// As it was accepted or redriven.
    pub fn message(&self) -> &Message {
        match self {
            Self::Open(open) => &open.message,
            Self::Archived(row) => &row.message,
        }
    }

    /// By what it is asked for.
    pub fn id(&self) -> MessageId {
        self.message().id
    }

    /// Where it stands in lists.
    pub fn position(&self) -> Position {
        match self {
            Self::Open(open) => open.position,
            Self::Archived(row) => row.position,
        }
    }

    /// Where it is on its way, as far as was asked.
    pub fn state(&self) -> State {
        match self {
            Self::Open(open) => open.state,
            Self::Archived(row) => row.state,
        }
    }

    /// The finished attempts, the last one last.
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Open(open) => &open.attempts,
            Self::Archived(row) => &row.attempts,
        }
    }

    /// Finished attempts, since the last redrive if there was one.
    pub fn delivery_attempts(&self) -> u32 {
        match self {
            Self::Open(open) => u32::try_from(open.attempts.len()).unwrap_or(u32::MAX),
            Self::Archived(row) => row.delivery_attempts,
        }
    }

    /// When it is tried or may first be delivered; `None`: its turn decides, or it is settled.
    pub fn next_attempt(&self) -> Option<Timestamp> {
        match self {
            Self::Open(open) => open.next_attempt,
            Self::Archived(_) => None,
        }
    }

    /// How the last attempt failed.
    pub fn last_error(&self) -> Option<&str> {
        self.attempts().last()?.error.as_deref()
    }

    /// Why the hub gave up.
    pub fn reason(&self) -> Option<DeadReason> {
        match self {
            Self::Open(_) => None,
            Self::Archived(row) => row.reason,
        }
    }

    /// Whether this principal may know of it.
    pub fn is_seen_by(&self, principal: &Principal) -> bool {
        let message = self.message();
        principal.may_see(&message.source, &message.destination)
    }

    /// Roughly what it takes in a page that shows so much of payloads, in bytes.
    pub fn bytes(&self, detail: PayloadDetail) -> usize {
        let message = self.message();
        let extras: Option<&Extras> = message.extras.as_deref();
        let headers = extras.iter().flat_map(|extras| &extras.headers);
        let headers = headers.map(|(name, value)| name.len() + value.len());
        let attempts = self.attempts().iter().map(Attempt::bytes);
        let payload = detail.shown_bytes(&message.payload);
        500 + payload + headers.sum::<usize>() + attempts.sum::<usize>()
    }
}
