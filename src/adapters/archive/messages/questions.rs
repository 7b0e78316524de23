//! Questions about messages, as SQL.

use uuid::Uuid;

use crate::adapters::archive::alternatives::Alternatives;
use crate::adapters::archive::ends::{Ends, Side};
use crate::adapters::archive::listing::RowListing;
use crate::adapters::archive::statement::Statement;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{State, Status};
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::MessageQuery;

const COLUMNS: &str = "SELECT position, id, destination, source, kind, priority, correlation_id, \
     content_type, extras, accepted_at, expires_at, state, settled_at, reason, attempts, \
     delivery_attempts, redriven, dead_letter, ";
const PAYLOAD: &str = "payload, body, CAST(0 AS bigint) AS payload_bytes";
/// As many characters as a head has bytes: more than it has in any case.
const HEAD: &str = "substr(payload, 1, 512) AS payload, substr(body, 1, 512) AS body, \
     CAST(octet_length(payload) + coalesce(octet_length(body), 0) AS bigint) AS payload_bytes";
const NO_PAYLOAD: &str = "'' AS payload, CASE WHEN body IS NULL THEN NULL ELSE substr(body, 1, 0) \
     END AS body, CAST(0 AS bigint) AS payload_bytes";
const OF_MESSAGES: &str = " FROM messages WHERE TRUE";

/// The condition of the partial indexes, which no database sees in parameters.
const FAILED: &str = " AND state <> 'delivered' AND state <> 'queued'";

fn rows(detail: PayloadDetail) -> Statement {
    let payload = match detail {
        PayloadDetail::Full => PAYLOAD,
        PayloadDetail::Head => HEAD,
        PayloadDetail::None => NO_PAYLOAD,
    };
    Statement::new(COLUMNS).sql(payload).sql(OF_MESSAGES)
}

pub(crate) fn by_id(ids: &[MessageId]) -> Statement {
    rows(PayloadDetail::Full).and_one_of("id", Some(uuids(ids)))
}

/// Newest first.
pub(crate) fn page(query: &MessageQuery) -> RowListing {
    let order = "position DESC";
    // And the one after the page.
    let most = query.limit.saturating_add(1);
    let rows = matching(query, None).of(rows(query.detail), order, most);
    RowListing::new(rows, order, query.limit)
}

/// Oldest first.
pub(crate) fn ids_after(query: &MessageQuery, after: Position) -> Statement {
    let places = Statement::new("SELECT position, id FROM messages WHERE TRUE");
    matching(query, Some(after))
        .of(places, "position", query.limit)
        .sql(" ORDER BY position LIMIT ")
        .bind(query.limit)
}

pub(crate) fn count(query: &MessageQuery) -> Statement {
    matching(query, None).count()
}

/// Of the few that have an index of their own.
pub(crate) fn failed_by_state() -> Statement {
    Statement::new("SELECT state AS name, count(*) AS number FROM messages WHERE TRUE")
        .sql(FAILED)
        .sql(" GROUP BY state")
}

/// Dead letters of subscriptions count for the subscriber.
pub(crate) fn dead_letter_counts() -> Statement {
    Statement::new(
        "SELECT destination AS name, count(*) AS number FROM messages WHERE dead_letter \
         GROUP BY destination \
         UNION ALL SELECT service AS name, count(*) AS number FROM event_letters GROUP BY service",
    )
}

fn matching(query: &MessageQuery, after: Option<Position>) -> Alternatives {
    let common = Statement::new("")
        .and_if("position > ", after)
        .and_if("position < ", query.before)
        .and_if("reason = ", query.reason.map(DeadReason::name))
        .and_one_of("id", query.ids.as_deref().map(uuids));
    let common = between(in_states(common, &query.states), query);
    let ends = Ends {
        columns: ("source", "destination"),
        source: query.source.as_ref(),
        destination: query.destination.as_ref(),
        party: query.party.as_ref(),
    };
    let conditions = match query.correlation_id.as_deref() {
        Some(text) => correlated(&ends.beside(common), query, text),
        None if query.ids.is_some() => vec![ends.beside(common)],
        None => ends
            .sides()
            .into_iter()
            .map(|side| of_dead_events(ends.on(side, common.clone()), query, side))
            .collect(),
    };
    Alternatives::new("messages", "position", conditions)
}

/// As they stand in the column `id`.
pub(crate) fn uuids(ids: &[MessageId]) -> impl ExactSizeIterator<Item = Uuid> {
    ids.iter().map(|id| id.0)
}

fn correlated(common: &Statement, query: &MessageQuery, text: &str) -> Vec<Statement> {
    let given = common.clone().and("correlation_id = ", text);
    let own = query.correlated_id().map(|MessageId(own)| {
        let own = common.clone().and("id = ", own);
        own.sql(" AND correlation_id IS NULL")
    });
    [given].into_iter().chain(own).collect()
}

/// Dead letters have an index for each destination. Those of a source are looked for among the few
/// of its messages that failed, which have one, too.
fn of_dead_events(statement: Statement, query: &MessageQuery, side: Side<'_>) -> Statement {
    let is_of_source = side.source.is_some() && side.destination.is_none();
    match query.dead_letters && is_of_source && !is_failed(&query.states) {
        true => statement.sql(FAILED),
        false => statement,
    }
}

fn in_states(mut statement: Statement, states: &[State]) -> Statement {
    if is_failed(states) {
        statement = statement.sql(FAILED);
    }
    if !states.is_empty() {
        let names = states.iter().map(|state| state.name());
        statement = statement.sql(" AND state IN ").list(names);
    }
    statement
}

fn is_failed(states: &[State]) -> bool {
    let is_failed = |state: &State| state.status() == Status::Failed;
    !states.is_empty() && states.iter().all(is_failed)
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
