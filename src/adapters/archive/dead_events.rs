//! Dead letters of subscriptions in SQL.

use std::collections::HashMap;

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use uuid::Uuid;

use super::alternatives::Alternatives;
use super::ends::Ends;
use super::listing::{Measured, RowListing};
use super::messages::questions::uuids;
use super::messages::row::{RowError, position, position_column};
use super::statement::Statement;
use super::table::{self, Column, Table, bytes, number, text};
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{MessageId, Position};
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::logic::projection::DeadEventChange;
use crate::ports::archive::{ArchivedDeadEvent, DeadEventQuery};

const ROWS: &str = "SELECT position, letter FROM event_letters WHERE TRUE";
/// A dead letter begins with its id and that of its subscription, each of one length, and there is
/// an index on that place. A column would have to be filled when an older database is opened, which
/// takes longer than opening may.
const OF_SUBSCRIPTION: &str = "substr(letter, 65, 36) = ";

pub(super) const COUNT: &str = "SELECT count(*) AS number FROM event_letters";

pub(super) struct DeadEventTable;

impl Table for DeadEventTable {
    const NAME: &'static str = "event_letters";
    const COLUMNS: &'static [Column] = &[
        number("position"),
        bytes("id"),
        text("service"),
        text("source"),
        text("correlation_id"),
        text("reason"),
        number("died_at"),
        text("letter"),
    ];
    const ON_CONFLICT: &'static str = "ON CONFLICT (id) DO UPDATE SET \
        position = excluded.position, service = excluded.service, source = excluded.source, \
        correlation_id = excluded.correlation_id, reason = excluded.reason, \
        died_at = excluded.died_at, letter = excluded.letter";
}

/// What changes add up to.
#[derive(Default)]
pub(super) struct Changed<'a> {
    pub dead: Vec<table::Row<'a>>,
    pub gone: Vec<&'a Uuid>,
}

impl<'a> Changed<'a> {
    pub(super) fn by(changes: &'a [DeadEventChange]) -> serde_json::Result<Self> {
        let mut last: HashMap<MessageId, &DeadEventChange> = HashMap::new();
        for change in changes {
            let id = match change {
                DeadEventChange::Dead { dead_event, .. } => dead_event.id,
                DeadEventChange::Gone(id) => *id,
            };
            last.insert(id, change);
        }
        let mut changed = Self::default();
        for change in last.into_values() {
            match change {
                DeadEventChange::Gone(id) => changed.gone.push(&id.0),
                DeadEventChange::Dead {
                    position,
                    dead_event,
                } => {
                    changed.dead.push(values(*position, dead_event)?);
                }
            }
        }
        Ok(changed)
    }
}

fn values(position: Position, dead_event: &DeadEvent) -> serde_json::Result<table::Row<'_>> {
    Ok(vec![
        position_column(position).into(),
        (&dead_event.id.0).into(),
        dead_event.service.as_str().into(),
        dead_event.event.source.as_str().into(),
        dead_event.event.correlation_id().into(),
        dead_event.reason.name().into(),
        dead_event.at.as_millis().into(),
        serde_json::to_string(dead_event)?.into(),
    ])
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Text)]
    letter: String,
}

impl Measured for Row {
    const BYTES: &'static str = "octet_length(letter)";

    fn bytes(&self) -> usize {
        self.letter.len()
    }
}

impl Row {
    pub(super) fn into_dead_event(self) -> Result<ArchivedDeadEvent, RowError> {
        Ok(ArchivedDeadEvent {
            position: position(self.position)?,
            dead_event: serde_json::from_str(&self.letter)?,
            payload_head: None,
        })
    }
}

pub(super) fn by_id(id: MessageId) -> Statement {
    Statement::new(ROWS).and("id = ", id.0)
}

/// Newest first.
pub(super) fn page(query: &DeadEventQuery) -> RowListing {
    let order = "position DESC";
    // And the one after the page.
    let most = query.limit.saturating_add(1);
    let rows = matching(query, None).of(Statement::new(ROWS), order, most);
    RowListing::new(rows, order, query.limit)
}

/// Oldest first.
pub(super) fn ids_after(query: &DeadEventQuery, after: Position) -> Statement {
    let places = Statement::new("SELECT position, id FROM event_letters WHERE TRUE");
    matching(query, Some(after))
        .of(places, "position", query.limit)
        .sql(" ORDER BY position LIMIT ")
        .bind(query.limit)
}

pub(super) fn count(query: &DeadEventQuery) -> Statement {
    matching(query, None).count()
}

fn matching(query: &DeadEventQuery, after: Option<Position>) -> Alternatives {
    let subscription = query.subscription_id.map(|id| id.to_string());
    let has_own_index =
        subscription.is_some() || query.correlation_id.is_some() || query.ids.is_some();
    let common = Statement::new("")
        .and_if(OF_SUBSCRIPTION, subscription)
        .and_if("correlation_id = ", query.correlation_id.as_deref())
        .and_if("reason = ", query.reason.map(DeadReason::name))
        .and_one_of("id", query.ids.as_deref().map(uuids))
        .and_if("died_at >= ", query.since.map(Timestamp::as_millis))
        .and_if("died_at < ", query.until.map(Timestamp::as_millis))
        .and_if("position > ", after)
        .and_if("position < ", query.before);
    let ends = Ends {
        columns: ("source", "service"),
        source: query.source.as_ref(),
        destination: query.service.as_ref(),
        party: query.party.as_ref(),
    };
    let conditions = if has_own_index {
        vec![ends.beside(common)]
    } else {
        let sides = ends.sides().into_iter();
        sides.map(|side| ends.on(side, common.clone())).collect()
    };
    Alternatives::new("event_letters", "position", conditions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::Fact;
    use crate::domain::fact::subscription::SubscriptionFact;
    use crate::logic::journal::samples;

    #[test]
    fn the_id_of_its_subscription_is_where_it_is_looked_for() {
        let Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event)) =
            samples::event_dead_lettered(1, 5)
        else {
            panic!("a sample of something else");
        };
        let text = serde_json::to_string(&dead_event).unwrap();
        assert_eq!(OF_SUBSCRIPTION, "substr(letter, 65, 36) = ");
        assert_eq!(text[64..64 + 36], dead_event.subscription_id.to_string());
    }
}
