//! The file gives back what is free in it, a little at a time.

use diesel::connection::SimpleConnection;
use diesel::prelude::{QueryResult, RunQueryDsl};
use diesel::sql_query;
use diesel::sqlite::SqliteConnection;

use crate::adapters::archive::sql::Number;

/// So much is moved at once: 8 MiB, which takes some tens of milliseconds.
const STEP: &str = "PRAGMA incremental_vacuum(1024)";
/// Without this the file itself keeps its size until there is more to write.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// A file made before files gave anything back is made anew at start if it is no larger than this,
/// in bytes. A larger one is left to its owner: it would take too long, and as much room again.
const SMALL: i64 = 64 << 20;
/// With fewer pages free nothing is given back.
const FEW_PAGES: i64 = 64;
/// One page of so many may be free: there will be more to write.
const FREE_SHARE: i64 = 16;
/// Of `PRAGMA auto_vacuum`.
const INCREMENTAL: i64 = 2;

fn number(connection: &mut SqliteConnection, sql: &str) -> QueryResult<i64> {
    let row: Number = sql_query(sql).get_result(connection)?;
    Ok(row.number)
}

fn pages(connection: &mut SqliteConnection) -> QueryResult<i64> {
    number(
        connection,
        "SELECT page_count AS number FROM pragma_page_count()",
    )
}

fn gives_back(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let sql = "SELECT auto_vacuum AS number FROM pragma_auto_vacuum()";
    Ok(number(connection, sql)? == INCREMENTAL)
}

/// One step; says whether there is more to give back.
pub(super) fn give_back(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let sql = "SELECT freelist_count AS number FROM pragma_freelist_count()";
    let free = number(connection, sql)?;
    if free <= FEW_PAGES.max(pages(connection)? / FREE_SHARE) || !gives_back(connection)? {
        return Ok(false);
    }
    connection.batch_execute(STEP)?;
    let has_more = number(connection, sql)? > FEW_PAGES.max(pages(connection)? / FREE_SHARE);
    if !has_more {
        connection.batch_execute(CHECKPOINT)?;
    }
    Ok(has_more)
}

/// Has an older file give back from now on, if that takes no time to speak of.
pub(super) fn prepare(connection: &mut SqliteConnection) -> QueryResult<()> {
    if gives_back(connection)? {
        return Ok(());
    }
    let page_size = number(
        connection,
        "SELECT page_size AS number FROM pragma_page_size()",
    )?;
    let bytes = pages(connection)?.saturating_mul(page_size);
    if bytes > SMALL {
        tracing::info!(
            bytes,
            "the archive's file never shrinks, as it was made by an older version; docs/guides/keeping-it-small.md says how to change that"
        );
        return Ok(());
    }
    // Fails for want of room, for instance, which is no reason not to start.
    if let Err(error) = connection.batch_execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;") {
        tracing::warn!(%error, "the archive's file goes on as one that never shrinks");
    }
    Ok(())
}
