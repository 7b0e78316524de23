//! What is measured of requests of HTTP; who answers them counts them.

use prometheus::{HistogramVec, IntCounterVec};

use super::maker::Maker;

pub struct HttpRequests {
    /// Answered, by route, method and status.
    pub total: IntCounterVec,
    /// By route.
    pub seconds: HistogramVec,
}

impl HttpRequests {
    pub(super) fn new(make: &Maker<'_>) -> Self {
        Self {
            total: make.counters_by(
                "message_hub_http_requests_total",
                "Requests answered, by route, method and status; route \"none\": refused before a route was chosen, or there is none",
                &["route", "method", "status"],
            ),
            seconds: make.histograms(
                "message_hub_http_request_seconds",
                "From the head of a request to the head of its answer, waiting that the client asked for included, by route",
                "route",
            ),
        }
    }
}
