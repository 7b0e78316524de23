//! What is read of the metrics from time to time, to tell how they change.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;

use super::Metrics;
use super::distribution::{Buckets, buckets};

/// Counters and distributions at one moment, all since the start.
#[derive(Clone, PartialEq, Debug)]
pub struct MetricsReading {
    /// Attempts that failed and are followed by another.
    pub failed: u64,
    /// Messages refused for want of room or beyond a quota.
    pub refused: u64,
    /// Events published.
    pub events: u64,
    /// Deliveries of events to callbacks.
    pub event_deliveries: u64,
    /// Seconds that an attempt took.
    pub attempts: Buckets,
    /// Seconds from acceptance to settlement.
    pub processing: Buckets,
    /// Seconds that a sync of the journal took.
    pub syncs: Buckets,
    /// WebSockets that are open.
    pub sockets: i64,
    /// Records that are not in the archive yet; `None`: nobody knows.
    pub archive_lag: Option<i64>,
    /// What the journal occupies.
    pub journal_bytes: i64,
    /// Memory of the process; `None`: the system does not say.
    pub rss: Option<f64>,
}

impl Metrics {
    /// As they are now.
    pub fn read(&self) -> MetricsReading {
        MetricsReading {
            failed: self.traffic.retries(),
            refused: self.queue_overflows.get() + self.quota_refusals.total(),
            events: self.traffic.events(),
            event_deliveries: self.subscriptions.deliveries(),
            attempts: self.traffic.attempts(),
            processing: self.traffic.processing(),
            syncs: buckets(&self.journal.sync),
            sockets: self.sockets.open.get(),
            archive_lag: self.archive_lag.get(),
            journal_bytes: self.journal.bytes.get(),
            rss: rss(),
        }
    }
}

fn rss() -> Option<f64> {
    let families = ProcessCollector::for_self().collect();
    let mut families = families.iter();
    let rss = families.find(|family| family.name() == "process_resident_memory_bytes")?;
    Some(rss.get_metric().first()?.get_gauge().get_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read() {
        let metrics = Metrics::new();
        let before = metrics.read();
        metrics.observe_processing(0.001);
        metrics.queue_overflows.inc();
        metrics.count_quota_refusal("shop");
        let now = metrics.read();
        assert_eq!(now.refused - before.refused, 2);
        let quantile = now.processing.quantile_since(&before.processing, 0.5);
        assert!(quantile.is_some_and(|seconds| (0.0005..0.002).contains(&seconds)));
    }
}
