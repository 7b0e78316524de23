//! The connections to one SQLite file: a writer, and readers it never holds up.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::{Connection as _, QueryResult};
use diesel::sqlite::SqliteConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::future::select;
use tokio::sync::{Mutex, MutexGuard};

use super::space;

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
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

type Connection = SyncConnectionWrapper<SqliteConnection>;

/// All connections to one file. They are replaced together: the last one to close a file
/// removes its write-ahead log, which must not yet be another file's.
pub struct Connections {
    path: PathBuf,
    identity: (u64, u64),
    broken: AtomicBool,
    /// For those who only want to know whether it answers.
    looker: Mutex<Connection>,
    writer: Mutex<Connection>,
    readers: [Mutex<Connection>; 2],
}

impl Connections {
    /// Creates the file if there is none and brings its tables up to date.
    pub async fn open(path: PathBuf) -> Result<Self, Cause> {
        tokio::task::spawn_blocking(move || Self::open_blocking(path)).await?
    }

    fn open_blocking(path: PathBuf) -> Result<Self, Cause> {
        let mut writer = connect(&path, WRITER)?;
        writer.run_pending_migrations(MIGRATIONS)?;
        space::prepare(&mut writer)?;
        let looker = Mutex::new(Connection::new(connect(&path, READER)?));
        let readers = [connect(&path, READER)?, connect(&path, READER)?];
        Ok(Self {
            identity: identity(&path)?,
            path,
            broken: AtomicBool::new(false),
            looker,
            writer: Mutex::new(Connection::new(writer)),
            readers: readers.map(|reader| Mutex::new(Connection::new(reader))),
        })
    }

    /// Whether nothing failed and the file is still the one that was opened.
    pub fn are_usable(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
            && identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.writer.lock().await, work).await
    }

    pub async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.looker.lock().await, work).await
    }

    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        self.run(self.free_reader().await, work).await
    }

    async fn free_reader(&self) -> MutexGuard<'_, Connection> {
        let [first, second] = &self.readers;
        let (first, second) = (pin!(first.lock()), pin!(second.lock()));
        select(first, second).await.factor_first().0
    }

    async fn run<T: Send + 'static>(
        &self,
        mut connection: MutexGuard<'_, Connection>,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> QueryResult<T> {
        let result = connection.spawn_blocking(work).await;
        if result.is_err() {
            self.broken.store(true, Ordering::Relaxed);
        }
        result
    }
}

fn connect(path: &Path, pragmas: &str) -> Result<SqliteConnection, Cause> {
    let url = path.to_str().ok_or("the path is not UTF-8")?;
    let mut connection = SqliteConnection::establish(url)?;
    connection.batch_execute(pragmas)?;
    Ok(connection)
}

/// Device and inode: what a path must still lead to.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
