//! How the journal is: what may be decided by, and the gauge that is set from it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus::IntGauge;

use super::maker::Maker;
use crate::domain::lack::Lack;
use crate::domain::timestamp::Timestamp;

/// Set by the EventStore alone.
pub struct JournalStatus {
    /// The number of what it lacks; 0 for nothing.
    lack: AtomicI64,
    lacks: IntGauge,
    synced_at: AtomicI64,
    sync_micros: AtomicU64,
}

impl JournalStatus {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            lack: AtomicI64::new(0),
            lacks: make.gauge(
                "message_hub_journal_lacks",
                "What the journal could not be written for: 0 nothing, 1 disk space, 2 open files, 3 memory",
            ),
            synced_at: AtomicI64::new(0),
            sync_micros: AtomicU64::new(0),
        }
    }

    /// `None`: it can be written.
    pub fn set_lack(&self, lack: Option<Lack>) {
        let number = lack.map_or(0, Lack::number);
        self.lack.store(number, Ordering::Relaxed);
        self.lacks.set(number);
    }

    /// What it cannot be written for now.
    pub fn lack(&self) -> Option<Lack> {
        Lack::from_number(self.lack.load(Ordering::Relaxed))
    }

    /// A sync ended at this time of the system's clock, which took so long.
    pub fn note_sync(&self, at: Timestamp, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.synced_at.store(at.as_millis(), Ordering::Relaxed);
        self.sync_micros.store(micros, Ordering::Relaxed);
    }

    /// When the last sync ended, and how long it took; `None`: there was none since the start.
    pub fn last_sync(&self) -> Option<(Timestamp, Duration)> {
        let at = self.synced_at.load(Ordering::Relaxed);
        let took = Duration::from_micros(self.sync_micros.load(Ordering::Relaxed));
        (at > 0).then(|| (Timestamp::from_millis(at), took))
    }
}
