//! What the writer runs short of, and what is told meanwhile to those who bring something new.

use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::{DISK_CHECK, EventStore, clamp};
use crate::domain::lack::Lack;
use crate::domain::refusal::Refusal;
use crate::domain::shortage::Shortage;

impl EventStore {
    /// What new messages and events are told now, if they are not taken.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        if let Some(shortage) = &self.disk_low {
            return Some(Refusal::StorageFull(shortage.clone()));
        }
        let (lack, again) = self.lack?;
        (Instant::now() < again).then(|| self.refusal_for(lack))
    }

    /// For what is new while this is short.
    pub(super) fn refusal_for(&self, lack: Lack) -> Refusal {
        match lack {
            Lack::Space => Refusal::StorageFull(self.shortage(None)),
            lack => Refusal::ShortOf(lack),
        }
    }

    fn shortage(&self, free: Option<u64>) -> Arc<Shortage> {
        Arc::new(Shortage {
            path: self.journal.place().into(),
            free,
            reserve: self.disk_reserve,
        })
    }

    /// For those who ask elsewhere.
    fn show_intake(&self) {
        let low = self.disk_low.clone().map(Refusal::StorageFull);
        let lack = || self.lack.map(|(lack, _)| self.refusal_for(lack));
        self.metrics.status.intake.set(low.or_else(lack));
    }

    pub(super) fn note_lack(&mut self, lack: Lack, path: &Path) {
        // Said once, however long it lasts.
        if self.lack.is_none_or(|(known, _)| known != lack) {
            let path = path.display();
            tracing::warn!(%path, "no {lack} left for the journal: new messages are refused until that passes");
        }
        self.lack = Some((lack, Instant::now() + DISK_CHECK));
        self.metrics.status.journal.set_lack(Some(lack));
        self.show_intake();
    }

    pub(super) fn note_room(&mut self) {
        if let Some((lack, _)) = self.lack.take() {
            tracing::info!("the journal has {lack} again: new messages are accepted");
            self.metrics.status.journal.set_lack(None);
            self.show_intake();
        }
    }

    pub(super) fn look_at_disk(&mut self) {
        let recently = |checked: Instant| checked.elapsed() < DISK_CHECK;
        if self.disk_checked.is_some_and(recently) {
            return;
        }
        self.disk_checked = Some(Instant::now());
        self.metrics
            .journal
            .bytes
            .set(clamp(self.journal.size_bytes()));
        let free = match self.journal.free_bytes() {
            Ok(free) => free,
            Err(error) => return tracing::warn!(%error, "cannot see how much disk is free"),
        };
        self.metrics.journal.disk_free_bytes.set(clamp(free));
        let low = (free < self.disk_reserve).then(|| self.shortage(Some(free)));
        if low == self.disk_low {
            return;
        }
        match (&self.disk_low, &low) {
            (None, Some(shortage)) => tracing::warn!("disk almost full: {shortage}"),
            (Some(_), None) => {
                let reserve = self.disk_reserve;
                tracing::info!(
                    free,
                    reserve,
                    "disk has room again: new messages are accepted"
                );
            }
            // That it is another number is no news.
            _ => {}
        }
        self.disk_low = low;
        self.show_intake();
    }
}
