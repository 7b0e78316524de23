//! What the hub counts. One struct, shared; `/metrics` shows it as Prometheus text.

mod archive;
mod auth_failures;
mod connections;
mod intake;
mod maker;
mod nameless;
pub mod notices;
mod redrives;
pub mod requests;
pub mod services;
mod sockets;
mod sometimes;
mod subscriptions;
mod time;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use prometheus::proto::MetricFamily;
use prometheus::{
    Encoder, GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

use crate::domain::carried::Tally;
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::message::{Priority, State};
use crate::domain::redrive::JobStatus;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::view::QueueDepths;
use archive::{ArchiveSize, LastSync};
use auth_failures::AuthFailures;
use connections::Connections;
use intake::Intake;
use maker::{Labels, Maker};
use notices::Notices;
use redrives::Redrives;
use requests::Requests;
use services::{Picture, Services};
use sockets::Sockets;
use sometimes::Sometimes;
use subscriptions::Subscriptions;
use time::Time;

/// Services that have series of their own, unless it is configured.
pub const MOST_SERVICES: usize = 500;

/// What is shown besides what was counted.
pub struct Scrape<'a> {
    pub tally: Tally,
    pub depths: &'a QueueDepths,
    pub picture: &'a Picture<'a>,
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
    types: Labels,
    /// Those with a quota for sending.
    senders: Labels,
    /// Accepted messages by their type.
    messages: IntCounterVec,
    /// Published events by their type.
    events: IntCounterVec,
    event_types: Labels,
    accepted: IntCounter,
    by_state: IntGaugeVec,
    queue_size: IntGaugeVec,
    /// Of the message next in line, by priority.
    oldest_age: GaugeVec,
    /// Attempts that failed and are followed by another.
    retries: IntCounter,
    dead_letters: IntCounterVec,
    /// Entries that stand in the dead letter list.
    pub dead_letter_list: Sometimes,
    /// From acceptance to settlement.
    processing: Histogram,
    /// One attempt, as the destination saw it.
    attempts: Histogram,
    pub journal_sync: Histogram,
    pub journal_syncs: IntCounter,
    pub journal_records: IntCounter,
    pub journal_bytes: IntGauge,
    pub disk_free_bytes: IntGauge,
    pub intake: Intake,
    /// The number of what the journal lacks, 0 for nothing.
    pub journal_lack: IntGauge,
    pub archive_up: IntGauge,
    /// Records that are in the journal and not yet in the archive.
    pub archive_lag: Sometimes,
    /// Older events than this one were lost with the archive; 0: none were.
    pub archive_lost_before: IntGauge,
    pub archive_flush: Histogram,
    pub archive_size: ArchiveSize,
    pub last_sync: LastSync,
    /// 1 once the dedup window has forgotten the id of a message.
    pub dedup_overflowed: IntGauge,
    /// 1 once the one of events has forgotten an id.
    pub event_dedup_overflowed: IntGauge,
    pub queue_overflows: IntCounter,
    quota_refusals: IntCounterVec,
    pub requests_refused_busy: IntCounter,
    pub auth_failures: AuthFailures,
    /// Of the log, for which there was no room or which could not be written.
    pub log_lines_lost: IntCounter,
    pub services: Services,
    pub requests: Requests,
    pub connections: Connections,
    pub redrives: Redrives,
    pub subscriptions: Subscriptions,
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
            types: Labels::default(),
            senders: Labels::new(most_services),
            messages: make.counters(
                "message_hub_messages_total",
                "Messages accepted, by type",
                "type",
            ),
            events: make.counters(
                "message_hub_events_total",
                "Events published, by type",
                "type",
            ),
            event_types: Labels::default(),
            accepted: make.counter(
                "message_hub_messages_accepted_total",
                "Messages accepted over the life of the data",
            ),
            by_state: make.gauges(
                "message_hub_messages_by_state",
                "Messages by state; their sum is what was accepted",
                "state",
            ),
            queue_size: make.gauges(
                "message_hub_queue_size",
                "Messages queued or parked, by priority",
                "priority",
            ),
            oldest_age: make.real_gauges(
                "message_hub_oldest_message_age_seconds",
                "Since the longest waiting message next in line was accepted, by priority; 0 if none waits",
                "priority",
            ),
            retries: make.counter(
                "message_hub_retries_total",
                "Failed attempts that are followed by another",
            ),
            dead_letters: make.counters(
                "message_hub_dead_letters_total",
                "Messages given up, by reason",
                "reason",
            ),
            dead_letter_list: make.sometimes(
                "message_hub_dead_letters",
                "Entries in the dead letter list",
            ),
            processing: make.histogram(
                "message_hub_message_processing_seconds",
                "From acceptance to settlement",
            ),
            attempts: make.histogram(
                "message_hub_delivery_attempt_seconds",
                "Duration of one delivery attempt",
            ),
            journal_sync: make.histogram(
                "message_hub_journal_sync_seconds",
                "Duration of one sync of the journal",
            ),
            journal_syncs: make.counter("message_hub_journal_syncs_total", "Syncs of the journal"),
            journal_records: make.counter(
                "message_hub_journal_records_total",
                "Records written to the journal",
            ),
            journal_bytes: make.gauge("message_hub_journal_bytes", "Bytes the journal occupies"),
            disk_free_bytes: make.gauge(
                "message_hub_disk_free_bytes",
                "Bytes free on the journal's disk",
            ),
            intake: Intake::new(&make),
            journal_lack: make.gauge(
                "message_hub_journal_lacks",
                "What the journal could not be written for: 0 nothing, 1 disk space, 2 open files, 3 memory",
            ),
            archive_up: make.gauge("message_hub_archive_up", "1 while the archive answers"),
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
            last_sync: LastSync::default(),
            dedup_overflowed: make.gauge(
                "message_hub_dedup_overflowed",
                "1 once the dedup window has forgotten the id of a message",
            ),
            event_dedup_overflowed: make.gauge(
                "message_hub_event_dedup_overflowed",
                "1 once the dedup window has forgotten the id of an event",
            ),
            queue_overflows: make.counter(
                "message_hub_queue_overflows_total",
                "Messages refused because a lane or the memory was full",
            ),
            quota_refusals: make.counters(
                "message_hub_quota_refusals_total",
                "Messages and events over the send_rate of their sender",
                "service",
            ),
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
            requests: Requests::new(&make),
            connections: Connections::new(&make),
            redrives: Redrives::new(&make),
            subscriptions: Subscriptions::new(&make),
            sockets: Sockets::new(&make),
            notices: Notices::default(),
            time: Time::new(&make),
            registry: registry.clone(),
        };
        metrics.begin_at_zero();
        metrics
    }

    fn begin_at_zero(&self) {
        for state in State::ALL {
            self.by_state.with_label_values(&[state.name()]).set(0);
        }
        for priority in Priority::ALL {
            self.queue_size.with_label_values(&[priority.name()]).set(0);
            self.oldest_age
                .with_label_values(&[priority.name()])
                .set(0.0);
        }
        for reason in DeadReason::ALL {
            self.dead_letters
                .with_label_values(&[reason.name()])
                .inc_by(0);
        }
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
        match fact {
            Fact::Accepted(message) => {
                self.messages
                    .with_label_values(&[self.types.cap(message.kind.as_str())])
                    .inc();
            }
            Fact::EventPublished(event) => {
                let event_type = self.event_types.cap(event.event_type.as_str());
                self.events.with_label_values(&[event_type]).inc();
            }
            Fact::AttemptFailed(failed) => {
                self.retries.inc();
                self.attempts
                    .observe(failed.attempt.duration_ms as f64 / 1000.0);
            }
            Fact::HealthChanged(changed) => {
                self.services
                    .count_health_change(changed.service.as_str(), changed.to);
            }
            _ => {}
        }
        if let Some((_, settlement)) = fact.settlement() {
            if let Some(reason) = settlement.reason {
                self.dead_letters.with_label_values(&[reason.name()]).inc();
            }
            if let Some(attempt) = &settlement.attempt {
                self.attempts.observe(attempt.duration_ms as f64 / 1000.0);
            }
        }
    }

    pub fn observe_processing(&self, seconds: f64) {
        self.processing.observe(seconds);
    }

    /// Everything in the Prometheus text format, with where every message is by one look at the
    /// queues: the states add up, whoever else is asking.
    pub fn texts(&self, scrape: &Scrape<'_>) -> Texts {
        let _alone = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        self.show_messages(scrape.tally, scrape.depths);
        self.archive_size.show(scrape.depths.open());
        self.show_ages(scrape.depths, scrape.now);
        self.services.show(scrape.picture, scrape.now);
        let families = self.registry.gather();
        Texts {
            with_names: text(&families),
            in_numbers: text(&nameless::of(families)),
        }
    }

    fn show_messages(&self, tally: Tally, depths: &QueueDepths) {
        let accepted = u64::try_from(tally.accepted).unwrap_or(0);
        self.accepted
            .inc_by(accepted.saturating_sub(self.accepted.get()));
        let states = [
            (State::Queued, depths.queued as i64),
            (State::Parked, depths.parked as i64),
            (State::Scheduled, depths.scheduled as i64),
            (State::Retrying, depths.retrying as i64),
            (State::Delivering, depths.in_flight as i64),
            (State::Delivered, tally.delivered),
            (State::Dead, tally.dead),
            (State::Expired, tally.expired),
            (State::Cancelled, tally.cancelled),
        ];
        for (state, count) in states {
            self.by_state.with_label_values(&[state.name()]).set(count);
        }
        for (priority, count) in Priority::ALL.into_iter().zip(depths.levels) {
            self.queue_size
                .with_label_values(&[priority.name()])
                .set(count as i64);
        }
    }

    /// A message came that was over its sender's quota.
    pub fn count_quota_refusal(&self, sender: &str) {
        self.quota_refusals
            .with_label_values(&[self.senders.cap(sender)])
            .inc();
    }

    fn show_ages(&self, depths: &QueueDepths, now: Timestamp) {
        for (priority, oldest) in Priority::ALL.into_iter().zip(depths.oldest) {
            let age = oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
            self.oldest_age
                .with_label_values(&[priority.name()])
                .set(age);
        }
    }

    /// Nothing is left of this service: no series stays of it.
    pub fn forget(&self, service: &str) {
        self.services.forget(service);
        if self.senders.forget(service) {
            let _ = self.quota_refusals.remove_label_values(&[service]);
        }
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
