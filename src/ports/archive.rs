//! The SQL database behind the history: a projection of the journal, never the truth.

mod dead_letters;
mod events;
mod messages;

pub use crate::logic::census::Census;
pub use crate::logic::retention::messages::Age;
pub use dead_letters::DeadLetterQuery;
pub use events::{ArchivedLetter, ArchivedStream, EventQuery, LetterQuery};
pub use messages::{ArchivedMessage, MessageQuery};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot, StreamId};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::logic::ownership::{ArchiveStanding, Claim, Claimed, Denial};
use crate::logic::page::Page;
use crate::logic::projection::Batch;

/// An archive that takes longer to say that it is there is away.
pub const LOOK_LIMIT: Duration = Duration::from_secs(4);

/// So many ids may be looked up at once: what is found under each may be large.
pub const MOST_IDS: usize = 32;

/// Stores batches of changes and answers questions about the past. Takes little memory for any
/// answer: lists come in pages, which end by number or by bytes.
pub trait Archive: Send + Sync {
    /// Up to where the archive holds everything, and who writes to it.
    fn standing(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>>;

    /// Makes who asks the one whose batches are taken, in one transaction, durably. Fails with
    /// [`ArchiveError::Denied`] if the archive is not his.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, ArchiveError>>;

    /// Writes the batch and its checkpoint in one transaction, durably.
    ///
    /// A batch the archive already holds changes nothing, so after an error the same batch is
    /// simply applied again. One that does not begin at the checkpoint is refused with
    /// [`ArchiveError::OutOfStep`], one of another writer with [`ArchiveError::Denied`].
    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>>;

    /// Asks next to nothing of it, beside all else that it may be busy with: whether it answers, lets
    /// itself be written to, and how far it is.
    /// Whoever looks waits no longer than [`LOOK_LIMIT`].
    fn look(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>>;

    /// Gives a little of the space back that is free in it; says whether there is more.
    fn tidy(&self) -> BoxFuture<'_, Result<bool, ArchiveError>> {
        ready(Ok(false)).boxed()
    }

    /// How large it is. Takes long if there is much in it.
    fn census(&self) -> BoxFuture<'_, Result<Census, ArchiveError>>;

    /// Leaves it in good order: nothing more is asked of it.
    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

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

    /// Where the dead letters that match stand, and their ids: by position, only those after
    /// `after`, at most `limit`.
    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>>;

    /// How many dead letters match.
    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>>;

    /// How many stand in the dead letter list, letters of subscriptions among them: these count
    /// for the subscriber.
    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>>;

    /// Those of `ids` the archive has, in the order asked for. At most [`MOST_IDS`].
    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>>;

    /// In the order asked for, at most `query.limit`. As fast in the middle of many as of few.
    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>>;

    /// The sequences of the events that match, in the order asked for, at most `query.limit`.
    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>>;

    /// What is kept of a stream; `None`: no event and no snapshot.
    fn stream(&self, id: StreamId) -> BoxFuture<'_, Result<Option<ArchivedStream>, ArchiveError>>;

    /// The newest snapshot of a stream, at `version` or before.
    fn snapshot(
        &self,
        stream: StreamId,
        version: u64,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, ArchiveError>>;

    /// The streams with events before `sequence`, with the version of the last such event.
    fn streams_before(
        &self,
        sequence: Sequence,
    ) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>>;

    /// The dead letter of a subscription.
    fn event_letter(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedLetter>, ArchiveError>>;

    /// Newest first, at most `query.limit`.
    fn event_letters(
        &self,
        query: LetterQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedLetter>, ArchiveError>>;
}

/// The size of the dead letter list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeadLetterCounts {
    pub total: u64,
    /// Only destinations that have any.
    pub by_destination: BTreeMap<ServiceName, u64>,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive cannot be reached or used right now.
    #[error("archive unavailable: {0}")]
    Unavailable(String),
    /// The archive cannot be opened at all; start-up ends.
    #[error("{0}")]
    CannotOpen(String),
    /// The archive is not where the batch begins, having been replaced perhaps: go on with the
    /// journal from after `checkpoint`.
    #[error("archive is at position {checkpoint}, not where it was left")]
    OutOfStep { checkpoint: Position },
    /// The archive is not this hub's, and will not be however often it is asked.
    #[error("{0}")]
    Denied(Denial),
}

impl ArchiveError {
    /// Whoever was asked is gone before it answered.
    pub fn stopping() -> Self {
        Self::Unavailable("the hub is stopping".to_owned())
    }
}
