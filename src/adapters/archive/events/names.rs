//! Lists of the names that events have, as SQL: their streams and their types.

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Text};

use crate::adapters::archive::messages::row::{RowError, position};
use crate::adapters::archive::statement::Statement;
use crate::domain::event_lists::{EventTypeEntry, MOST_OF_A_TYPE, StreamEntry};
use crate::domain::ids::{EventType, StreamId};
use crate::domain::timestamp::Timestamp;
use crate::logic::name_query::{NameQuery, NameStart};

/// Up to one more name than the page has, each found by a step from the one before: however many
/// events a stream has, they are passed over.
pub(crate) fn streams(query: &NameQuery) -> Statement {
    let end = query.end();
    let next = |statement: Statement| {
        statement
            .and_if("stream_id < ", end.clone())
            .sql(" ORDER BY stream_id LIMIT 1)")
    };
    let found = Statement::new(
        "WITH RECURSIVE streams (id, number) AS (SELECT (SELECT stream_id FROM events WHERE TRUE",
    );
    let first = match query.start() {
        NameStart::At(name) => found.and("stream_id >= ", name),
        NameStart::After(name) => found.and("stream_id > ", name),
    };
    let others = next(first)
        .sql(", 0 UNION ALL SELECT (SELECT stream_id FROM events WHERE stream_id > streams.id");
    next(others)
        .sql(", number + 1 FROM streams WHERE id IS NOT NULL AND number < ")
        .bind(query.limit)
        .sql(
            ") SELECT id, \
             (SELECT stream_version FROM events WHERE stream_id = streams.id \
             ORDER BY stream_version LIMIT 1) AS first_version, \
             (SELECT stream_version FROM events WHERE stream_id = streams.id \
             ORDER BY stream_version DESC LIMIT 1) AS version, \
             (SELECT published_at FROM events WHERE stream_id = streams.id \
             ORDER BY stream_version DESC LIMIT 1) AS last_at \
             FROM streams WHERE id IS NOT NULL",
        )
}

/// Up to one more type than the page has, of those with events.
///
/// Which events are of a type is asked as a range, in the order of their index. PostgreSQL knows
/// how many events a type has only on average, and would else look through all events for the few
/// of a rare one.
pub(crate) fn event_types(query: &NameQuery) -> Statement {
    let found = Statement::new(
        "SELECT name, (SELECT count(*) FROM (SELECT 1 FROM events \
         WHERE type_id BETWEEN event_types.id AND event_types.id \
         ORDER BY type_id, sequence LIMIT ",
    )
    .bind(MOST_OF_A_TYPE)
    .sql(
        ") AS counted) AS count, (SELECT published_at FROM events \
         WHERE type_id BETWEEN event_types.id AND event_types.id \
         ORDER BY type_id DESC, sequence DESC LIMIT 1) AS last_at FROM event_types \
         WHERE (SELECT sequence FROM events \
         WHERE type_id BETWEEN event_types.id AND event_types.id \
         ORDER BY type_id, sequence LIMIT 1) IS NOT NULL",
    );
    let found = match query.start() {
        NameStart::At(name) => found.and("name >= ", name),
        NameStart::After(name) => found.and("name > ", name),
    };
    found
        .and_if("name < ", query.end())
        .sql(" ORDER BY name LIMIT ")
        .bind(query.limit.saturating_add(1))
}

#[derive(QueryableByName)]
pub(crate) struct StreamRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    first_version: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    last_at: i64,
}

impl StreamRow {
    pub(crate) fn read(self) -> Result<StreamEntry, RowError> {
        let version = position(self.version)?;
        Ok(StreamEntry {
            id: StreamId::parse(&self.id)?,
            version,
            // Versions rise by 1, and only the oldest ever go.
            count: version.saturating_sub(position(self.first_version)?) + 1,
            last_at: Timestamp::from_millis(self.last_at),
        })
    }
}

#[derive(QueryableByName)]
pub(crate) struct EventTypeRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    last_at: i64,
}

impl EventTypeRow {
    pub(crate) fn read(self) -> Result<EventTypeEntry, RowError> {
        Ok(EventTypeEntry {
            event_type: EventType::parse_interned(&self.name)?,
            count: position(self.count)?,
            last_at: Timestamp::from_millis(self.last_at),
        })
    }
}
