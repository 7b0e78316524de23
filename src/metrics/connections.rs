//! How many connections of clients there are: what may be decided by, and the gauges that are set
//! from it.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus::{IntCounter, IntGauge};

use super::maker::Maker;

/// Set by the server alone.
pub struct Connections {
    open: AtomicI64,
    most: AtomicI64,
    shown_open: IntGauge,
    shown_most: IntGauge,
    /// Because their address had half of all.
    pub refused: IntCounter,
}

impl Connections {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            open: AtomicI64::new(0),
            most: AtomicI64::new(0),
            shown_open: make.gauge(
                "message_hub_connections",
                "Connections of clients that are open",
            ),
            shown_most: make.gauge(
                "message_hub_connections_max",
                "Connections that are served at once; the limit of open files allows no more",
            ),
            refused: make.counter(
                "message_hub_connections_refused_total",
                "Connections refused because their address had half of all",
            ),
        }
    }

    /// So many are served; others wait.
    pub fn set_most(&self, most: i64) {
        self.most.store(most, Ordering::Relaxed);
        self.shown_most.set(most);
    }

    pub fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.shown_open.inc();
    }

    pub fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.shown_open.dec();
    }

    /// Also those that are being turned away.
    pub fn open(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many are served at once.
    pub fn most(&self) -> i64 {
        self.most.load(Ordering::Relaxed)
    }
}
