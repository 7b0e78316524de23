//! Brings the tables up to date: one hub at a time, and for as long as it takes.

use std::time::{Duration, Instant};

use diesel::prelude::QueryResult;
use diesel::sql_query;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any number, the same for all hubs: only one at a time makes tables.
const LOCK: &str = "SELECT pg_advisory_lock(7205759403792793)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7205759403792793)";
/// How long somebody who connects waits for whoever is at it. The server has to know, too: it does
/// not notice that nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(3);
const BRIEFLY: &str = "SET lock_timeout = '3s'";
/// An index on a large table takes minutes.
const FOR_LONG: &str = "SET lock_timeout = 0; SET statement_timeout = 0";

const BUSY: &str = "its tables are being brought up to date, which takes long where there is much \
    in them; it is there when that is done";

/// Hands the connection back when the tables are as this hub knows them.
///
/// The work goes on when nobody waits for it any more: begun anew by everybody who connects, and
/// given up each time when connecting takes too long, it would never end where there is much in
/// the tables.
pub(super) async fn brought_up_to_date(
    mut connection: AsyncPgConnection,
) -> Result<AsyncPgConnection, String> {
    connection.batch_execute(BRIEFLY).await.map_err(in_words)?;
    let locked = sql_query(LOCK).execute(&mut connection).await;
    locked.map_err(|error| format!("{BUSY} ({error})"))?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let is_behind = harness
        .has_pending_migration(MIGRATIONS)
        .map_err(|error| format!("cannot look at the tables: {error}"))?;
    let mut connection = harness.into_inner();
    if !is_behind {
        unlock(&mut connection).await.map_err(in_words)?;
        return Ok(connection);
    }
    let work = tokio::spawn(bring_up_to_date(connection));
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| error.to_string())?,
        Err(_) => Err(BUSY.to_owned()),
    }
}

async fn bring_up_to_date(mut connection: AsyncPgConnection) -> Result<AsyncPgConnection, String> {
    let began = Instant::now();
    connection.batch_execute(FOR_LONG).await.map_err(in_words)?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let made = harness.run_pending_migrations(MIGRATIONS).map(drop);
    let made = made.map_err(|error| format!("cannot make the tables: {error}"));
    let seconds = began.elapsed().as_secs();
    match &made {
        Ok(()) if seconds < PATIENCE.as_secs() => {}
        Ok(()) => tracing::info!(seconds, "the tables of the archive are up to date"),
        Err(error) => {
            tracing::error!(seconds, %error, "the tables of the archive stay as they were");
        }
    }
    made?;
    let mut connection = harness.into_inner();
    unlock(&mut connection).await.map_err(in_words)?;
    Ok(connection)
}

async fn unlock(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    sql_query(UNLOCK).execute(connection).await.map(drop)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in for a closure")]
fn in_words(error: diesel::result::Error) -> String {
    error.to_string()
}
