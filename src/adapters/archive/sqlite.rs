//! The archive in a SQLite file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::prelude::QueryResult;
use diesel::sqlite::SqliteConnection;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::connections::{Cause, Connections};
use super::{read, write};
use crate::domain::carried::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot, StreamId};
use crate::domain::ids::{MessageId, Position};
use crate::logic::projection::Batch;
use crate::ports::archive::{
    Archive, ArchiveError, ArchivedLetter, ArchivedMessage, ArchivedStream, DeadLetterCounts,
    EventQuery, LetterQuery, MessageQuery,
};

/// Opens its file again by itself when a call failed or the file was replaced.
pub struct SqliteArchive {
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
        Ok(Self {
            path,
            connections: RwLock::new(Some(connections)),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let connections = self.connections().await?;
        connections
            .read(work)
            .await
            .map_err(|cause| unavailable(&cause))
    }

    /// The connections, opened anew if they are of no more use.
    async fn connections(&self) -> Result<RwLockReadGuard<'_, Connections>, ArchiveError> {
        if let Ok(connections) = usable(self.connections.read().await) {
            return Ok(connections);
        }
        let mut slot = self.connections.write().await;
        if !slot.as_ref().is_some_and(Connections::are_usable) {
            *slot = None;
            let opened = Connections::open(self.path.clone()).await;
            *slot = Some(opened.map_err(|cause| unavailable(&cause))?);
        }
        usable(slot.downgrade()).map_err(|_| unavailable(&"its file was replaced again"))
    }
}

impl Archive for SqliteArchive {
    fn checkpoint(&self) -> BoxFuture<'_, Result<Position, ArchiveError>> {
        self.read(write::read_checkpoint).boxed()
    }

    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>> {
        async move {
            let connections = self.connections().await?;
            let applied = connections
                .write(move |connection| write::apply(connection, &batch))
                .await
                .map_err(|cause| unavailable(&cause))?;
            match applied {
                write::Applied::Held => Ok(()),
                write::Applied::OutOfStep { checkpoint } => {
                    Err(ArchiveError::OutOfStep { checkpoint })
                }
            }
        }
        .boxed()
    }

    fn message(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedMessage>, ArchiveError>> {
        async move { Ok(self.messages_by_id(vec![id]).await?.pop()) }.boxed()
    }

    fn messages_by_id(
        &self,
        ids: Vec<MessageId>,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>> {
        self.read(move |connection| read::messages_by_id(connection, &ids))
            .boxed()
    }

    fn messages(
        &self,
        query: MessageQuery,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>> {
        self.read(move |connection| read::messages(connection, &query))
            .boxed()
    }

    fn ids_after(
        &self,
        query: MessageQuery,
        after: Position,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.read(move |connection| read::ids_after(connection, &query, after))
            .boxed()
    }

    fn count(&self, query: MessageQuery) -> BoxFuture<'_, Result<u64, ArchiveError>> {
        self.read(move |connection| read::count(connection, &query))
            .boxed()
    }

    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>> {
        self.read(read::dead_letter_counts).boxed()
    }

    fn events_by_id(&self, _: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn events(&self, _: EventQuery) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn stream(&self, _: StreamId) -> BoxFuture<'_, Result<Option<ArchivedStream>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn snapshot(
        &self,
        _: StreamId,
        _: u64,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn streams_before(&self, _: Sequence) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn event_letter(
        &self,
        _: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedLetter>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
    }

    fn event_letters(
        &self,
        _: LetterQuery,
    ) -> BoxFuture<'_, Result<Vec<ArchivedLetter>, ArchiveError>> {
        async { Err(unavailable(&"no events yet")) }.boxed()
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

fn unavailable(cause: &impl ToString) -> ArchiveError {
    ArchiveError::Unavailable(cause.to_string())
}

fn cannot_open(path: &Path, cause: &Cause) -> ArchiveError {
    ArchiveError::CannotOpen(format!(
        "cannot open the archive {}: {cause}; make it a SQLite file, or a new one, in a directory the hub may write to",
        path.display()
    ))
}
