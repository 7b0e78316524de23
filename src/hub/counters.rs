//! What those who speak a protocol count. It is shown, and decides nothing.

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};

use crate::metrics::Metrics;

/// Copies of what the hub shows as its metrics.
pub struct Counters {
    /// Requests answered, by route, method and status.
    pub http_requests: IntCounterVec,
    /// From the head of a request to the head of its answer, by route.
    pub http_request_seconds: HistogramVec,
    /// Requests refused because too many were under way.
    pub refused_busy: IntCounter,
    /// WebSockets that are open.
    pub open_sockets: IntGauge,
    /// Texts from clients of sockets; an array is one.
    pub texts_received: IntCounter,
    /// Texts to clients of sockets; an array is one.
    pub texts_sent: IntCounter,
}

impl Counters {
    /// Of these metrics.
    pub(super) fn of(metrics: &Metrics) -> Self {
        Self {
            http_requests: metrics.http_requests.total.clone(),
            http_request_seconds: metrics.http_requests.seconds.clone(),
            refused_busy: metrics.requests_refused_busy.clone(),
            open_sockets: metrics.sockets.open.clone(),
            texts_received: metrics.sockets.received.clone(),
            texts_sent: metrics.sockets.sent.clone(),
        }
    }
}

#[cfg(test)]
impl Default for Counters {
    /// Shown nowhere.
    fn default() -> Self {
        Self::of(&Metrics::new())
    }
}
