//! What is counted of the journal and its disk.

use prometheus::{Histogram, IntCounter, IntGauge};

use super::maker::Maker;

pub struct JournalSeries {
    pub sync: Histogram,
    pub syncs: IntCounter,
    pub records: IntCounter,
    pub bytes: IntGauge,
    pub disk_free_bytes: IntGauge,
}

impl JournalSeries {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            sync: make.histogram(
                "message_hub_journal_sync_seconds",
                "Duration of one sync of the journal",
            ),
            syncs: make.counter("message_hub_journal_syncs_total", "Syncs of the journal"),
            records: make.counter(
                "message_hub_journal_records_total",
                "Records written to the journal",
            ),
            bytes: make.gauge("message_hub_journal_bytes", "Bytes the journal occupies"),
            disk_free_bytes: make.gauge(
                "message_hub_disk_free_bytes",
                "Bytes free on the journal's disk",
            ),
        }
    }
}
