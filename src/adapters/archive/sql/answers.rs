//! Answers that take more than one statement, or more than its rows.

use std::collections::HashMap;

use diesel::deserialize::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{Sql, SqlArchive};
use crate::adapters::archive::events::types::Types;
use crate::adapters::archive::messages::row::position;
use crate::adapters::archive::statement::Statement;
use crate::adapters::archive::{dead_events, events, messages, snapshots};
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{MessageId, Position, ServiceName, StreamId};
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;
use crate::logic::page::Page;
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::{
    ArchiveError, ArchivedMessage, ArchivedStream, Census, DeadEventQuery, DeadLetterCounts,
    DeadLetterQuery, MessageQuery,
};

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
    pub(super) async fn by_id(
        &self,
        ids: &[MessageId],
    ) -> Result<Vec<ArchivedMessage>, ArchiveError> {
        let mut found = HashMap::new();
        if !ids.is_empty() {
            let statement = messages::questions::by_id(ids);
            let read = |row: messages::row::MessageRow| row.into_archived(PayloadDetail::Full);
            let rows = self.load(statement, read);
            found.extend(rows.await?.into_iter().map(|row| (row.message.id, row)));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    pub(super) async fn events_with(&self, ids: &[EventId]) -> Result<Vec<Event>, ArchiveError> {
        let mut found = HashMap::new();
        if !ids.is_empty() {
            let statement = events::questions::by_id(ids);
            for event in self
                .load(statement, events::row::EventRow::into_event)
                .await?
            {
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

    pub(super) async fn events_of(&self, query: EventQuery) -> Result<Page<Event>, ArchiveError> {
        let Some(query) = self.by_sequence(query).await? else {
            return Ok(Page::empty());
        };
        let types = self.types_of(&query).await?;
        let listing = events::questions::page(&query, &types);
        self.page(listing, events::row::EventRow::into_event).await
    }

    pub(super) async fn sequences_of(
        &self,
        query: EventQuery,
    ) -> Result<Vec<Sequence>, ArchiveError> {
        let Some(query) = self.by_sequence(query).await? else {
            return Ok(Vec::new());
        };
        let types = self.types_of(&query).await?;
        let sequences = events::questions::sequences(&query, &types);
        let read = |row: events::row::Numbered| position(row.sequence);
        self.load(sequences, read).await
    }

    pub(super) async fn stream_of(
        &self,
        id: &StreamId,
    ) -> Result<Option<ArchivedStream>, ArchiveError> {
        let place = |row: events::row::EventPlace| {
            Ok((position(row.version)?, Timestamp::from_millis(row.at)))
        };
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

    pub(super) async fn dead_letter_places(
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
            let query = DeadEventQuery { limit, ..query };
            dead_events::ids_after(&query, after)
        });
        let mut places = Vec::new();
        for statement in messages.into_iter().chain(events) {
            places.extend(
                self.load(statement, messages::row::MessagePlace::read)
                    .await?,
            );
        }
        places.sort_unstable();
        places.truncate(limit);
        Ok(places)
    }

    pub(super) async fn dead_letter_total(
        &self,
        query: DeadLetterQuery,
    ) -> Result<u64, ArchiveError> {
        let messages = query.messages.as_ref().map(messages::questions::count);
        let events = query.events.as_ref().map(dead_events::count);
        let mut count = 0;
        for statement in messages.into_iter().chain(events) {
            count += self.number(statement).await?.unwrap_or(0);
        }
        Ok(count)
    }

    pub(super) async fn count_all(&self) -> Result<Census, ArchiveError> {
        let one = async |sql| {
            let number = self.number(Statement::new(sql)).await?;
            Ok::<_, ArchiveError>(number.unwrap_or(0))
        };
        let mut census = Census {
            events: one(events::questions::COUNT).await?,
            dead_events: one(dead_events::COUNT).await?,
            bytes: one(S::BYTES).await?,
            messages: one(S::MESSAGES).await?,
            ..Census::default()
        };
        let failed = messages::questions::failed_by_state();
        let read = |row: Count| {
            let state = State::from_name(&row.name).ok_or("unknown state")?;
            Ok((state, position(row.number)?))
        };
        census.failed = self.load(failed, read).await?.into_iter().collect();
        Ok(census)
    }

    pub(super) async fn dead_letters_by_destination(
        &self,
    ) -> Result<DeadLetterCounts, ArchiveError> {
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
