//! What the hub counts. One struct, shared; `/metrics` shows it as Prometheus text.

mod archive;
pub mod auth_failures;
mod connections;
pub mod distribution;
mod http_requests;
pub mod hub_status;
mod intake;
mod journal;
mod journal_status;
mod maker;
mod nameless;
pub mod notices;
mod quota_refusals;
pub mod reading;
mod redrives;
mod service_queues;
pub mod services;
mod sockets;
mod sometimes;
mod subscriptions;
mod time;
mod traffic;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Histogram, IntCounter, IntGauge, Registry, TextEncoder};

use crate::domain::compaction_summary::MessageTotals;
use crate::domain::fact::Fact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::redrive::JobStatus;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::view::QueueDepths;
use archive::ArchiveSize;
use auth_failures::AuthFailures;
use http_requests::HttpRequests;
use hub_status::HubStatus;
use journal::JournalSeries;
use maker::Maker;
use notices::Notices;
use quota_refusals::QuotaRefusals;
use redrives::RedriveCounters;
use services::{Services, ServicesPicture};
use sockets::Sockets;
use sometimes::Sometimes;
use subscriptions::SubscriptionSeries;
use time::Time;
use traffic::Traffic;

/// Services that have series of their own, unless it is configured.
pub const MOST_SERVICES: usize = 500;

/// What is shown besides what was counted.
pub struct Scrape<'a> {
    pub totals: MessageTotals,
    pub depths: &'a QueueDepths,
    pub picture: &'a ServicesPicture<'a>,
    pub now: Timestamp,
}

/// The metrics for those who see names, and for the others.
pub struct Texts {
    pub with_names: Bytes,
    pub in_numbers: Bytes,
}

pub struct Metrics {
    registry: Registry,
    /// Held while the states are set and read.
    showing: Mutex<()>,
    traffic: Traffic,
    /// Entries that stand in the dead letter list.
    pub dead_letter_list: Sometimes,
    pub journal: JournalSeries,
    pub status: Arc<HubStatus>,
    /// Records that are in the journal and not yet in the archive.
    pub archive_lag: Sometimes,
    /// Older events than this one were lost with the archive; 0: none were.
    pub archive_lost_before: IntGauge,
    pub archive_flush: Histogram,
    pub archive_size: ArchiveSize,
    pub queue_overflows: IntCounter,
    quota_refusals: QuotaRefusals,
    pub requests_refused_busy: IntCounter,
    pub auth_failures: AuthFailures,
    /// Of the log, for which there was no room or which could not be written.
    pub log_lines_lost: IntCounter,
    pub services: Services,
    pub http_requests: HttpRequests,
    pub redrives: RedriveCounters,
    pub subscriptions: SubscriptionSeries,
    pub sockets: Sockets,
    /// What is not only counted but told in the log.
    pub notices: Notices,
    pub time: Time,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        Self::with(MOST_SERVICES)
    }

    /// So many services have series of their own, at most.
    pub fn with(most_services: usize) -> Self {
        let registry = Registry::new();
        let make = Maker {
            registry: &registry,
        };
        let metrics = Self {
            showing: Mutex::new(()),
            traffic: Traffic::new(&make),
            dead_letter_list: make.sometimes(
                "message_hub_dead_letters",
                "Entries in the dead letter list",
            ),
            journal: JournalSeries::new(&make),
            status: Arc::new(HubStatus::new(&make)),
            archive_lag: make.sometimes(
                "message_hub_archive_lag_records",
                "Records not yet in the archive",
            ),
            archive_lost_before: make.gauge(
                "message_hub_archive_lost_before",
                "Sequence of the oldest event there is, if older ones were lost with the archive, else 0",
            ),
            archive_flush: make.histogram(
                "message_hub_archive_flush_seconds",
                "Duration of one archive transaction",
            ),
            archive_size: ArchiveSize::new(&make),
            queue_overflows: make.counter(
                "message_hub_queue_overflows_total",
                "Messages refused because a lane or the memory was full",
            ),
            quota_refusals: QuotaRefusals::new(&make, most_services),
            requests_refused_busy: make.counter(
                "message_hub_requests_refused_busy_total",
                "Requests refused because too many were under way",
            ),
            auth_failures: AuthFailures::new(&make),
            log_lines_lost: make.counter(
                "message_hub_log_lines_lost_total",
                "Lines of the log that were not written: standard error failed or was too slow",
            ),
            services: Services::new(&make, most_services),
            http_requests: HttpRequests::new(&make),
            redrives: RedriveCounters::new(&make),
            subscriptions: SubscriptionSeries::new(&make),
            sockets: Sockets::new(&make),
            notices: Notices::default(),
            time: Time::new(&make),
            registry: registry.clone(),
        };
        metrics.begin_at_zero();
        metrics
    }

    fn begin_at_zero(&self) {
        self.traffic.begin_at_zero();
        for status in [JobStatus::Running, JobStatus::Paused] {
            self.redrives.show_jobs(status, 0);
        }
        self.show_build();
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry
            .register(Box::new(process))
            .expect("registered once");
    }

    fn show_build(&self) {
        let make = Maker {
            registry: &self.registry,
        };
        let build = make.gauges_by(
            "message_hub_build_info",
            "1; the labels say what runs",
            &["version", "os", "arch"],
        );
        let version = env!("CARGO_PKG_VERSION");
        let labels = [version, std::env::consts::OS, std::env::consts::ARCH];
        build.with_label_values(&labels).set(1);
    }

    /// Counts a fact that was just written; not one that was replayed.
    pub fn count(&self, fact: &Fact) {
        self.traffic.count(fact);
        if let Fact::Service(ServiceFact::HealthChanged(changed)) = fact {
            let service = changed.service.as_str();
            self.services.count_health_change(service, changed.to);
        }
    }

    pub fn observe_processing(&self, seconds: f64) {
        self.traffic.observe_processing(seconds);
    }

    /// Everything in the Prometheus text format, with where every message is by one look at the
    /// queues: the states add up, whoever else is asking.
    pub fn texts(&self, scrape: &Scrape<'_>) -> Texts {
        let _alone = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        self.traffic.show(scrape.totals, scrape.depths, scrape.now);
        self.archive_size.show(scrape.depths.open());
        self.services.show(scrape.picture, scrape.now);
        let families = self.registry.gather();
        Texts {
            with_names: text(&families),
            in_numbers: text(&nameless::of(families)),
        }
    }

    /// A message came that was over its sender's quota.
    pub fn count_quota_refusal(&self, sender: &str) {
        self.quota_refusals.count(sender);
    }

    /// Nothing is left of this service: no series stays of it.
    pub fn forget(&self, service: &str) {
        self.services.forget(service);
        self.quota_refusals.forget(service);
    }
}

fn text(families: &[MetricFamily]) -> Bytes {
    let mut text = Vec::new();
    TextEncoder::new()
        .encode(families, &mut text)
        .expect("writing to memory does not fail");
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_exist_at_zero_from_the_start() {
        let text = String::from_utf8(text(&Metrics::new().registry.gather()).into()).unwrap();
        for line in [
            "message_hub_messages_accepted_total 0",
            "message_hub_messages_by_state{state=\"parked\"} 0",
            "message_hub_queue_size{priority=\"CRITICAL\"} 0",
            "message_hub_retries_total 0",
            "message_hub_journal_syncs_total 0",
            "message_hub_redrive_messages_total{outcome=\"skipped\"} 0",
            "message_hub_redrive_jobs{status=\"paused\"} 0",
        ] {
            assert!(text.lines().any(|has| has == line), "{line} in\n{text}");
        }
    }
}
