//! The archive in SQL: every question once, whatever the database.

mod answers;

use std::sync::Arc;

use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::listing::{Measured, RowListing};
use super::messages::row::{RowError, position};
use super::statement::Statement;
use super::{dead_events, events, messages, snapshots, standing};
use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot};
use crate::domain::event_lists::{EventTypeEntry, StreamEntry};
use crate::domain::ids::{MessageId, Position, StreamId};
use crate::logic::event_query::EventQuery;
use crate::logic::name_query::NameQuery;
use crate::logic::ownership::{ArchiveStanding, BatchVerdict, Claim, Claimed, OwnershipDenial};
use crate::logic::page::Page;
use crate::logic::projection::Batch;
use crate::ports::archive::{
    Age, ArchiveError, ArchiveReader, ArchiveWriter, ArchivedDeadEvent, ArchivedMessage,
    ArchivedStream, Census, DeadEventQuery, DeadLetterArchive, DeadLetterCounts, DeadLetterQuery,
    EventArchive, MessageArchive, MessageQuery, StreamArchive,
};

/// What an archive was when a batch came, and what became of the batch.
pub(super) type Applied = (ArchiveStanding, BatchVerdict);

/// A database that runs statements.
pub trait Sql: Send + Sync + 'static {
    /// All rows the statement finds, which are few or small.
    fn load<R: AnyRow>(
        &self,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<R>, ArchiveError>> + Send;

    /// As [`Sql::load`] of a statement that asks for next to nothing, apart from all others.
    fn look(
        &self,
        statement: Statement,
    ) -> impl Future<Output = Result<standing::StandingRow, ArchiveError>> + Send;

    /// As [`ArchiveWriter::tidy`].
    fn tidy(&self) -> impl Future<Output = Result<bool, ArchiveError>> + Send;

    /// In SQL: how many bytes it takes, as `number`.
    const BYTES: &'static str;

    /// In SQL: about how many messages there are, as `number`.
    const MESSAGES: &'static str;

    /// In SQL: before a statement that shall be explained, not run.
    const EXPLAIN: &'static str;

    /// What finds a page.
    fn statement<R: Measured>(listing: &RowListing) -> Statement;

    /// The page, without reading more of the rest than what is next.
    fn page<R: AnyRow + Measured>(
        &self,
        listing: RowListing,
    ) -> impl Future<Output = Result<Page<R>, ArchiveError>> + Send;

    /// As [`ArchiveWriter::apply`].
    fn apply(
        &self,
        batch: Arc<Batch>,
    ) -> impl Future<Output = Result<Applied, ArchiveError>> + Send;

    /// As [`ArchiveWriter::claim`].
    fn claim(
        &self,
        claim: Claim,
    ) -> impl Future<Output = Result<Result<Claimed, OwnershipDenial>, ArchiveError>> + Send;

    /// As [`ArchiveWriter::close`].
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What is read from any database alike.
pub trait AnyRow: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static {}

impl<R: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static> AnyRow for R {}

/// The history in a database.
pub struct SqlArchive<S> {
    pub(super) database: S,
}

#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
}

impl<S: Sql> SqlArchive<S> {
    async fn load<R: AnyRow, T>(
        &self,
        statement: Statement,
        read: impl Fn(R) -> Result<T, RowError>,
    ) -> Result<Vec<T>, ArchiveError> {
        let rows = self.database.load(statement).await?;
        let rows = rows.into_iter().map(read);
        rows.collect::<Result<_, _>>().map_err(unreadable)
    }

    /// Rows may be large, so that nobody else waits for the thread that reads what is in them.
    async fn page<R: AnyRow + Measured, T: Send + 'static>(
        &self,
        listing: RowListing,
        read: impl Fn(R) -> Result<T, RowError> + Send + 'static,
    ) -> Result<Page<T>, ArchiveError> {
        let page = self.database.page(listing).await?;
        let reading = spawn_blocking(move || page.try_map(read).map_err(unreadable));
        reading.await.map_err(|_| ArchiveError::stopping())?
    }

    async fn number(&self, statement: Statement) -> Result<Option<u64>, ArchiveError> {
        let found = self.load(statement, |row: Number| position(row.number));
        Ok(found.await?.pop())
    }
}

impl<S: Sql> ArchiveReader for SqlArchive<S> {
    fn standing(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>> {
        let standing = self.load(standing::read(), standing::StandingRow::into_standing);
        async move {
            let missing = || ArchiveError::Unavailable("its checkpoint is missing".to_owned());
            standing.await?.pop().ok_or_else(missing)
        }
        .boxed()
    }
}

impl<S: Sql> ArchiveWriter for SqlArchive<S> {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, ArchiveError>> {
        async move {
            let claimed = self.database.claim(claim).await?;
            claimed.map_err(ArchiveError::Denied)
        }
        .boxed()
    }

    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>> {
        async move {
            let (standing, verdict) = self.database.apply(batch).await?;
            let checkpoint = standing.checkpoint;
            match verdict {
                BatchVerdict::Write | BatchVerdict::Held => Ok(()),
                BatchVerdict::OutOfStep => Err(ArchiveError::OutOfStep { checkpoint }),
                BatchVerdict::Denied(denial) => Err(ArchiveError::Denied(denial)),
            }
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>> {
        let looking = self.database.look(standing::look());
        async move { looking.await?.into_standing().map_err(unreadable) }.boxed()
    }

    fn tidy(&self) -> BoxFuture<'_, Result<bool, ArchiveError>> {
        self.database.tidy().boxed()
    }

    fn census(&self) -> BoxFuture<'_, Result<Census, ArchiveError>> {
        self.count_all().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.database.close().boxed()
    }
}

impl<S: Sql> MessageArchive for SqlArchive<S> {
    fn message(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedMessage>, ArchiveError>> {
        async move { Ok(self.by_id(&[id]).await?.pop()) }.boxed()
    }

    fn messages_by_id(
        &self,
        ids: Vec<MessageId>,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>> {
        async move { self.by_id(&ids).await }.boxed()
    }

    fn messages(
        &self,
        query: MessageQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedMessage>, ArchiveError>> {
        let page = messages::questions::page(&query);
        let read = move |row: messages::row::MessageRow| row.into_archived(query.detail);
        self.page(page, read).boxed()
    }

    fn ids_after(
        &self,
        query: MessageQuery,
        after: Position,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        let places = messages::questions::ids_after(&query, after);
        self.load(places, messages::row::MessagePlace::read).boxed()
    }

    fn ages_after(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Age>, ArchiveError>> {
        let ages = messages::retention::ages_after(after, limit);
        self.load(ages, messages::retention::RetentionRow::read)
            .boxed()
    }
}

impl<S: Sql> DeadLetterArchive for SqlArchive<S> {
    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.dead_letter_places(query, after, limit).boxed()
    }

    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>> {
        self.dead_letter_total(query).boxed()
    }

    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>> {
        self.dead_letters_by_destination().boxed()
    }

    fn dead_event(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedDeadEvent>, ArchiveError>> {
        let found = self.load(dead_events::by_id(id), dead_events::Row::into_dead_event);
        async move { Ok(found.await?.pop()) }.boxed()
    }

    fn dead_events(
        &self,
        query: DeadEventQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedDeadEvent>, ArchiveError>> {
        let page = dead_events::page(&query);
        self.page(page, dead_events::Row::into_dead_event).boxed()
    }
}

impl<S: Sql> EventArchive for SqlArchive<S> {
    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>> {
        async move { self.events_with(&ids).await }.boxed()
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>> {
        self.events_of(query).boxed()
    }

    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>> {
        self.sequences_of(query).boxed()
    }

    fn event_types(
        &self,
        query: NameQuery,
    ) -> BoxFuture<'_, Result<Page<EventTypeEntry>, ArchiveError>> {
        let found = self.load(
            events::names::event_types(&query),
            events::names::EventTypeRow::read,
        );
        async move { Ok(Page::begin(found.await?, query.limit)) }.boxed()
    }
}

impl<S: Sql> StreamArchive for SqlArchive<S> {
    fn stream(&self, id: StreamId) -> BoxFuture<'_, Result<Option<ArchivedStream>, ArchiveError>> {
        async move { self.stream_of(&id).await }.boxed()
    }

    fn snapshot(
        &self,
        stream: StreamId,
        version: u64,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, ArchiveError>> {
        let newest = snapshots::newest(stream.as_str(), version);
        let found = self.load(newest, snapshots::Row::into_snapshot);
        async move { Ok(found.await?.pop()) }.boxed()
    }

    fn streams(&self, query: NameQuery) -> BoxFuture<'_, Result<Page<StreamEntry>, ArchiveError>> {
        let found = self.load(
            events::names::streams(&query),
            events::names::StreamRow::read,
        );
        async move { Ok(Page::begin(found.await?, query.limit)) }.boxed()
    }

    fn streams_before(
        &self,
        sequence: Sequence,
    ) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>> {
        let heads = self.load(
            events::questions::streams_before(sequence),
            events::row::StreamHeadRow::read,
        );
        async move {
            let mut heads = heads.await?;
            heads.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            Ok(heads)
        }
        .boxed()
    }
}

pub(super) fn unavailable(cause: &impl ToString) -> ArchiveError {
    ArchiveError::Unavailable(cause.to_string())
}

fn unreadable(cause: RowError) -> ArchiveError {
    ArchiveError::Unavailable(cause.to_string())
}
