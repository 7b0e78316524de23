//! The connections to one SQLite file: a writer, and readers it never holds up.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::{Connection as _, QueryResult};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::future::{join_all, select};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::{JoinError, spawn_blocking};

use super::space;
use crate::adapters::archive::opening::may_open;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Full sync, because the journal drops what the archive says it has. Caches are in KiB
/// (negative), the bound of the log's size is in bytes. Pages of 8 KiB write a tenth faster
/// than the usual 4.
const WRITER: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA page_size = 8192;
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -4096;";
const READER: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA query_only = ON;
    PRAGMA cache_size = -1024;";

/// A failure to open, in words.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

type Connection = Arc<Mutex<SqliteConnection>>;

/// A connection that nobody else uses, perhaps for longer than whoever asked waits.
pub(super) type Occupied = OwnedMutexGuard<SqliteConnection>;

/// All connections to one file. They are replaced together: the last one to close a file
/// removes its write-ahead log, which must not yet be another file's.
pub(super) struct Connections {
    path: PathBuf,
    identity: (u64, u64),
    broken: Arc<AtomicBool>,
    /// For those who only want to know whether it answers.
    looker: Connection,
    writer: Connection,
    readers: [Connection; 2],
}

impl Connections {
    /// Creates the file if there is none and brings its tables up to date.
    pub(super) async fn open(path: PathBuf) -> Result<Self, Cause> {
        spawn_blocking(move || Self::open_blocking(path)).await?
    }

    fn open_blocking(path: PathBuf) -> Result<Self, Cause> {
        let mut writer = connect(&path, WRITER)?;
        writer.run_pending_migrations(MIGRATIONS)?;
        space::prepare(&mut writer)?;
        let looker = connect(&path, READER)?;
        let readers = [connect(&path, READER)?, connect(&path, READER)?];
        let shared = |connection| Arc::new(Mutex::new(connection));
        Ok(Self {
            identity: identity(&path)?,
            path,
            broken: Arc::default(),
            looker: shared(looker),
            writer: shared(writer),
            readers: readers.map(shared),
        })
    }

    /// Whether nothing failed and the file is still the one that was opened.
    pub(super) fn are_usable(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
            && identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.writer.clone().lock_owned().await, work).await
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.looker.clone().lock_owned().await, work).await
    }

    /// Whether others let it write, unless it is writing.
    pub(super) async fn look_at_writer(&self) -> QueryResult<()> {
        let Ok(writer) = self.writer.clone().try_lock_owned() else {
            return Ok(());
        };
        let begin =
            |writer: &mut SqliteConnection| writer.batch_execute("BEGIN IMMEDIATE; ROLLBACK");
        self.run(writer, begin).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.free_reader().await, work).await
    }

    async fn free_reader(&self) -> Occupied {
        let [first, second] = self.readers.clone();
        let (first, second) = (pin!(first.lock_owned()), pin!(second.lock_owned()));
        select(first, second).await.factor_first().0
    }

    /// Whoever asked may go away meanwhile, like a client that hangs up: what was begun is done
    /// to its end all the same, and only then is the connection another's.
    async fn run<T: Send + 'static>(
        &self,
        mut connection: Occupied,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        let broken = self.broken.clone();
        let working = spawn_blocking(move || {
            let result = work(&mut connection);
            if result.is_err() {
                broken.store(true, Ordering::Relaxed);
            }
            result
        });
        working.await.unwrap_or_else(|error| {
            self.broken.store(true, Ordering::Relaxed);
            Err(unfinished(&error))
        })
    }

    /// Waits until nobody uses any of them; nobody does before these are dropped.
    pub(super) async fn all(&self) -> Vec<Occupied> {
        let [first, second] = &self.readers;
        let all = [&self.looker, &self.writer, first, second];
        join_all(all.map(|connection| connection.clone().lock_owned())).await
    }
}

/// The work panicked, or the hub is ending.
fn unfinished(error: &JoinError) -> Error {
    let cause = Box::new(error.to_string());
    Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, cause)
}

fn connect(path: &Path, pragmas: &str) -> Result<SqliteConnection, Cause> {
    let url = path.to_str().ok_or("the path is not UTF-8")?;
    may_open(url)?;
    let mut connection = SqliteConnection::establish(url)?;
    connection.batch_execute(pragmas)?;
    Ok(connection)
}

/// Device and inode: what a path must still lead to.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
