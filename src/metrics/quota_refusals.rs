//! How often somebody sent more than its quota lets it.

use prometheus::IntCounterVec;

use super::distribution::sum;
use super::maker::{Labels, Maker};

pub(super) struct QuotaRefusals {
    senders: Labels,
    by_sender: IntCounterVec,
}

impl QuotaRefusals {
    pub(super) fn new(make: &Maker<'_>, most_services: usize) -> Self {
        Self {
            senders: Labels::new(most_services),
            by_sender: make.counters(
                "message_hub_quota_refusals_total",
                "Messages and events over the send_rate of their sender",
                "service",
            ),
        }
    }

    pub(super) fn count(&self, sender: &str) {
        let sender = self.senders.cap(sender);
        self.by_sender.with_label_values(&[sender]).inc();
    }

    /// Of all senders that are not forgotten.
    pub(super) fn total(&self) -> u64 {
        sum(&self.by_sender)
    }

    pub(super) fn forget(&self, service: &str) {
        if self.senders.forget(service) {
            let _ = self.by_sender.remove_label_values(&[service]);
        }
    }
}
