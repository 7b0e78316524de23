//! What is known of the hub's clocks.

use std::time::Duration;

use prometheus::{Counter, Gauge, IntCounter};

use super::maker::Maker;

pub struct Time {
    pauses: IntCounter,
    paused: Counter,
    ahead: Gauge,
}

impl Time {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            pauses: make.counter(
                "message_hub_pauses_total",
                "How often the hub stood still for half a second or longer",
            ),
            paused: make.real_counter(
                "message_hub_pause_seconds_total",
                "For how long the hub stood still",
            ),
            ahead: make.real_gauge(
                "message_hub_clock_offset_seconds",
                "How far times the hub has used are ahead of the system's clock, which was set back",
            ),
        }
    }

    pub fn count_pause(&self, pause: Duration) {
        self.pauses.inc();
        self.paused.inc_by(pause.as_secs_f64());
    }

    pub fn pauses(&self) -> u64 {
        self.pauses.get()
    }

    pub fn show_ahead(&self, ahead: Duration) {
        self.ahead.set(ahead.as_secs_f64());
    }
}
