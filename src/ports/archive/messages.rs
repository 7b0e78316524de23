//! What the archive is asked about messages, and what it answers.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::error::ArchiveError;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::payload::Payload;
use crate::domain::timestamp::Timestamp;
use crate::logic::content_filter::ContentFilter;
use crate::logic::page::Page;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};
use crate::logic::retention::messages::Age;

/// So many ids may be looked up at once: what is found under each may be large.
pub const MOST_IDS: usize = 32;

/// Reads messages.
pub trait MessageArchive: Send + Sync {
    /// With all its attempts; `None`: the archive does not have it.
    fn message(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedMessage>, ArchiveError>>;

    /// Those of `ids` the archive has, in the order asked for. At most [`MOST_IDS`].
    fn messages_by_id(
        &self,
        ids: Vec<MessageId>,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>>;

    /// Newest first, at most `query.limit`.
    fn messages(
        &self,
        query: MessageQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedMessage>, ArchiveError>>;

    /// Where those that match were accepted, and their ids: oldest first, only those accepted after
    /// `after`, at most `query.limit`.
    fn ids_after(
        &self,
        query: MessageQuery,
        after: Position,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>>;

    /// How old the messages are that were accepted after `after`: by position, at most `limit`.
    fn ages_after(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Age>, ArchiveError>>;
}

/// A message as the archive knows it.
#[derive(Clone, PartialEq, Debug)]
pub struct ArchivedMessage {
    /// Where it was accepted; lists are ordered by it.
    pub position: Position,
    /// As it was accepted, or redriven last; without its payload, if less of it was asked for.
    pub message: Message,
    /// In the place of the payload, if that was asked for.
    pub payload_head: Option<PayloadHead>,
    /// `Queued` stands for everything that is not settled: only the live hub knows more.
    pub state: State,
    /// When it ended; `None`: the hub still owes it.
    pub settled_at: Option<Timestamp>,
    /// Why the hub gave up on it; `None`: it did not, or not yet.
    pub reason: Option<DeadReason>,
    /// Every finished attempt, also those before a redrive.
    pub attempts: Vec<Attempt>,
    /// How many of `attempts` belong to the present life of the message.
    pub delivery_attempts: u32,
    /// How often it was redriven.
    pub redriven: u32,
    /// Whether it stands in the dead letter list.
    pub dead_letter: bool,
}

impl ArchivedMessage {
    /// The message with no more than that of its payload.
    pub fn with(mut self, detail: PayloadDetail) -> Self {
        if detail == PayloadDetail::Full {
            return self;
        }
        let payload = std::mem::replace(&mut self.message.payload, Payload::apart());
        if detail == PayloadDetail::Head {
            self.payload_head
                .get_or_insert_with(|| PayloadHead::of(&payload));
        }
        self
    }

    /// What the last attempt failed with.
    pub fn last_error(&self) -> Option<&str> {
        self.attempts.last()?.error.as_deref()
    }

    /// Whether it is among those looked for. Its payload has to be there, if that is asked about.
    pub fn meets(&self, content: &ContentFilter) -> bool {
        content.matches(&self.message, self.last_error())
    }

    /// Roughly what it takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let attempts = self.attempts.iter().map(Attempt::bytes);
        self.message.bytes() as usize + attempts.sum::<usize>()
    }
}

/// Which messages, and which page of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MessageQuery {
    /// Who sent them; `None`: anybody.
    pub source: Option<ServiceName>,
    /// Whom they are for; `None`: anybody.
    pub destination: Option<ServiceName>,
    /// Only what this service sent or is to receive; `None`: of everybody.
    pub party: Option<ServiceName>,
    /// The one given, or the own id of a message that was given none.
    pub correlation_id: Option<String>,
    /// Any of these; empty means all. `Queued` matches everything unsettled.
    pub states: Vec<State>,
    /// Why the hub gave up on them; `None`: whatever the reason, also none.
    pub reason: Option<DeadReason>,
    /// Only what stands in the dead letter list.
    pub dead_letters: bool,
    /// Only these; `None`: whatever the id.
    pub ids: Option<Arc<[MessageId]>>,
    /// By time of acceptance; of settlement when `dead_letters` is set. Inclusive.
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    /// How much of each payload is read.
    pub detail: PayloadDetail,
    /// Only messages accepted before this position.
    pub before: Option<Position>,
    /// How many, at most, are on a page.
    pub limit: usize,
}

impl MessageQuery {
    /// The message that names no correlation id but is meant by the one asked for: its own.
    pub fn correlated_id(&self) -> Option<MessageId> {
        let text = self.correlation_id.as_deref()?;
        Uuid::parse_str(text).ok().map(MessageId)
    }

    /// Whether this message is meant, whatever the limit.
    pub fn matches(&self, row: &ArchivedMessage) -> bool {
        let message = &row.message;
        let (source, destination) = (&message.source, &message.destination);
        let time = if self.dead_letters {
            row.settled_at
        } else {
            Some(message.accepted_at)
        };
        let is_correlated = |text: &String| match &message.correlation_id {
            Some(given) => given.as_str() == text,
            None => self.correlated_id() == Some(message.id),
        };
        self.source.as_ref().is_none_or(|one| one == source)
            && self
                .destination
                .as_ref()
                .is_none_or(|one| one == destination)
            && self
                .party
                .as_ref()
                .is_none_or(|party| party == source || party == destination)
            && self.correlation_id.as_ref().is_none_or(is_correlated)
            && (self.states.is_empty() || self.states.contains(&row.state))
            && self.reason.is_none_or(|reason| row.reason == Some(reason))
            && (!self.dead_letters || row.dead_letter)
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&message.id))
            && self
                .since
                .is_none_or(|since| time.is_some_and(|time| time >= since))
            && self
                .until
                .is_none_or(|until| time.is_some_and(|time| time < until))
            && self.before.is_none_or(|before| row.position < before)
    }
}
