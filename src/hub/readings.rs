//! The room that requests share which read much at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::pool::Pool;

/// So many answers with a snapshot are made at once, which alone may be larger than a page.
const SNAPSHOTS: usize = 2;

/// What all requests that read much share.
pub struct Readings {
    room: Pool,
    snapshots: Arc<Semaphore>,
}

impl Readings {
    /// `room`: for what is read, in bytes.
    pub fn new(room: Pool) -> Self {
        Self {
            room,
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        }
    }

    /// For what is read, in bytes.
    pub fn room(&self) -> &Pool {
        &self.room
    }

    /// Turns for answers with a snapshot.
    pub fn snapshots(&self) -> &Arc<Semaphore> {
        &self.snapshots
    }
}
