//! What the archive is asked about streams, and what it answers.

use futures_util::future::BoxFuture;

use super::error::ArchiveError;
use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Sequence, Snapshot};
use crate::domain::event_lists::StreamEntry;
use crate::domain::ids::StreamId;
use crate::domain::timestamp::Timestamp;
use crate::logic::name_query::NameQuery;
use crate::logic::page::Page;

/// Reads what is kept of streams.
pub trait StreamArchive: Send + Sync {
    /// What is kept of a stream; `None`: no event and no snapshot.
    fn stream(&self, id: StreamId) -> BoxFuture<'_, Result<Option<ArchivedStream>, ArchiveError>>;

    /// The newest snapshot of a stream, at `version` or before.
    fn snapshot(
        &self,
        stream: StreamId,
        version: u64,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, ArchiveError>>;

    /// The streams that have events, by their names. Takes a few steps in an index for each on the
    /// page, however many events they have.
    fn streams(&self, query: NameQuery) -> BoxFuture<'_, Result<Page<StreamEntry>, ArchiveError>>;

    /// The streams with events before `sequence`, with the version of the last such event.
    fn streams_before(
        &self,
        sequence: Sequence,
    ) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>>;
}

/// What the archive keeps of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchivedStream {
    /// Of the newest event or snapshot.
    pub version: u64,
    /// Events kept.
    pub count: u64,
    /// When the oldest and the newest event kept were published.
    pub first_at: Option<Timestamp>,
    /// When the newest event kept was published; `None`: only snapshots are left.
    pub last_at: Option<Timestamp>,
}
