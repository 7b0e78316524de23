//! What is measured of subscriptions.

use prometheus::{IntCounterVec, IntGauge};

use super::distribution::sum;
use super::maker::Maker;
use crate::logic::delivery_window::Outcome;

pub struct SubscriptionSeries {
    count: IntGauge,
    deliveries: IntCounterVec,
    pub lag_max: IntGauge,
}

impl SubscriptionSeries {
    pub fn new(make: &Maker<'_>) -> Self {
        let deliveries = make.counters(
            "message_hub_event_deliveries_total",
            "Attempts to hand an event to a callback, by what came of them",
            "outcome",
        );
        for outcome in ["delivered", "failed", "dead", "gone"] {
            deliveries.with_label_values(&[outcome]);
        }
        Self {
            count: make.gauge(
                "message_hub_subscriptions",
                "Subscriptions, of callbacks and of sockets with a name",
            ),
            deliveries,
            lag_max: make.gauge(
                "message_hub_subscription_lag_max",
                "Events published since what the slowest subscription that is not paused is done with; \
                 while the socket of one is away, unwanted ones count, too",
            ),
        }
    }

    /// Attempts, whatever came of them.
    pub(super) fn deliveries(&self) -> u64 {
        sum(&self.deliveries)
    }

    pub fn show(&self, count: usize) {
        self.count.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn count_delivery(&self, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::RetryAt(_) => "failed",
            Outcome::Dead(_) => "dead",
            Outcome::Gone => "gone",
        };
        self.deliveries.with_label_values(&[outcome]).inc();
    }
}
