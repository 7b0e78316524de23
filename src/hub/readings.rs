//! The room that requests share which read much at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::pool::Pool;

/// So many answers with a snapshot are made at once, which alone may be larger than a page.
const SNAPSHOTS: usize = 2;

/// So many searches look through lists at once: each takes a core while it does, and one of the two
/// connections that read a SQLite archive.
const SEARCHES: usize = 1;

/// What all requests that read much share.
pub struct Readings {
    room: Pool,
    snapshots: Arc<Semaphore>,
    searches: Pool,
}

impl Readings {
    /// `room`: for what is read, in bytes.
    pub fn new(room: Pool) -> Self {
        Self {
            room,
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
            searches: Pool::with_share(SEARCHES, SEARCHES),
        }
    }

    /// For what is read, in bytes.
    pub fn room(&self) -> &Pool {
        &self.room
    }

    /// Turns for searches, of which each peer waits for its own before it waits for others'.
    pub fn searches(&self) -> &Pool {
        &self.searches
    }

    /// Turns for answers with a snapshot.
    pub fn snapshots(&self) -> &Arc<Semaphore> {
        &self.snapshots
    }
}
