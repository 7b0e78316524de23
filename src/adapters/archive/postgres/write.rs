//! Batches into PostgreSQL: one transaction, many rows at once.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::QueryResult;
use diesel::result::Error;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::rows::{insert, update};
use crate::adapters::archive::dead_events::{Changed, DeadEventTable};
use crate::adapters::archive::events::types::Type;
use crate::adapters::archive::events::{self, values::Events};
use crate::adapters::archive::messages;
use crate::adapters::archive::messages::row::position_column;
use crate::adapters::archive::messages::values::{Accepted, Redriven};
use crate::adapters::archive::snapshots::{self, Snapshots};
use crate::adapters::archive::sql::Applied;
use crate::adapters::archive::standing;
use crate::domain::event::{Event, Sequence};
use crate::logic::ownership::{ArchiveStanding, BatchVerdict, Claim, Claimed, OwnershipDenial};
use crate::logic::projection::{Batch, DeadEventChange, MessageChange};

/// More than a question has: a batch may remove many events.
const TIMEOUT: &str = "SET LOCAL statement_timeout = '300s'";

pub(super) async fn apply(
    connection: &mut AsyncPgConnection,
    batch: &Batch,
) -> QueryResult<Applied> {
    connection
        .transaction(async |connection| {
            sql_query(TIMEOUT).execute(connection).await?;
            let standing = lock_standing(connection).await?;
            let verdict = standing.judge(batch);
            if verdict != BatchVerdict::Write {
                return Ok((standing, verdict));
            }
            write_changes(connection, &batch.changes).await?;
            write_events(connection, &batch.events).await?;
            insert::<Snapshots>(connection, &snapshots::rows(&batch.snapshots)).await?;
            if let Some(before) = batch.removed_before {
                remove_events(connection, before).await?;
            }
            for gone in snapshots::superseded(&batch.snapshots) {
                gone.execute(connection).await?;
            }
            for removed in &batch.removed_messages {
                let removal = messages::retention::remove(removed);
                removal.execute(connection).await?;
            }
            write_dead_events(connection, &batch.dead_events).await?;
            let moved = standing::write_checkpoint(batch.through);
            moved.execute(connection).await?;
            Ok((standing, verdict))
        })
        .await
}

pub(super) async fn claim(
    connection: &mut AsyncPgConnection,
    claim: Claim,
) -> QueryResult<Result<Claimed, OwnershipDenial>> {
    connection
        .transaction(async |connection| {
            let standing = lock_standing(connection).await?;
            let writer = match standing.admit(&claim) {
                Ok(writer) => writer,
                Err(denial) => return Ok(Err(denial)),
            };
            let taken = standing::write_writer(writer);
            taken.execute(connection).await?;
            let checkpoint = standing.checkpoint;
            Ok(Ok(Claimed { writer, checkpoint }))
        })
        .await
}

/// Of two hubs with one database the second waits here, and then finds that it is not its own.
async fn lock_standing(connection: &mut AsyncPgConnection) -> QueryResult<ArchiveStanding> {
    let locked = standing::read().sql(" FOR UPDATE");
    let row: standing::StandingRow = locked.get_result(connection).await?;
    row.into_standing().map_err(Error::DeserializationError)
}

async fn write_changes(
    connection: &mut AsyncPgConnection,
    changes: &[MessageChange],
) -> QueryResult<()> {
    let (mut accepted, mut redriven, mut updates) = (Vec::new(), Vec::new(), Vec::new());
    let mut deleted = Vec::new();
    for change in changes {
        match &change.opening {
            _ if change.is_deleted => deleted.push(change.id.0.as_bytes().as_slice()),
            // A message the archive never had stays unknown.
            None => updates.push(messages::update::values(change).map_err(not_json)?),
            Some(opening) => {
                let row = messages::values::values(change, opening).map_err(not_json)?;
                let rows = if opening.is_new {
                    &mut accepted
                } else {
                    &mut redriven
                };
                rows.push(row);
            }
        }
    }
    insert::<Accepted>(connection, &accepted).await?;
    insert::<Redriven>(connection, &redriven).await?;
    update(connection, &updates).await?;
    if deleted.is_empty() {
        return Ok(());
    }
    sql_query("DELETE FROM messages WHERE id = ANY($1)")
        .bind::<Array<Binary>, _>(deleted)
        .execute(connection)
        .await
        .map(drop)
}

async fn write_events(
    connection: &mut AsyncPgConnection,
    events: &[Arc<Event>],
) -> QueryResult<()> {
    let types = type_ids(connection, events).await?;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let type_id = types
            .get(event.event_type.as_str())
            .ok_or(Error::NotFound)?;
        rows.push(events::values::values(event, *type_id).map_err(not_json)?);
    }
    insert::<Events>(connection, &rows).await
}

/// The numbers of all types, new ones for those that have none.
async fn type_ids(
    connection: &mut AsyncPgConnection,
    events: &[Arc<Event>],
) -> QueryResult<HashMap<String, i64>> {
    let mut names: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut known = known_types(connection, &names).await?;
    names.retain(|name| !known.contains_key(*name));
    if !names.is_empty() {
        sql_query("INSERT INTO event_types (name) SELECT unnest($1)")
            .bind::<Array<Text>, _>(&names)
            .execute(connection)
            .await?;
        known.extend(known_types(connection, &names).await?);
    }
    Ok(known)
}

async fn known_types(
    connection: &mut AsyncPgConnection,
    names: &[&str],
) -> QueryResult<HashMap<String, i64>> {
    let known: Vec<Type> = sql_query("SELECT id, name FROM event_types WHERE name = ANY($1)")
        .bind::<Array<Text>, _>(names)
        .load(connection)
        .await?;
    Ok(known.into_iter().map(|one| (one.name, one.id)).collect())
}

async fn remove_events(connection: &mut AsyncPgConnection, before: Sequence) -> QueryResult<()> {
    sql_query("DELETE FROM events WHERE sequence < $1")
        .bind::<BigInt, _>(position_column(before))
        .execute(connection)
        .await
        .map(drop)
}

async fn write_dead_events(
    connection: &mut AsyncPgConnection,
    dead_events: &[DeadEventChange],
) -> QueryResult<()> {
    let changed = Changed::by(dead_events).map_err(not_json)?;
    insert::<DeadEventTable>(connection, &changed.dead).await?;
    if changed.gone.is_empty() {
        return Ok(());
    }
    let gone: Vec<&[u8]> = changed
        .gone
        .iter()
        .map(|id| id.as_bytes().as_slice())
        .collect();
    sql_query("DELETE FROM event_letters WHERE id = ANY($1)")
        .bind::<Array<Binary>, _>(gone)
        .execute(connection)
        .await
        .map(drop)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::SerializationError(Box::new(error))
}
