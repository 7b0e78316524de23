//! What is known of the archive, which may be nothing: a series that is not known is not shown.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use prometheus::{IntCounter, IntGaugeVec};

use super::maker::Maker;
use super::sometimes::Sometimes;
use crate::logic::census::Census;

/// How large the archive is.
pub struct ArchiveSize {
    pub bytes: Sometimes,
    pub events: Sometimes,
    rows: IntGaugeVec,
    census: Mutex<Option<Census>>,
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
                "Messages in the archive by state, counted from time to time; queued: still owed by the hub",
                "state",
            ),
            census: Mutex::default(),
            failures: make.counter(
                "message_hub_archive_failures_total",
                "How often the archive did not answer",
            ),
        }
    }

    /// By state, of which the hub still owes `open`; empty: they were not counted yet.
    pub fn messages(&self, open: usize) -> BTreeMap<&'static str, i64> {
        let census = self.census.lock().unwrap_or_else(PoisonError::into_inner);
        let states = census
            .iter()
            .flat_map(|census| census.by_state(open as u64));
        states
            .map(|(state, count)| (state.name(), clamp(count)))
            .collect()
    }

    pub fn note(&self, census: Census) {
        self.bytes.set(Some(clamp(census.bytes)));
        self.events.set(Some(clamp(census.events)));
        *self.census.lock().unwrap_or_else(PoisonError::into_inner) = Some(census);
    }

    pub(super) fn show(&self, open: usize) {
        for (state, count) in self.messages(open) {
            self.rows.with_label_values(&[state]).set(count);
        }
    }
}

fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
