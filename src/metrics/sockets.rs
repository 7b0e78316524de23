//! What is counted of sockets.

use prometheus::{IntCounter, IntGauge};

use super::maker::Maker;

pub struct Sockets {
    pub open: IntGauge,
    /// Texts from clients; an array is one.
    pub received: IntCounter,
    /// Texts to clients; an array is one.
    pub sent: IntCounter,
}

impl Sockets {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        let frames = make.counters(
            "message_hub_socket_frames_total",
            "Texts received from and sent to sockets; an array is one",
            "direction",
        );
        Self {
            open: make.gauge("message_hub_open_sockets", "WebSockets that are open"),
            received: frames.with_label_values(&["received"]),
            sent: frames.with_label_values(&["sent"]),
        }
    }
}
