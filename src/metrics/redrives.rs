//! What is counted of redrive jobs.

use prometheus::{IntCounter, IntGaugeVec};

use super::maker::Maker;
use crate::domain::redrive::JobStatus;

pub struct RedriveCounters {
    /// Dead letters owed again because of a job.
    pub redriven: IntCounter,
    /// Of these, those that died again.
    pub failed: IntCounter,
    /// Dead letters deleted by a job.
    pub deleted: IntCounter,
    /// Dead letters that were gone when their turn came.
    pub skipped: IntCounter,
    jobs: IntGaugeVec,
}

impl RedriveCounters {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let messages = make.counters(
            "message_hub_redrive_messages_total",
            "Dead letters that jobs sent again, saw dying again, deleted, or found gone",
            "outcome",
        );
        Self {
            redriven: messages.with_label_values(&["redriven"]),
            failed: messages.with_label_values(&["failed"]),
            deleted: messages.with_label_values(&["deleted"]),
            skipped: messages.with_label_values(&["skipped"]),
            jobs: make.gauges(
                "message_hub_redrive_jobs",
                "Redrive jobs that are not finished, by status",
                "status",
            ),
        }
    }

    pub fn show_jobs(&self, status: JobStatus, count: usize) {
        self.jobs
            .with_label_values(&[status.name()])
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
