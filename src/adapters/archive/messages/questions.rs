//! Questions about messages, as SQL.

use crate::adapters::archive::listing::Listing;
use crate::adapters::archive::statement::Statement;
use crate::domain::fact::DeadReason;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::MessageQuery;

const ROWS: &str = "SELECT position, id, destination, source, kind, priority, correlation_id, \
     payload, extras, accepted_at, expires_at, state, settled_at, reason, attempts, \
     delivery_attempts, redriven, dead_letter FROM messages WHERE TRUE";

pub fn by_id(ids: &[MessageId]) -> Statement {
    let ids = ids.iter().map(|id| id.0);
    Statement::new(ROWS).sql(" AND id IN ").list(ids)
}

/// Newest first.
pub fn page(query: &MessageQuery) -> Listing {
    let rows = matching(Statement::new(ROWS), query);
    Listing::new(rows, "position DESC", query.limit)
}

/// Oldest first.
pub fn ids_after(query: &MessageQuery, after: Position) -> Statement {
    let places = Statement::new("SELECT position, id FROM messages WHERE TRUE");
    matching(places, query)
        .and("position > ", after)
        .sql(" ORDER BY position LIMIT ")
        .bind(query.limit)
}

pub fn count(query: &MessageQuery) -> Statement {
    let count = Statement::new("SELECT count(*) AS number FROM messages WHERE TRUE");
    matching(count, query)
}

/// Of the few that have an index of their own.
pub fn undelivered_by_state() -> Statement {
    Statement::new(
        "SELECT state AS name, count(*) AS number FROM messages WHERE state <> 'delivered' \
         GROUP BY state",
    )
}

/// Letters of subscriptions count for the subscriber.
pub fn dead_letter_counts() -> Statement {
    Statement::new(
        "SELECT destination AS name, count(*) AS number FROM messages WHERE dead_letter \
         GROUP BY destination \
         UNION ALL SELECT service AS name, count(*) AS number FROM event_letters GROUP BY service",
    )
}

fn matching(statement: Statement, query: &MessageQuery) -> Statement {
    let statement = of_services(statement, query)
        .and_if("position < ", query.before)
        .and_if("reason = ", query.reason.map(DeadReason::name));
    let statement = correlated(statement, query);
    let statement = in_states(statement, &query.states);
    between(statement, query)
}

fn correlated(statement: Statement, query: &MessageQuery) -> Statement {
    let Some(text) = query.correlation_id.as_deref() else {
        return statement;
    };
    let Some(MessageId(own)) = query.correlated_id() else {
        return statement.and("correlation_id = ", text);
    };
    statement
        .and("(correlation_id = ", text)
        .sql(" OR id = ")
        .bind(own)
        .sql(" AND correlation_id IS NULL)")
}

/// SQLite takes an index on a service for the best, though one on the few undelivered messages or
/// dead letters has less to look through; an expression keeps it from that.
fn of_services(statement: Statement, query: &MessageQuery) -> Statement {
    let of_few = query.dead_letters || is_undelivered(&query.states);
    let source = query.source.as_ref().map(ServiceName::as_str);
    let destination = query.destination.as_ref().map(ServiceName::as_str);
    let by_source = if of_few {
        "source || '' = "
    } else {
        "source = "
    };
    // Dead letters have an index for each destination.
    let by_destination = if of_few && !query.dead_letters {
        "destination || '' = "
    } else {
        "destination = "
    };
    statement
        .and_if(by_source, source)
        .and_if(by_destination, destination)
}

fn in_states(mut statement: Statement, states: &[State]) -> Statement {
    if is_undelivered(states) {
        // The condition of the partial index, which no database sees in parameters.
        statement = statement.sql(" AND state <> 'delivered'");
    }
    if !states.is_empty() {
        let names = states.iter().map(|state| state.name());
        statement = statement.sql(" AND state IN ").list(names);
    }
    statement
}

fn is_undelivered(states: &[State]) -> bool {
    !states.is_empty() && !states.contains(&State::Delivered)
}

fn between(statement: Statement, query: &MessageQuery) -> Statement {
    let since = query.since.map(Timestamp::as_millis);
    let until = query.until.map(Timestamp::as_millis);
    if query.dead_letters {
        return statement
            .sql(" AND dead_letter")
            .and_if("settled_at >= ", since)
            .and_if("settled_at < ", until);
    }
    statement
        .and_if("accepted_at >= ", since)
        .and_if("accepted_at < ", until)
}
