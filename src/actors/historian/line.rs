//! Who may build a state for a client: few at a time, and some more who wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::refusal::Refusal;

/// States of clients in memory at once: each may be large, and takes more while it is built.
pub(super) const AT_ONCE: usize = 2;
/// Clients that may wait for their turn.
pub(super) const MOST_WAITING: usize = 64;

#[derive(Clone)]
pub(super) struct Line {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// A place in the line.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE + MOST_WAITING)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Line {
    /// # Errors
    /// [`Refusal::TooManyStates`] if too many wait already.
    pub(super) fn join(&self) -> Result<Place, Refusal> {
        let place = self.places.clone().try_acquire_owned();
        Ok(Place {
            _place: place.map_err(|_| Refusal::TooManyStates)?,
            turns: self.turns.clone(),
        })
    }
}

impl Place {
    /// First come, first served. The next has its turn when what comes back is dropped.
    pub(super) async fn turn(&self) -> OwnedSemaphorePermit {
        let turn = self.turns.clone().acquire_owned().await;
        turn.expect("nobody closes the line")
    }
}
