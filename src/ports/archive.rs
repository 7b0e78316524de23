//! The SQL database behind the history: a projection of the journal, never the truth.

use futures_util::future::BoxFuture;

use crate::domain::fact::{Attempt, DeadReason};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::timestamp::Timestamp;
use crate::logic::projection::Batch;

/// Stores batches of changes and answers questions about the past.
pub trait Archive: Send + Sync {
    /// Up to which position the archive holds everything; 0 when empty.
    fn checkpoint(&self) -> BoxFuture<'_, Result<Position, ArchiveError>>;

    /// Writes the batch and its checkpoint in one transaction, durably. A batch (or a part of
    /// one) at or before the checkpoint changes nothing.
    fn apply(&self, batch: Batch) -> BoxFuture<'_, Result<(), ArchiveError>>;

    fn message(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedMessage>, ArchiveError>>;

    /// Newest first.
    fn messages(
        &self,
        query: MessageQuery,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>>;
}

/// A message as the archive knows it.
#[derive(Clone, PartialEq, Debug)]
pub struct ArchivedMessage {
    /// Where it was accepted; lists are ordered by it.
    pub position: Position,
    pub message: Message,
    /// `Queued` stands for everything that is not settled: only the live hub knows more.
    pub state: State,
    pub settled_at: Option<Timestamp>,
    pub reason: Option<DeadReason>,
    /// Every finished attempt, also those before a redrive.
    pub attempts: Vec<Attempt>,
    /// How many of `attempts` belong to the present life of the message.
    pub delivery_attempts: u32,
    pub redriven: u32,
    /// Whether it stands in the dead letter list.
    pub dead_letter: bool,
}

/// Which messages, and which page of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MessageQuery {
    pub source: Option<ServiceName>,
    pub destination: Option<ServiceName>,
    pub correlation_id: Option<String>,
    /// Any of these; empty means all. `Queued` matches everything unsettled.
    pub states: Vec<State>,
    pub reason: Option<DeadReason>,
    /// Only what stands in the dead letter list.
    pub dead_letters: bool,
    /// By time of acceptance; of settlement when `dead_letters` is set. Inclusive.
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    /// Only messages accepted before this position.
    pub before: Option<Position>,
    pub limit: usize,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive cannot be reached or used right now.
    #[error("archive unavailable: {0}")]
    Unavailable(String),
    /// The archive cannot be opened at all; start-up ends.
    #[error("{0}")]
    CannotOpen(String),
}
