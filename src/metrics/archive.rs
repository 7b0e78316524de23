//! What is known of the archive, which may be nothing: a series that is not known is not shown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus::{IntCounter, IntGaugeVec};

use super::maker::Maker;
use super::sometimes::Sometimes;
use crate::domain::message::State;
use crate::logic::census::{ARCHIVED_STATES, Census};

/// How large the archive is.
pub struct ArchiveSize {
    pub bytes: Sometimes,
    pub events: Sometimes,
    rows: IntGaugeVec,
    /// Questions it did not answer.
    pub failures: IntCounter,
}

impl ArchiveSize {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            bytes: make.sometimes(
                "message_hub_archive_bytes",
                "Bytes the archive occupies; missing while nobody knows",
            ),
            events: make.sometimes(
                "message_hub_archive_events",
                "Events in the archive; missing while nobody knows",
            ),
            rows: make.gauges(
                "message_hub_archive_messages",
                "Messages in the archive by state, counted from time to time; queued: not settled",
                "state",
            ),
            failures: make.counter(
                "message_hub_archive_failures_total",
                "How often the archive did not answer",
            ),
        }
    }

    /// By state; empty: they were not counted yet.
    pub fn messages(&self) -> BTreeMap<&'static str, i64> {
        let state = |state: State| {
            let gauge = self.rows.with_label_values(&[state.name()]);
            (state.name(), gauge.get())
        };
        let is_known = self.bytes.get().is_some();
        let states = ARCHIVED_STATES.into_iter().filter(|_| is_known);
        states.map(state).collect()
    }

    pub fn show(&self, census: &Census) {
        self.bytes.set(Some(clamp(census.bytes)));
        self.events.set(Some(clamp(census.events)));
        for state in ARCHIVED_STATES {
            let count = census.messages.get(&state).copied().unwrap_or(0);
            let gauge = self.rows.with_label_values(&[state.name()]);
            gauge.set(clamp(count));
        }
    }
}

/// The journal's last sync, which is no series of its own.
#[derive(Default)]
pub struct LastSync {
    at_millis: AtomicI64,
    micros: AtomicU64,
}

impl LastSync {
    pub fn note(&self, at_millis: i64, micros: u64) {
        self.at_millis.store(at_millis, Ordering::Relaxed);
        self.micros.store(micros, Ordering::Relaxed);
    }

    /// When it ended, in milliseconds since the Unix epoch, and how many microseconds it took.
    pub fn get(&self) -> Option<(i64, u64)> {
        let at = self.at_millis.load(Ordering::Relaxed);
        (at > 0).then(|| (at, self.micros.load(Ordering::Relaxed)))
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
