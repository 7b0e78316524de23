//! Reads events, from memory if that has all, else from the archive: for whoever answers about them
//! and whoever follows them.
//!
//! What is read comes with how the log was at that moment, so that nobody takes events that went
//! meanwhile for events that never were. Runs where it is called.

use std::sync::Arc;

use actix::Recipient;
use tokio::sync::oneshot;

use super::messages::event_log::{InspectLog, ReadRecent, RecentRead};
use super::messages::reply::Unanswered;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::{EventWindow, EventsRead};
use crate::ports::archive::{ArchiveError, EventArchive};

#[derive(Clone)]
pub struct EventReader {
    log: Recipient<InspectLog>,
    recent: Recipient<ReadRecent>,
    archive: Arc<dyn EventArchive>,
}

impl EventReader {
    /// The EventLog takes both requests.
    pub fn new(
        log: Recipient<InspectLog>,
        recent: Recipient<ReadRecent>,
        archive: Arc<dyn EventArchive>,
    ) -> Self {
        Self {
            log,
            recent,
            archive,
        }
    }

    /// Where the log begins and ends now.
    ///
    /// # Errors
    /// The hub is going down.
    pub async fn window(&self) -> Result<EventWindow, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.log.do_send(InspectLog { reply });
        answer.await.map_err(|_| Unanswered)
    }

    /// A page from memory.
    ///
    /// # Errors
    /// The hub is going down.
    pub async fn recent(&self, query: EventQuery) -> Result<RecentRead, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.recent.do_send(ReadRecent { query, reply });
        answer.await.map_err(|_| Unanswered)
    }

    /// A page from the archive, once `visible` has made everything published by now visible there.
    ///
    /// # Errors
    /// The archive does not answer, or the hub is going down, or what `visible` says.
    pub async fn archived<E>(
        &self,
        query: EventQuery,
        visible: impl Future<Output = Result<(), E>>,
    ) -> Result<EventsRead, E>
    where
        E: From<ArchiveError> + From<Unanswered>,
    {
        let log = self.window().await?;
        self.read(log, query, visible).await
    }

    /// As [`EventReader::archived`], for whoever is told of what is gone and goes on in memory: where
    /// all that is left is there, the archive is not asked, and may be away. Whoever is not told
    /// asks the archive, which may still have what retention removed.
    ///
    /// # Errors
    /// As [`EventReader::archived`].
    pub async fn before_memory<E>(
        &self,
        query: EventQuery,
        visible: impl Future<Output = Result<(), E>>,
    ) -> Result<EventsRead, E>
    where
        E: From<ArchiveError> + From<Unanswered>,
    {
        let log = self.window().await?;
        let first = query.from_sequence.map(|from| from.max(log.oldest));
        if first.is_some_and(|first| first >= log.in_memory) {
            return Ok(EventsRead::nothing_before_memory(log));
        }
        self.read(log, query, visible).await
    }

    async fn read<E>(
        &self,
        log: EventWindow,
        query: EventQuery,
        visible: impl Future<Output = Result<(), E>>,
    ) -> Result<EventsRead, E>
    where
        E: From<ArchiveError> + From<Unanswered>,
    {
        visible.await?;
        let page = self.archive.events(query).await?.map(Arc::new);
        // What went while the archive was read is known by now: retention removes nothing that the
        // log does not know of, and what was lost is told when the archive is opened.
        let window = self.window().await?;
        let window = EventWindow {
            newest: log.newest,
            ..window
        };
        Ok(EventsRead { page, window })
    }
}

#[cfg(test)]
mod tests;
