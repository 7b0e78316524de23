//! The archive in a SQLite file.

mod connections;
mod row;
mod space;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::RunQueryDsl;
use diesel::connection::DefaultLoadingMode;
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::task::spawn_blocking;

use super::listing::{Measured, RowListing};
use super::sql::{AnyRow, Applied, Sql, SqlArchive, unavailable};
use super::standing;
use super::statement::Statement;
use crate::logic::ownership::{Claim, Claimed, OwnershipDenial};
use crate::logic::page::Page;
use crate::logic::projection::Batch;
use crate::ports::archive::ArchiveError;
use connections::{Cause, Connections, Occupied};

/// The history in a SQLite file.
pub type SqliteArchive = SqlArchive<SqliteFile>;

/// Opens its file again by itself when a call failed or the file was replaced.
pub struct SqliteFile {
    path: PathBuf,
    /// `None` while the file cannot be opened.
    connections: RwLock<Option<Connections>>,
}

impl SqliteArchive {
    /// Opens the file, or creates it, and brings its tables up to date. Fails with
    /// [`ArchiveError::CannotOpen`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let path = path.into();
        let connections = Connections::open(path.clone())
            .await
            .map_err(|cause| cannot_open(&path, &cause))?;
        let connections = RwLock::new(Some(connections));
        let database = SqliteFile { path, connections };
        Ok(Self { database })
    }
}

impl SqliteFile {
    /// The connections, opened anew if they are of no more use.
    async fn connections(&self) -> Result<RwLockReadGuard<'_, Connections>, ArchiveError> {
        if let Ok(connections) = usable(self.connections.read().await) {
            return Ok(connections);
        }
        let mut slot = self.connections.write().await;
        if !slot.as_ref().is_some_and(Connections::are_usable) {
            let occupied = occupy(slot.as_ref()).await;
            *slot = None;
            drop(occupied);
            let opened = Connections::open(self.path.clone()).await;
            *slot = Some(opened.map_err(|cause| unavailable(&cause))?);
        }
        usable(slot.downgrade()).map_err(|_| unavailable(&"its file was replaced again"))
    }
}

impl Sql for SqliteFile {
    const BYTES: &'static str = "SELECT page_count * page_size AS number \
        FROM pragma_page_count(), pragma_page_size()";
    const MESSAGES: &'static str = "SELECT count(*) AS number FROM messages";

    const EXPLAIN: &'static str = "EXPLAIN QUERY PLAN ";

    fn statement<R: Measured>(listing: &RowListing) -> Statement {
        listing.statement()
    }

    async fn look(&self, statement: Statement) -> Result<standing::StandingRow, ArchiveError> {
        let connections = self.connections().await?;
        let looked = connections.look(move |connection| statement.get_result(connection));
        let found = looked.await.map_err(|cause| unavailable(&cause))?;
        let may_write = connections.look_at_writer().await;
        may_write.map_err(|cause| unavailable(&cause))?;
        Ok(found)
    }

    async fn tidy(&self) -> Result<bool, ArchiveError> {
        let connections = self.connections().await?;
        let tidied = connections.write(space::give_back).await;
        tidied.map_err(|cause| unavailable(&cause))
    }

    async fn load<R: AnyRow>(&self, statement: Statement) -> Result<Vec<R>, ArchiveError> {
        let connections = self.connections().await?;
        connections
            .read(move |connection| statement.load(connection))
            .await
            .map_err(|cause| unavailable(&cause))
    }

    async fn page<R: AnyRow + Measured>(
        &self,
        listing: RowListing,
    ) -> Result<Page<R>, ArchiveError> {
        let connections = self.connections().await?;
        connections
            .read(move |connection| {
                let statement = Self::statement::<R>(&listing);
                let mut filling = listing.filling();
                // Each row is read when it is asked for.
                for row in statement.load_iter::<R, DefaultLoadingMode>(connection)? {
                    let row = row?;
                    let bytes = row.bytes();
                    if !filling.add(row, bytes) {
                        break;
                    }
                }
                Ok(filling.finish())
            })
            .await
            .map_err(|cause| unavailable(&cause))
    }

    async fn apply(&self, batch: Arc<Batch>) -> Result<Applied, ArchiveError> {
        let connections = self.connections().await?;
        connections
            .write(move |connection| write::apply(connection, &batch))
            .await
            .map_err(|cause| unavailable(&cause))
    }

    async fn claim(&self, claim: Claim) -> Result<Result<Claimed, OwnershipDenial>, ArchiveError> {
        let connections = self.connections().await?;
        connections
            .write(move |connection| write::claim(connection, &claim))
            .await
            .map_err(|cause| unavailable(&cause))
    }

    /// The last connection to close brings everything into the one file.
    async fn close(&self) {
        let mut slot = self.connections.write().await;
        let occupied = occupy(slot.as_ref()).await;
        let connections = slot.take();
        // Fails only if closing panics, and then there is nothing more to do.
        let _ = spawn_blocking(move || drop((connections, occupied))).await;
    }
}

/// All connections there are, when nobody uses them any more.
async fn occupy(connections: Option<&Connections>) -> Vec<Occupied> {
    match connections {
        Some(connections) => connections.all().await,
        None => Vec::new(),
    }
}

/// The connections behind `slot`; the slot back if they are of no use.
fn usable(
    slot: RwLockReadGuard<'_, Option<Connections>>,
) -> Result<RwLockReadGuard<'_, Connections>, RwLockReadGuard<'_, Option<Connections>>> {
    RwLockReadGuard::try_map(slot, |slot| {
        slot.as_ref().filter(|connections| connections.are_usable())
    })
}

fn cannot_open(path: &Path, cause: &Cause) -> ArchiveError {
    ArchiveError::CannotOpen(format!(
        "cannot open the archive {}: {cause}; make it a SQLite file, or a new one, in a directory the hub may write to",
        path.display()
    ))
}
