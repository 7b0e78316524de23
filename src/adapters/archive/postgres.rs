//! The archive in a PostgreSQL database.
//!
//! Everything runs on a thread of its own: a batch of thousands of rows takes a while to pack, and
//! the connections must outlive whoever happened to open them.

mod anybody;
mod connections;
mod rows;
mod ssl_mode;
mod tables;
mod write;

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::{Builder, Runtime};

use super::listing::{Measured, RowListing};
use super::sql::{AnyRow, Applied, Sql, SqlArchive, unavailable};
use super::standing;
use super::statement::Statement;
use crate::adapters::tls::Trust;
use crate::logic::ownership::{Claim, Claimed, OwnershipDenial};
use crate::logic::page::Page;
use crate::logic::projection::Batch;
use crate::ports::archive::{ArchiveError, LOOK_LIMIT};
use connections::Connections;

/// How long a question may take, the wait for a free connection included.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to be let in again by a server that was away.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);
/// One writer, and readers beside it.
const CONNECTIONS: usize = 4;
/// How long a batch may take. A removal of old events may be a large one.
const WRITE_TIMEOUT: Duration = Duration::from_secs(300);

/// The history in a PostgreSQL database.
pub type PostgresArchive = SqlArchive<Postgres>;

/// Connects when it is asked something, and again by itself after a failure.
pub struct Postgres {
    connections: Connections,
    /// One, for those who only want to know whether it answers.
    looker: Connections,
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
}

impl PostgresArchive {
    /// Does not connect yet: an archive that cannot be reached now may be later. Fails with
    /// [`ArchiveError::CannotOpen`] if `url` is none of PostgreSQL. `trust` is for servers that it
    /// wants verified.
    pub fn open(url: &str, trust: &Trust) -> Result<Self, ArchiveError> {
        let connections = Connections::new(url, trust, CONNECTIONS)?;
        let looker = Connections::new(url, trust, 1)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("archive")
            .enable_all()
            .build()
            .map_err(|error| ArchiveError::CannotOpen(format!("archive thread: {error}")))?;
        let runtime = Some(runtime);
        let database = Postgres {
            connections,
            looker,
            runtime,
        };
        Ok(Self { database })
    }
}

impl Postgres {
    async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl for<'c> Fn(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>>
        + Send
        + 'static,
    ) -> Result<T, ArchiveError> {
        self.run_on(&self.connections, timeout, work).await
    }

    async fn run_on<T: Send + 'static>(
        &self,
        connections: &Connections,
        timeout: Duration,
        work: impl for<'c> Fn(&'c mut AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>>
        + Send
        + 'static,
    ) -> Result<T, ArchiveError> {
        let connections = connections.clone();
        let runtime = self.runtime.as_ref().ok_or_else(|| unavailable(&STOPPED))?;
        let running = runtime.spawn(async move {
            let late = || unavailable(&format!("no answer within {timeout:?}"));
            let result = tokio::time::timeout(timeout, connections.run(work)).await;
            result.unwrap_or_else(|_| Err(late()))
        });
        running.await.map_err(|_| unavailable(&STOPPED))?
    }
}

const STOPPED: &str = "the archive's thread has stopped";

impl Drop for Postgres {
    fn drop(&mut self) {
        // Waiting for it is not allowed on the threads that drop an archive.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Sql for Postgres {
    const BYTES: &'static str = "SELECT (pg_total_relation_size('messages') \
        + pg_total_relation_size('events') + pg_total_relation_size('event_letters') \
        + pg_total_relation_size('snapshots') + pg_total_relation_size('event_types'))::bigint \
        AS number";
    // Of many the server's own estimate is good enough.
    const MESSAGES: &'static str = "SELECT CASE WHEN reltuples > 1000000 THEN reltuples::bigint \
        ELSE (SELECT count(*) FROM messages) END AS number \
        FROM pg_class WHERE oid = 'messages'::regclass";

    const EXPLAIN: &'static str = "EXPLAIN ";

    fn statement<R: Measured>(listing: &RowListing) -> Statement {
        listing.statement_within_bytes::<R>()
    }

    async fn look(&self, statement: Statement) -> Result<standing::StandingRow, ArchiveError> {
        self.run_on(&self.looker, LOOK_LIMIT, move |connection| {
            let statement = statement.clone();
            async move { statement.get_result(connection).await }.boxed()
        })
        .await
    }

    /// The server does it by itself (autovacuum).
    async fn tidy(&self) -> Result<bool, ArchiveError> {
        Ok(false)
    }

    async fn load<R: AnyRow>(&self, statement: Statement) -> Result<Vec<R>, ArchiveError> {
        self.run(READ_TIMEOUT, move |connection| {
            let statement = statement.clone();
            async move { statement.load(connection).await }.boxed()
        })
        .await
    }

    async fn page<R: AnyRow + Measured>(
        &self,
        listing: RowListing,
    ) -> Result<Page<R>, ArchiveError> {
        let rows: Vec<R> = Sql::load(self, Self::statement::<R>(&listing)).await?;
        let mut filling = listing.filling();
        for row in rows {
            let bytes = row.bytes();
            if !filling.add(row, bytes) {
                break;
            }
        }
        Ok(filling.finish())
    }

    async fn apply(&self, batch: Arc<Batch>) -> Result<Applied, ArchiveError> {
        self.run(WRITE_TIMEOUT, move |connection| {
            let batch = batch.clone();
            async move { write::apply(connection, &batch).await }.boxed()
        })
        .await
    }

    async fn claim(&self, claim: Claim) -> Result<Result<Claimed, OwnershipDenial>, ArchiveError> {
        self.run(CLAIM_TIMEOUT, move |connection| {
            let claim = claim.clone();
            async move { write::claim(connection, claim).await }.boxed()
        })
        .await
    }

    async fn close(&self) {}
}
