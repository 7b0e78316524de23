//! What becomes of messages and events: counted as it is written, and where messages are.

use prometheus::{GaugeVec, Histogram, IntCounter, IntCounterVec, IntGaugeVec};

use super::distribution::{Buckets, buckets, sum};
use super::maker::{Labels, Maker};
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::message::{Priority, State};
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::view::QueueDepths;

pub(super) struct Traffic {
    types: Labels,
    /// Accepted messages by their type.
    messages: IntCounterVec,
    event_types: Labels,
    /// Published events by their type.
    events: IntCounterVec,
    accepted: IntCounter,
    by_state: IntGaugeVec,
    queue_size: IntGaugeVec,
    /// Of the message next in line, by priority.
    oldest_age: GaugeVec,
    /// Attempts that failed and are followed by another.
    retries: IntCounter,
    dead_letters: IntCounterVec,
    /// From acceptance to settlement.
    processing: Histogram,
    /// One attempt, as the destination saw it.
    attempts: Histogram,
}

impl Traffic {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            types: Labels::default(),
            messages: make.counters(
                "message_hub_messages_total",
                "Messages accepted, by type",
                "type",
            ),
            event_types: Labels::default(),
            events: make.counters(
                "message_hub_events_total",
                "Events published, by type",
                "type",
            ),
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
            processing: make.histogram(
                "message_hub_message_processing_seconds",
                "From acceptance to settlement",
            ),
            attempts: make.histogram(
                "message_hub_delivery_attempt_seconds",
                "Duration of one delivery attempt",
            ),
        }
    }

    pub(super) fn begin_at_zero(&self) {
        for state in State::ALL {
            self.by_state.with_label_values(&[state.name()]).set(0);
        }
        for priority in Priority::ALL {
            let name = &[priority.name()];
            self.queue_size.with_label_values(name).set(0);
            self.oldest_age.with_label_values(name).set(0.0);
        }
        for reason in DeadReason::ALL {
            let name = &[reason.name()];
            self.dead_letters.with_label_values(name).inc_by(0);
        }
    }

    /// A fact that was just written.
    pub(super) fn count(&self, fact: &Fact) {
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => {
                let message_type = self.types.cap(message.message_type.as_str());
                self.messages.with_label_values(&[message_type]).inc();
            }
            Fact::Event(EventFact::EventPublished(event)) => {
                let event_type = self.event_types.cap(event.event_type.as_str());
                self.events.with_label_values(&[event_type]).inc();
            }
            Fact::Message(MessageFact::AttemptFailed(failed)) => {
                self.retries.inc();
                self.attempts
                    .observe(failed.attempt.duration_ms as f64 / 1000.0);
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

    pub(super) fn observe_processing(&self, seconds: f64) {
        self.processing.observe(seconds);
    }

    pub(super) fn retries(&self) -> u64 {
        self.retries.get()
    }

    pub(super) fn events(&self) -> u64 {
        sum(&self.events)
    }

    pub(super) fn attempts(&self) -> Buckets {
        buckets(&self.attempts)
    }

    pub(super) fn processing(&self) -> Buckets {
        buckets(&self.processing)
    }

    /// Puts the gauges where the messages are now.
    pub(super) fn show(&self, totals: MessageTotals, depths: &QueueDepths, now: Timestamp) {
        self.show_messages(totals, depths);
        self.show_ages(depths, now);
    }

    fn show_messages(&self, totals: MessageTotals, depths: &QueueDepths) {
        let accepted = u64::try_from(totals.accepted).unwrap_or(0);
        self.accepted
            .inc_by(accepted.saturating_sub(self.accepted.get()));
        let states = [
            (State::Queued, depths.queued as i64),
            (State::Parked, depths.parked as i64),
            (State::Scheduled, depths.scheduled as i64),
            (State::Retrying, depths.retrying as i64),
            (State::Delivering, depths.in_flight as i64),
            (State::Delivered, totals.delivered),
            (State::Dead, totals.dead),
            (State::Expired, totals.expired),
            (State::Cancelled, totals.cancelled),
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

    fn show_ages(&self, depths: &QueueDepths, now: Timestamp) {
        for (priority, oldest) in Priority::ALL.into_iter().zip(depths.oldest) {
            let age = oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
            self.oldest_age
                .with_label_values(&[priority.name()])
                .set(age);
        }
    }
}
