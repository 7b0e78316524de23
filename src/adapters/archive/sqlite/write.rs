//! Batches into SQLite: one transaction, row by row.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::{QueryResult, RunQueryDsl};
use diesel::result::Error;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::SqliteConnection;

use super::row::{Update, insert};
use crate::adapters::archive::dead_events::{Changed, DeadEventTable};
use crate::adapters::archive::events::{self, values::Events};
use crate::adapters::archive::messages::retention;
use crate::adapters::archive::messages::row::position_column;
use crate::adapters::archive::messages::update;
use crate::adapters::archive::messages::values;
use crate::adapters::archive::messages::values::{Accepted, Redriven};
use crate::adapters::archive::snapshots::{self, Snapshots};
use crate::adapters::archive::sql::{Applied, Number};
use crate::adapters::archive::standing;
use crate::domain::event::{Event, Sequence};
use crate::logic::ownership::{ArchiveStanding, BatchVerdict, Claim, Claimed, OwnershipDenial};
use crate::logic::projection::{Batch, DeadEventChange, MessageChange};

pub(super) fn apply(connection: &mut SqliteConnection, batch: &Batch) -> QueryResult<Applied> {
    connection.immediate_transaction(|connection| {
        let standing = read_standing(connection)?;
        let verdict = standing.judge(batch);
        if verdict != BatchVerdict::Write {
            return Ok((standing, verdict));
        }
        for change in &batch.changes {
            write_change(connection, change)?;
        }
        write_events(connection, &batch.events)?;
        for row in snapshots::rows(&batch.snapshots) {
            insert::<Snapshots>(connection, &row)?;
        }
        if let Some(before) = batch.removed_before {
            remove_events(connection, before)?;
        }
        for gone in snapshots::superseded(&batch.snapshots) {
            gone.execute(connection)?;
        }
        for removed in &batch.removed_messages {
            retention::remove(removed).execute(connection)?;
        }
        write_dead_events(connection, &batch.dead_events)?;
        standing::write_checkpoint(batch.through).execute(connection)?;
        Ok((standing, verdict))
    })
}

pub(super) fn claim(
    connection: &mut SqliteConnection,
    claim: &Claim,
) -> QueryResult<Result<Claimed, OwnershipDenial>> {
    connection.immediate_transaction(|connection| {
        let standing = read_standing(connection)?;
        let writer = match standing.admit(claim) {
            Ok(writer) => writer,
            Err(denial) => return Ok(Err(denial)),
        };
        standing::write_writer(writer).execute(connection)?;
        let checkpoint = standing.checkpoint;
        Ok(Ok(Claimed { writer, checkpoint }))
    })
}

fn read_standing(connection: &mut SqliteConnection) -> QueryResult<ArchiveStanding> {
    let row: standing::StandingRow = standing::read().get_result(connection)?;
    row.into_standing().map_err(Error::DeserializationError)
}

fn write_change(connection: &mut SqliteConnection, change: &MessageChange) -> QueryResult<()> {
    if change.is_deleted {
        return sql_query("DELETE FROM messages WHERE id = ?")
            .bind::<Binary, _>(change.id.0.as_bytes().as_slice())
            .execute(connection)
            .map(drop);
    }
    let Some(opening) = &change.opening else {
        // A message the archive never had stays unknown.
        let values = update::values(change).map_err(not_json)?;
        return Update(values).execute(connection).map(drop);
    };
    let row = values::values(change, opening).map_err(not_json)?;
    if opening.is_new {
        insert::<Accepted>(connection, &row)
    } else {
        insert::<Redriven>(connection, &row)
    }
}

fn write_events(connection: &mut SqliteConnection, events: &[Arc<Event>]) -> QueryResult<()> {
    let mut types = HashMap::new();
    for event in events {
        let name = event.event_type.as_str();
        let type_id = match types.get(name) {
            Some(id) => *id,
            None => *types.entry(name).or_insert(type_id(connection, name)?),
        };
        let row = events::values::values(event, type_id).map_err(not_json)?;
        insert::<Events>(connection, &row)?;
    }
    Ok(())
}

/// The number of a type, a new one if it has none.
fn type_id(connection: &mut SqliteConnection, name: &str) -> QueryResult<i64> {
    sql_query("INSERT INTO event_types (name) VALUES (?) ON CONFLICT DO NOTHING")
        .bind::<Text, _>(name)
        .execute(connection)?;
    let row: Number = sql_query("SELECT id AS number FROM event_types WHERE name = ?")
        .bind::<Text, _>(name)
        .get_result(connection)?;
    Ok(row.number)
}

fn remove_events(connection: &mut SqliteConnection, before: Sequence) -> QueryResult<()> {
    sql_query("DELETE FROM events WHERE sequence < ?")
        .bind::<BigInt, _>(position_column(before))
        .execute(connection)
        .map(drop)
}

fn write_dead_events(
    connection: &mut SqliteConnection,
    dead_events: &[DeadEventChange],
) -> QueryResult<()> {
    let changed = Changed::by(dead_events).map_err(not_json)?;
    for row in &changed.dead {
        insert::<DeadEventTable>(connection, row)?;
    }
    for id in changed.gone {
        sql_query("DELETE FROM event_letters WHERE id = ?")
            .bind::<Binary, _>(id.as_bytes().as_slice())
            .execute(connection)?;
    }
    Ok(())
}

fn not_json(error: serde_json::Error) -> Error {
    Error::SerializationError(Box::new(error))
}
