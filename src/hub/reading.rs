//! What is read at once, and may be much: few at a time, and what waits for a slow reader counts
//! too.
//!
//! While such an answer is made it takes room for the worst case, from then on for what it is long.
//! What is known to be small takes none. Who finds no room waits a while.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::Hub;
use super::access::Principal;
use super::error::HubError;
use crate::pool::{Held, Peer};

/// For one that is being made, in bytes: a page, its text, and as much to spare.
const MAKING: usize = 16 << 20;
/// Answers up to so many bytes do not count when they are made: a connection costs as much.
pub const SMALL: usize = 64 << 10;
/// How long a request waits for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it does with something to answer, which is in memory, and of which others may wait for
/// the turn.
const BRIEF_PATIENCE: Duration = Duration::from_secs(2);

/// A request that reads much.
pub struct Reading<'a> {
    hub: &'a Hub,
    peer: Peer,
    room: Option<Held>,
    snapshot: Option<OwnedSemaphorePermit>,
    search: Option<Held>,
}

impl Hub {
    /// For whom the room is counted, of which it takes none yet.
    pub fn reading(&self, peer: Peer) -> Reading<'_> {
        Reading {
            hub: self,
            peer,
            room: None,
            snapshot: None,
            search: None,
        }
    }

    /// Whom a request is counted for: the service, if it has proved its name, else where it comes
    /// from.
    pub fn counted_for(&self, principal: &Principal, address: Option<IpAddr>) -> Peer {
        match &principal.name {
            Some(name) if self.keys.now().are_required() => Peer::Service(name.clone()),
            _ => address.map_or(Peer::Unknown, Peer::at),
        }
    }
}

impl Reading<'_> {
    /// Waits for room, unless it has some.
    ///
    /// # Errors
    /// QUEUE_FULL if others take too long.
    pub async fn begin(&mut self) -> Result<(), HubError> {
        if self.room.is_none() {
            let room = self.hub.readings.room().take(&self.peer, MAKING);
            self.room = Some(self.wait(PATIENCE, room).await?);
        }
        Ok(())
    }

    /// As [`Reading::begin`], for something of this length that is there already; what is small
    /// needs no room.
    ///
    /// # Errors
    /// QUEUE_FULL if others take too long.
    pub async fn begin_with(&mut self, bytes: usize) -> Result<(), HubError> {
        if self.room.is_none() && bytes > SMALL {
            let room = self.hub.readings.room().take(&self.peer, bytes);
            self.room = Some(self.wait(BRIEF_PATIENCE, room).await?);
        }
        Ok(())
    }

    /// Waits for the turn to look through a list, before there is room for what is found: who has
    /// room waits for no search.
    ///
    /// # Errors
    /// QUEUE_FULL if others take too long.
    pub async fn begin_search(&mut self) -> Result<(), HubError> {
        if self.search.is_none() {
            let turn = self.hub.readings.searches().take(&self.peer, 1);
            self.search = Some(self.wait(PATIENCE, turn).await?);
        }
        Ok(())
    }

    /// As [`Reading::begin`], of a snapshot.
    ///
    /// # Errors
    /// QUEUE_FULL if others take too long.
    pub(super) async fn begin_snapshot(&mut self) -> Result<(), HubError> {
        self.begin().await?;
        if self.snapshot.is_none() {
            let turn = self.hub.readings.snapshots().clone().acquire_owned();
            let turn = self.wait(PATIENCE, turn).await?;
            self.snapshot = Some(turn.map_err(|_| HubError::Internal)?);
        }
        Ok(())
    }

    async fn wait<T>(
        &self,
        patience: Duration,
        turn: impl Future<Output = T>,
    ) -> Result<T, HubError> {
        let turn = tokio::time::timeout(patience, turn);
        let waited = tokio::select! {
            biased;
            waited = turn => waited,
            () = self.hub.phase.draining() => return Err(HubError::NotReady(
                "the hub is stopping; try again in a moment",
            )),
        };
        if let Ok(turn) = waited {
            return Ok(turn);
        }
        self.hub.metrics.requests_refused_busy.inc();
        Err(HubError::Busy)
    }

    /// As [`Reading::begin`], when everything acknowledged so far is in the archive. Nobody keeps
    /// room while waiting for that, but the few with a snapshot: who waits for room must not have
    /// what those with room wait for.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE without an archive.
    pub async fn begin_in_archive(&mut self) -> Result<(), HubError> {
        if self.snapshot.is_none() {
            self.room = None;
        }
        self.hub.flush().await?;
        self.begin().await
    }

    /// The room it has, for as long as what was read is on its way; `None`: it is small.
    pub fn into_room(self) -> Option<Held> {
        self.room
    }
}
