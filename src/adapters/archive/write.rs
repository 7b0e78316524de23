//! Batches into SQLite: one transaction, row by row.
//!
//! Statements for one row, prepared once, are faster in SQLite than inserts of many rows.

use diesel::TextExpressionMethods;

use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl};
use diesel::result::Error;
use diesel::sqlite::SqliteConnection;
use diesel::upsert::excluded;

use super::rows::{NewRow, position, position_column};
use super::schema::{checkpoint, messages};
use super::update::Update;
use crate::domain::ids::Position;
use crate::logic::projection::{Batch, Change};

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// The archive holds it, from now on or from before.
    Held,
    /// It does not begin where the archive is.
    OutOfStep { checkpoint: Position },
}

pub fn apply(connection: &mut SqliteConnection, batch: &Batch) -> QueryResult<Applied> {
    connection.immediate_transaction(|connection| {
        let checkpoint = read_checkpoint(connection)?;
        if batch.through <= checkpoint {
            return Ok(Applied::Held);
        }
        if batch.after != checkpoint {
            return Ok(Applied::OutOfStep { checkpoint });
        }
        for change in &batch.changes {
            write(connection, change)?;
        }
        write_checkpoint(connection, batch.through)?;
        Ok(Applied::Held)
    })
}

pub fn read_checkpoint(connection: &mut SqliteConnection) -> QueryResult<Position> {
    let column = checkpoint::table
        .select(checkpoint::position)
        .first::<i64>(connection)?;
    position(column).map_err(Error::DeserializationError)
}

fn write_checkpoint(connection: &mut SqliteConnection, through: Position) -> QueryResult<()> {
    diesel::update(checkpoint::table)
        .set(checkpoint::position.eq(position_column(through)))
        .execute(connection)
        .map(drop)
}

fn write(connection: &mut SqliteConnection, change: &Change) -> QueryResult<()> {
    let Some(opening) = &change.opening else {
        // A message the archive never had stays unknown.
        return Update::new(change)
            .map_err(not_json)?
            .execute(connection)
            .map(drop);
    };
    let row = NewRow::new(change, opening).map_err(not_json)?;
    if opening.is_new {
        insert(connection, &row)
    } else {
        reopen(connection, &row, change)
    }
}

/// The row, instead of any that is in its way. Trying to insert first is much faster: to be able
/// to undo a replacement, SQLite copies every page it touches.
fn insert(connection: &mut SqliteConnection, row: &NewRow<'_>) -> QueryResult<()> {
    let inserted = diesel::insert_or_ignore_into(messages::table)
        .values(row)
        .execute(connection)?;
    if inserted == 0 {
        diesel::replace_into(messages::table)
            .values(row)
            .execute(connection)?;
    }
    Ok(())
}

/// A redrive: the message anew, in its old place and with its old attempts.
fn reopen(connection: &mut SqliteConnection, row: &NewRow<'_>, change: &Change) -> QueryResult<()> {
    let last_error = change
        .last_error()
        .map(|error| messages::last_error.eq(error));
    diesel::insert_into(messages::table)
        .values(row)
        .on_conflict(messages::id)
        .do_update()
        .set((
            messages::destination.eq(excluded(messages::destination)),
            messages::source.eq(excluded(messages::source)),
            messages::kind.eq(excluded(messages::kind)),
            messages::priority.eq(excluded(messages::priority)),
            messages::correlation_id.eq(excluded(messages::correlation_id)),
            messages::payload.eq(excluded(messages::payload)),
            messages::extras.eq(excluded(messages::extras)),
            messages::accepted_at.eq(excluded(messages::accepted_at)),
            messages::expires_at.eq(excluded(messages::expires_at)),
            messages::state.eq(excluded(messages::state)),
            messages::settled_at.eq(excluded(messages::settled_at)),
            messages::reason.eq(excluded(messages::reason)),
            messages::attempts.eq(messages::attempts.concat(excluded(messages::attempts))),
            messages::delivery_attempts.eq(excluded(messages::delivery_attempts)),
            messages::redriven.eq(excluded(messages::redriven)),
            messages::dead_letter.eq(excluded(messages::dead_letter)),
            last_error,
        ))
        .execute(connection)
        .map(drop)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::SerializationError(Box::new(error))
}
