//! What waits for each destination, as far as it has series of its own.

use prometheus::{GaugeVec, IntGaugeVec};

use super::maker::Maker;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::view::QueueDepths;

pub(super) struct ServiceQueues {
    depth: IntGaugeVec,
    oldest_age: GaugeVec,
    in_flight: IntGaugeVec,
    paused: IntGaugeVec,
}

impl ServiceQueues {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            depth: make.gauges(
                "message_hub_queue_depth",
                "Messages queued or parked, by destination",
                "service",
            ),
            oldest_age: make.real_gauges(
                "message_hub_queue_oldest_age_seconds",
                "Since the longest waiting message next in line was accepted, by destination; 0 if none waits",
                "service",
            ),
            in_flight: make.gauges(
                "message_hub_queue_in_flight",
                "Messages being delivered, by destination",
                "service",
            ),
            paused: make.gauges(
                "message_hub_queue_paused",
                "1 while nothing is handed out, by destination",
                "service",
            ),
        }
    }

    pub(super) fn show(&self, service: &str, depths: &QueueDepths, now: Timestamp) {
        let name = &[service];
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let waiting = whole(depths.waiting());
        self.depth.with_label_values(name).set(waiting);
        let oldest = depths.oldest();
        let age = oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.oldest_age.with_label_values(name).set(age);
        let in_flight = whole(depths.in_flight);
        self.in_flight.with_label_values(name).set(in_flight);
        let is_paused = i64::from(depths.paused.is_some());
        self.paused.with_label_values(name).set(is_paused);
    }

    pub(super) fn clear(&self) {
        self.oldest_age.reset();
        for gauges in [&self.depth, &self.in_flight, &self.paused] {
            gauges.reset();
        }
    }
}
