//! The archive in SQL: every question once, whatever the database.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::deserialize::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::Sqlite;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::events::types::Types;
use super::listing::{Listing, Measured};
use super::messages::row::{RowError, position};
use super::statement::Statement;
use super::{events, letters, messages, snapshots, standing};
use crate::domain::carried::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot, StreamId};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::logic::ownership::{Claim, Claimed, Denial, Standing, Verdict};
use crate::logic::page::Page;
use crate::logic::projection::Batch;
use crate::ports::archive::{
    Age, Archive, ArchiveError, ArchivedLetter, ArchivedMessage, ArchivedStream, Census,
    DeadLetterCounts, DeadLetterQuery, EventQuery, LetterQuery, MessageQuery,
};

/// What an archive was when a batch came, and what became of the batch.
pub type Applied = (Standing, Verdict);

/// A database that runs statements.
pub trait Sql: Send + Sync + 'static {
    /// All rows the statement finds, which are few or small.
    fn load<R: Record>(
        &self,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<R>, ArchiveError>> + Send;

    /// As [`Sql::load`] of a statement that asks for next to nothing, apart from all others.
    fn look(&self, statement: Statement) -> impl Future<Output = Result<(), ArchiveError>> + Send;

    /// As [`Archive::tidy`].
    fn tidy(&self) -> impl Future<Output = Result<bool, ArchiveError>> + Send;

    /// In SQL: how many bytes it takes, as `number`.
    const BYTES: &'static str;

    /// In SQL: about how many messages there are, as `number`.
    const MESSAGES: &'static str;

    /// In SQL: before a statement that shall be explained, not run.
    const EXPLAIN: &'static str;

    /// What finds a page.
    fn statement<R: Measured>(listing: &Listing) -> Statement;

    /// The page, without reading more of the rest than what is next.
    fn page<R: Record + Measured>(
        &self,
        listing: Listing,
    ) -> impl Future<Output = Result<Page<R>, ArchiveError>> + Send;

    /// As [`Archive::apply`].
    fn apply(
        &self,
        batch: Arc<Batch>,
    ) -> impl Future<Output = Result<Applied, ArchiveError>> + Send;

    /// As [`Archive::claim`].
    fn claim(
        &self,
        claim: Claim,
    ) -> impl Future<Output = Result<Result<Claimed, Denial>, ArchiveError>> + Send;

    /// As [`Archive::close`].
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What is read from any database alike.
pub trait Record: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static {}

impl<R: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static> Record for R {}

/// The history in a database.
pub struct SqlArchive<S> {
    pub(super) database: S,
}

#[derive(QueryableByName)]
pub struct Number {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
}

#[derive(QueryableByName)]
struct MaybeNumber {
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl<S: Sql> SqlArchive<S> {
    async fn load<R: Record, T>(
        &self,
        statement: Statement,
        read: impl Fn(R) -> Result<T, RowError>,
    ) -> Result<Vec<T>, ArchiveError> {
        let rows = self.database.load(statement).await?;
        let rows = rows.into_iter().map(read);
        rows.collect::<Result<_, _>>().map_err(unreadable)
    }

    async fn page<R: Record + Measured, T>(
        &self,
        listing: Listing,
        read: impl Fn(R) -> Result<T, RowError>,
    ) -> Result<Page<T>, ArchiveError> {
        let page = self.database.page(listing).await?;
        page.try_map(read).map_err(unreadable)
    }

    async fn number(&self, statement: Statement) -> Result<Option<u64>, ArchiveError> {
        let found = self.load(statement, |row: Number| position(row.number));
        Ok(found.await?.pop())
    }

    async fn by_id(&self, ids: &[MessageId]) -> Result<Vec<ArchivedMessage>, ArchiveError> {
        let mut found = HashMap::new();
        if !ids.is_empty() {
            let statement = messages::questions::by_id(ids);
            let rows = self.load(statement, messages::row::Row::into_archived);
            found.extend(rows.await?.into_iter().map(|row| (row.message.id, row)));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn events_with(&self, ids: &[EventId]) -> Result<Vec<Event>, ArchiveError> {
        let mut found = HashMap::new();
        if !ids.is_empty() {
            let statement = events::questions::by_id(ids);
            for event in self.load(statement, events::row::Row::into_event).await? {
                found.entry(event.id).or_insert(event);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The query with sequences instead of times, which are in the same order; `None` if it asks
    /// for a time without events.
    async fn by_sequence(&self, query: EventQuery) -> Result<Option<EventQuery>, ArchiveError> {
        let mut query = query;
        if let Some(from) = query.from_timestamp {
            let found = self.number(events::questions::first_since(from)).await?;
            let Some(first) = found else { return Ok(None) };
            query.from_sequence = query.from_sequence.max(Some(first));
        }
        if let Some(to) = query.to_timestamp {
            let found = self.number(events::questions::last_until(to)).await?;
            let Some(last) = found else { return Ok(None) };
            query.to_sequence = Some(query.to_sequence.map_or(last, |to| to.min(last)));
        }
        Ok(Some(query))
    }

    async fn types_of(&self, query: &EventQuery) -> Result<Types, ArchiveError> {
        let Some(statement) = events::types::candidates(&query.event_types) else {
            return Ok(Types::All);
        };
        let candidates = self.database.load(statement).await?;
        if !events::types::is_much(&query.event_types, &candidates) {
            return Ok(events::types::meant(&query.event_types, candidates));
        }
        let patterns = query.event_types.clone();
        let meant =
            tokio::task::spawn_blocking(move || events::types::meant(&patterns, candidates)).await;
        meant.map_err(|_| ArchiveError::stopping())
    }

    async fn events_of(&self, query: EventQuery) -> Result<Page<Event>, ArchiveError> {
        let Some(query) = self.by_sequence(query).await? else {
            return Ok(Page::empty());
        };
        let types = self.types_of(&query).await?;
        let listing = events::questions::page(&query, &types);
        self.page(listing, events::row::Row::into_event).await
    }

    async fn sequences_of(&self, query: EventQuery) -> Result<Vec<Sequence>, ArchiveError> {
        let Some(query) = self.by_sequence(query).await? else {
            return Ok(Vec::new());
        };
        let types = self.types_of(&query).await?;
        let sequences = events::questions::sequences(&query, &types);
        let read = |row: events::row::Numbered| position(row.sequence);
        self.load(sequences, read).await
    }

    async fn stream_of(&self, id: &StreamId) -> Result<Option<ArchivedStream>, ArchiveError> {
        let place =
            |row: events::row::Place| Ok((position(row.version)?, Timestamp::from_millis(row.at)));
        let first = events::questions::first_of_stream(id.as_str());
        let first = self.load(first, place).await?.pop();
        let last = events::questions::last_of_stream(id.as_str());
        let last = self.load(last, place).await?.pop();
        let newest = snapshots::newest_version(id.as_str());
        let snapshot = self.load(newest, |row: MaybeNumber| {
            row.number.map(position).transpose()
        });
        let snapshot = snapshot.await?.pop().flatten();
        let Some(version) = last.map(|(version, _)| version).max(snapshot) else {
            return Ok(None);
        };
        // Versions rise by 1, and only the oldest ever go.
        let count = first
            .zip(last)
            .map(|((first, _), (last, _))| last - first + 1);
        Ok(Some(ArchivedStream {
            version,
            count: count.unwrap_or(0),
            first_at: first.map(|(_, at)| at),
            last_at: last.map(|(_, at)| at),
        }))
    }

    async fn letter_places(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, MessageId)>, ArchiveError> {
        let messages = query.messages.map(|query| {
            let query = MessageQuery { limit, ..query };
            messages::questions::ids_after(&query, after)
        });
        let events = query.events.map(|query| {
            let query = LetterQuery { limit, ..query };
            letters::ids_after(&query, after)
        });
        let mut places = Vec::new();
        for statement in messages.into_iter().chain(events) {
            places.extend(self.load(statement, messages::row::Place::read).await?);
        }
        places.sort_unstable();
        places.truncate(limit);
        Ok(places)
    }

    async fn letter_count(&self, query: DeadLetterQuery) -> Result<u64, ArchiveError> {
        let messages = query.messages.as_ref().map(messages::questions::count);
        let events = query.events.as_ref().map(letters::count);
        let mut count = 0;
        for statement in messages.into_iter().chain(events) {
            count += self.number(statement).await?.unwrap_or(0);
        }
        Ok(count)
    }

    /// Delivered messages are the rest: all others have an index of their own.
    async fn count_all(&self) -> Result<Census, ArchiveError> {
        let one = async |sql| Ok(self.number(Statement::new(sql)).await?.unwrap_or(0));
        let mut census = Census {
            events: one(events::questions::COUNT).await?,
            event_letters: one(letters::COUNT).await?,
            bytes: one(S::BYTES).await?,
            ..Census::default()
        };
        let all = one(S::MESSAGES).await?;
        let undelivered = messages::questions::undelivered_by_state();
        let read = |row: Count| {
            let state = State::from_name(&row.name).ok_or("unknown state")?;
            Ok((state, position(row.number)?))
        };
        census.messages = self.load(undelivered, read).await?.into_iter().collect();
        let undelivered: u64 = census.messages.values().sum();
        let delivered = all.saturating_sub(undelivered);
        census.messages.insert(State::Delivered, delivered);
        Ok(census)
    }

    async fn letter_counts(&self) -> Result<DeadLetterCounts, ArchiveError> {
        let count = |row: Count| Ok((ServiceName::parse(&row.name)?, position(row.number)?));
        let groups = messages::questions::dead_letter_counts();
        let mut counts = DeadLetterCounts::default();
        for (name, count) in self.load(groups, count).await? {
            counts.total += count;
            *counts.by_destination.entry(name).or_default() += count;
        }
        Ok(counts)
    }
}

impl<S: Sql> Archive for SqlArchive<S> {
    fn standing(&self) -> BoxFuture<'_, Result<Standing, ArchiveError>> {
        let standing = self.load(standing::read(), standing::Row::into_standing);
        async move {
            let missing = || ArchiveError::Unavailable("its checkpoint is missing".to_owned());
            standing.await?.pop().ok_or_else(missing)
        }
        .boxed()
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, ArchiveError>> {
        async move {
            let claimed = self.database.claim(claim).await?;
            claimed.map_err(ArchiveError::Denied)
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<(), ArchiveError>> {
        self.database.look(standing::read()).boxed()
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

    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>> {
        async move {
            let (standing, verdict) = self.database.apply(batch).await?;
            let checkpoint = standing.checkpoint;
            match verdict {
                Verdict::Write | Verdict::Held => Ok(()),
                Verdict::OutOfStep => Err(ArchiveError::OutOfStep { checkpoint }),
                Verdict::Denied(denial) => Err(ArchiveError::Denied(denial)),
            }
        }
        .boxed()
    }

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
        self.page(page, messages::row::Row::into_archived).boxed()
    }

    fn ids_after(
        &self,
        query: MessageQuery,
        after: Position,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        let places = messages::questions::ids_after(&query, after);
        self.load(places, messages::row::Place::read).boxed()
    }

    fn ages_after(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Age>, ArchiveError>> {
        let ages = messages::retention::ages_after(after, limit);
        self.load(ages, messages::retention::Row::read).boxed()
    }

    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.letter_places(query, after, limit).boxed()
    }

    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>> {
        self.letter_count(query).boxed()
    }

    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>> {
        self.letter_counts().boxed()
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>> {
        async move { self.events_with(&ids).await }.boxed()
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>> {
        self.events_of(query).boxed()
    }

    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>> {
        self.sequences_of(query).boxed()
    }

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

    fn streams_before(
        &self,
        sequence: Sequence,
    ) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>> {
        let heads = self.load(
            events::questions::streams_before(sequence),
            events::row::Head::read,
        );
        async move {
            let mut heads = heads.await?;
            heads.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            Ok(heads)
        }
        .boxed()
    }

    fn event_letter(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedLetter>, ArchiveError>> {
        let found = self.load(letters::by_id(id), letters::Row::into_letter);
        async move { Ok(found.await?.pop()) }.boxed()
    }

    fn event_letters(
        &self,
        query: LetterQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedLetter>, ArchiveError>> {
        let page = letters::page(&query);
        self.page(page, letters::Row::into_letter).boxed()
    }
}

pub fn unavailable(cause: &impl ToString) -> ArchiveError {
    ArchiveError::Unavailable(cause.to_string())
}

fn unreadable(cause: RowError) -> ArchiveError {
    ArchiveError::Unavailable(cause.to_string())
}
