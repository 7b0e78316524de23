//! Of the connections of clients.

use prometheus::{IntCounter, IntGauge};

use super::maker::Maker;

pub struct Connections {
    /// Also those that are being turned away.
    pub open: IntGauge,
    /// So many are served; others wait.
    pub most: IntGauge,
    pub refused: IntCounter,
}

impl Connections {
    pub fn new(make: &Maker<'_>) -> Self {
        Self {
            open: make.gauge(
                "message_hub_connections",
                "Connections of clients that are open",
            ),
            most: make.gauge(
                "message_hub_connections_max",
                "Connections that are served at once; the limit of open files allows no more",
            ),
            refused: make.counter(
                "message_hub_connections_refused_total",
                "Connections refused because their address had half of all",
            ),
        }
    }
}
