//! Questions about events, as SQL.
//!
//! What a page costs: a step in an index for each event on it, for each of up to [`MOST_TYPES`]
//! types or both ways to be correlated, wherever the page begins. Two things are looked through
//! one by one until the page is full: a stream, conversation or source for certain types, and all
//! events for more types than that.

use super::types::Types;
use crate::adapters::archive::alternatives::Alternatives;
use crate::adapters::archive::listing::RowListing;
use crate::adapters::archive::statement::Statement;
use crate::domain::event::{EventId, Sequence};
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;

/// Sequences have no gaps but at the beginning.
pub(crate) const COUNT: &str =
    "SELECT coalesce(max(sequence) - min(sequence) + 1, 0) AS number FROM events";

/// So many types are each read by their index and merged.
const MOST_TYPES: usize = 32;

const ROWS: &str = "SELECT sequence, id, \
     (SELECT name FROM event_types WHERE event_types.id = events.type_id) AS event_type, \
     source, published_at, stream_id, stream_version, correlation_id, causation_id, payload, \
     extras FROM events WHERE TRUE";
const PLACE_IN_TIME: &str = "SELECT sequence AS number FROM events WHERE TRUE";
/// An event's place in its stream and in time.
const PLACES: &str = "SELECT stream_version AS version, published_at AS at FROM events WHERE TRUE";

pub(crate) fn by_id(ids: &[EventId]) -> Statement {
    let ids = ids.iter().map(|id| id.0);
    let rows = Statement::new(ROWS).sql(" AND id IN ").list(ids);
    rows.sql(" ORDER BY sequence")
}

/// The first event published at `at` or later.
pub(crate) fn first_since(at: Timestamp) -> Statement {
    Statement::new(PLACE_IN_TIME)
        .and("published_at >= ", at.as_millis())
        .sql(" ORDER BY published_at, sequence LIMIT 1")
}

/// The last event published at `at` or before.
pub(crate) fn last_until(at: Timestamp) -> Statement {
    Statement::new(PLACE_IN_TIME)
        .and("published_at <= ", at.as_millis())
        .sql(" ORDER BY published_at DESC, sequence DESC LIMIT 1")
}

/// The page in its order. Of times nothing is asked: they are turned into sequences before.
pub(crate) fn page(query: &EventQuery, types: &Types) -> RowListing {
    // And the one after the page.
    let most = query.limit.saturating_add(1);
    let rows = matching(query, types).of(Statement::new(ROWS), order(query), most);
    RowListing::new(rows, order(query), query.limit).within(query.page_bytes())
}

/// The sequences of the events on the page, were it only bounded by their number.
pub(crate) fn sequences(query: &EventQuery, types: &Types) -> Statement {
    matching(query, types).keys(order(query), query.limit)
}

fn matching(query: &EventQuery, types: &Types) -> Alternatives {
    Alternatives::new("events", "sequence", branches(query, types))
}

/// Conditions of which each is in the order of an index, and any may be met.
fn branches(query: &EventQuery, types: &Types) -> Vec<Statement> {
    let common = within(query);
    if let Some(text) = &query.correlation_id {
        let common = of_stream(of_source(of_types(common, types), query), query);
        let given = common.clone().and("correlation_id = ", text.as_str());
        let own = uuid::Uuid::parse_str(text).ok();
        let own = own.map(|own| common.sql(" AND correlation_id IS NULL").and("id = ", own));
        return [given].into_iter().chain(own).collect();
    }
    if query.stream_id.is_some() {
        return vec![of_stream(of_source(of_types(common, types), query), query)];
    }
    if let Types::Some(ids) = types
        && (1..=MOST_TYPES).contains(&ids.len())
    {
        let common = of_source(common, query);
        let branch = |id: &i64| common.clone().and("type_id = ", *id);
        return ids.iter().map(branch).collect();
    }
    let source = query.source.as_ref().map(ServiceName::as_str);
    vec![of_types(common, types).and_if("source = ", source)]
}

fn within(query: &EventQuery) -> Statement {
    Statement::new("")
        .and_if("sequence >= ", query.from_sequence)
        .and_if("sequence <= ", query.to_sequence)
        .and_if("stream_version >= ", query.from_version)
        .and_if("stream_version <= ", query.to_version)
}

/// Without leading to the index on types, which is not in the order of the page.
fn of_types(statement: Statement, types: &Types) -> Statement {
    match types {
        Types::All => statement,
        Types::Some(ids) if ids.is_empty() => statement.sql(" AND FALSE"),
        Types::Some(ids) => {
            // As text: no database takes any number of parameters.
            let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
            let condition = format!(" AND type_id + 0 IN ({})", ids.join(", "));
            statement.sql(condition).once()
        }
    }
}

/// Without leading to the index on sources: another is better.
fn of_source(statement: Statement, query: &EventQuery) -> Statement {
    let source = query.source.as_ref().map(ServiceName::as_str);
    statement.and_if("source || '' = ", source)
}

fn of_stream(statement: Statement, query: &EventQuery) -> Statement {
    let id = query.stream_id.as_ref().map(|id| id.as_str());
    match query.correlation_id {
        Some(_) => statement.and_if("stream_id || '' = ", id),
        None => statement.and_if("stream_id = ", id),
    }
}

fn order(query: &EventQuery) -> &'static str {
    let by_version = query.stream_id.is_some()
        && query.correlation_id.is_none()
        && (query.from_version.is_some() || query.to_version.is_some());
    // Within a stream both orders are the same, but each has its index.
    match (by_version, query.descending) {
        (true, true) => "stream_version DESC",
        (true, false) => "stream_version",
        (false, true) => "sequence DESC",
        (false, false) => "sequence",
    }
}

/// The oldest event of a stream that is kept.
pub(crate) fn first_of_stream(stream: &str) -> Statement {
    let places = Statement::new(PLACES).and("stream_id = ", stream);
    places.sql(" ORDER BY stream_version LIMIT 1")
}

/// The newest event of a stream.
pub(crate) fn last_of_stream(stream: &str) -> Statement {
    let places = Statement::new(PLACES).and("stream_id = ", stream);
    places.sql(" ORDER BY stream_version DESC LIMIT 1")
}

/// Each stream with events before `sequence`, and the version of the last such event. Looks at
/// all of these.
pub(crate) fn streams_before(sequence: Sequence) -> Statement {
    Statement::new(
        "SELECT stream_id || '' AS stream_id, max(stream_version) AS version FROM events \
         WHERE stream_version IS NOT NULL",
    )
    .and("sequence < ", sequence)
    .sql(" GROUP BY stream_id || ''")
}
