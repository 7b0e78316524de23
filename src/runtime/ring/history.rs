//! Those who write the archive, and whose work is in it.

use super::Ring;
use crate::actors::archivist::{self, Archivist, FoundArchive};
use crate::actors::dead_letters::{self, DeadLetters};
use crate::actors::historian::{self, Historian};
use crate::logic::limits::Limit;
use crate::ports::archive::ArchiveError;
use crate::ports::journal::Readers;
use crate::runtime::settings;

impl Ring {
    pub(super) fn archivist(
        &self,
        readers: Readers,
        found: Result<FoundArchive, ArchiveError>,
    ) -> Archivist {
        let hops = archivist::Hops {
            archived: self.to.event_store.clone().recipient(),
            history_begins: vec![
                self.to.event_log.clone().recipient(),
                self.to.subscriptions.clone().recipient(),
                self.to.historian.clone().recipient(),
            ],
        };
        Archivist::new(
            self.metrics.clone(),
            (self.archive.clone(), self.author.clone()),
            readers,
            found,
            self.config.storage.wal_flush_interval,
            hops,
            self.watch("archivist"),
        )
    }

    pub(super) fn dead_letters(&self) -> DeadLetters {
        let hops = dead_letters::Hops {
            record: self.to.event_store.clone().recipient(),
            flush: self.to.archivist.clone().recipient(),
            redeliver: self.to.subscriptions.clone().recipient(),
        };
        DeadLetters::new(
            (self.clock, self.metrics.clone()),
            self.archive.clone(),
            self.config.shares.limits.size(Limit::RedriveJobs),
            hops,
            self.watch("dead_letters"),
        )
    }

    pub(super) fn historian(&self) -> Historian {
        let hops = historian::Hops {
            record: self.to.event_store.clone().recipient(),
            flush: self.to.archivist.clone().recipient(),
        };
        Historian::new(
            (self.clock, self.metrics.clone()),
            self.archive.clone(),
            settings::history(&self.config),
            hops,
            self.watch("historian"),
        )
    }
}
