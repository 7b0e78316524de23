//! Questions to SQLite about the past.

use diesel::dsl::{count_star, sql};
use diesel::prelude::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    RunQueryDsl, SelectableHelper,
};
use diesel::result::Error;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use uuid::Uuid;

use super::rows::{Row, RowError, position, position_column};
use super::schema::messages;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::{ArchivedMessage, DeadLetterCounts, MessageQuery};

type BoxedQuery<'a> = messages::BoxedQuery<'a, Sqlite>;

pub fn messages_by_id(
    connection: &mut SqliteConnection,
    ids: &[MessageId],
) -> QueryResult<Vec<ArchivedMessage>> {
    let mut found = Vec::new();
    for id in ids {
        let row = messages::table
            .filter(messages::id.eq(id.0.as_bytes().as_slice()))
            .select(Row::as_select())
            .first(connection)
            .optional()?;
        found.extend(row);
    }
    read(found)
}

pub fn messages(
    connection: &mut SqliteConnection,
    query: &MessageQuery,
) -> QueryResult<Vec<ArchivedMessage>> {
    let rows = matching(query)
        .order(messages::position.desc())
        .limit(limit(query))
        .select(Row::as_select())
        .load(connection)?;
    read(rows)
}

pub fn ids_after(
    connection: &mut SqliteConnection,
    query: &MessageQuery,
    after: Position,
) -> QueryResult<Vec<(Position, MessageId)>> {
    let rows: Vec<(i64, Vec<u8>)> = matching(query)
        .filter(messages::position.gt(position_column(after)))
        .order(messages::position.asc())
        .limit(limit(query))
        .select((messages::position, messages::id))
        .load(connection)?;
    let mut ids = Vec::with_capacity(rows.len());
    for (column, id) in rows {
        let id = Uuid::from_slice(&id).map_err(|cause| unreadable(cause.into()))?;
        ids.push((position(column).map_err(unreadable)?, MessageId(id)));
    }
    Ok(ids)
}

pub fn count(connection: &mut SqliteConnection, query: &MessageQuery) -> QueryResult<u64> {
    let count: i64 = matching(query).count().get_result(connection)?;
    Ok(u64::try_from(count).expect("a count is never negative"))
}

pub fn dead_letter_counts(connection: &mut SqliteConnection) -> QueryResult<DeadLetterCounts> {
    let groups: Vec<(String, i64)> = messages::table
        .filter(messages::dead_letter)
        .group_by(messages::destination)
        .select((messages::destination, count_star()))
        .load(connection)?;
    let mut counts = DeadLetterCounts::default();
    for (destination, count) in groups {
        let destination = ServiceName::parse(&destination)
            .map_err(|cause| Error::DeserializationError(Box::new(cause)))?;
        let count = u64::try_from(count).expect("a count is never negative");
        counts.total += count;
        counts.by_destination.insert(destination, count);
    }
    Ok(counts)
}

fn limit(query: &MessageQuery) -> i64 {
    i64::try_from(query.limit).unwrap_or(i64::MAX)
}

fn matching(query: &MessageQuery) -> BoxedQuery<'_> {
    let mut page = of_services(messages::table.into_boxed(), query);
    if let Some(before) = query.before {
        page = page.filter(messages::position.lt(position_column(before)));
    }
    if let Some(reason) = query.reason {
        page = page.filter(messages::reason.eq(reason.name()));
    }
    page = correlated(page, query);
    page = in_states(page, &query.states);
    between(page, query)
}

fn correlated<'a>(page: BoxedQuery<'a>, query: &'a MessageQuery) -> BoxedQuery<'a> {
    let Some(text) = query.correlation_id.as_deref() else {
        return page;
    };
    let given = messages::correlation_id.eq(text);
    let Some(MessageId(own)) = query.correlated_id() else {
        return page.filter(given);
    };
    let is_own = messages::id.eq(own.as_bytes().to_vec());
    page.filter(given.or(is_own.and(messages::correlation_id.is_null())))
}

/// SQLite takes an index on a service for the best, though one on the few undelivered messages or
/// dead letters has less to look through; a `+` keeps it from that.
fn of_services<'a>(mut page: BoxedQuery<'a>, query: &'a MessageQuery) -> BoxedQuery<'a> {
    let of_few = query.dead_letters || is_undelivered(&query.states);
    if let Some(source) = query.source.as_ref().map(ServiceName::as_str) {
        page = if of_few {
            page.filter(sql::<Bool>("+source = ").bind::<Text, _>(source))
        } else {
            page.filter(messages::source.eq(source))
        };
    }
    if let Some(destination) = query.destination.as_ref().map(ServiceName::as_str) {
        // Dead letters have an index for each destination.
        page = if of_few && !query.dead_letters {
            page.filter(sql::<Bool>("+destination = ").bind::<Text, _>(destination))
        } else {
            page.filter(messages::destination.eq(destination))
        };
    }
    page
}

fn in_states<'a>(mut page: BoxedQuery<'a>, states: &[State]) -> BoxedQuery<'a> {
    if is_undelivered(states) {
        // The condition of the partial index, which SQLite does not see in parameters.
        page = page.filter(sql::<Bool>("state <> 'delivered'"));
    }
    if !states.is_empty() {
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        page = page.filter(messages::state.eq_any(names));
    }
    page
}

fn is_undelivered(states: &[State]) -> bool {
    !states.is_empty() && !states.contains(&State::Delivered)
}

fn between<'a>(mut page: BoxedQuery<'a>, query: &MessageQuery) -> BoxedQuery<'a> {
    let since = query.since.map(Timestamp::as_millis);
    let until = query.until.map(Timestamp::as_millis);
    if query.dead_letters {
        page = page.filter(messages::dead_letter);
        if let Some(since) = since {
            page = page.filter(messages::settled_at.ge(since));
        }
        if let Some(until) = until {
            page = page.filter(messages::settled_at.lt(until));
        }
        return page;
    }
    if let Some(since) = since {
        page = page.filter(messages::accepted_at.ge(since));
    }
    if let Some(until) = until {
        page = page.filter(messages::accepted_at.lt(until));
    }
    page
}

fn read(rows: Vec<Row>) -> QueryResult<Vec<ArchivedMessage>> {
    let archived = rows.into_iter().map(Row::into_archived);
    archived.collect::<Result<_, _>>().map_err(unreadable)
}

fn unreadable(cause: RowError) -> Error {
    Error::DeserializationError(cause)
}
