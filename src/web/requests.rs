//! What is measured of requests, by route. A route has its counters at hand, so that a request
//! costs no look-up and no text.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use crate::hub::counters::Counters;

/// Where a request is counted that no route answered, or that was refused before.
const NO_ROUTE: &str = "none";

const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "other",
];
/// What the hub answers; the last stands for anything else.
const STATUSES: [(u16, &str); 26] = [
    (200, "200"),
    (202, "202"),
    (201, "201"),
    (204, "204"),
    (101, "101"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (413, "413"),
    (415, "415"),
    (421, "421"),
    (426, "426"),
    (429, "429"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (507, "507"),
    (431, "431"),
    (0, "other"),
];

pub struct Requests {
    total: IntCounterVec,
    seconds: HistogramVec,
    routes: Mutex<BTreeMap<&'static str, Arc<Route>>>,
    none: Arc<Route>,
}

/// The counters of one route, made when they are needed first.
pub struct Route {
    pattern: &'static str,
    total: IntCounterVec,
    seconds: HistogramVec,
    counters: [[OnceLock<IntCounter>; STATUSES.len()]; METHODS.len()],
    histogram: OnceLock<Histogram>,
}

impl Requests {
    pub fn new(counters: &Counters) -> Self {
        let total = counters.http_requests.clone();
        let seconds = counters.http_request_seconds.clone();
        Self {
            none: Arc::new(Route::new(NO_ROUTE, &total, &seconds)),
            total,
            seconds,
            routes: Mutex::default(),
        }
    }

    /// The counters of a route, shared by all who answer it.
    pub fn route(&self, pattern: &'static str) -> Arc<Route> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Route::new(pattern, &self.total, &self.seconds));
        routes.entry(pattern).or_insert_with(make).clone()
    }

    /// Counts a request that was answered so; `route`: the one that answered, if any did.
    pub fn count(&self, route: Option<&Arc<Route>>, method: &str, status: u16, took: Duration) {
        route.unwrap_or(&self.none).count(method, status, took);
    }
}

impl Route {
    fn new(pattern: &'static str, total: &IntCounterVec, seconds: &HistogramVec) -> Self {
        Self {
            pattern,
            total: total.clone(),
            seconds: seconds.clone(),
            counters: Default::default(),
            histogram: OnceLock::new(),
        }
    }

    fn count(&self, method: &str, status: u16, took: Duration) {
        let method = METHODS.iter().position(|known| *known == method);
        let method = method.unwrap_or(METHODS.len() - 1);
        let status = STATUSES.iter().position(|(known, _)| *known == status);
        let status = status.unwrap_or(STATUSES.len() - 1);
        let make = || {
            let labels = [self.pattern, METHODS[method], STATUSES[status].1];
            self.total.with_label_values(&labels)
        };
        self.counters[method][status].get_or_init(make).inc();
        let make = || self.seconds.with_label_values(&[self.pattern]);
        self.histogram.get_or_init(make).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
impl Default for Requests {
    /// Counted, and shown nowhere.
    fn default() -> Self {
        Self::new(&Counters::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;
    use prometheus::core::Collector;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let requests = Requests::default();
        let send = requests.route("/v1/messages/send");
        let again = requests.route("/v1/messages/send");
        let took = Duration::from_millis(3);
        requests.count(Some(&send), "POST", 202, took);
        requests.count(Some(&again), "POST", 202, took);
        requests.count(Some(&send), "POST", 429, took);
        requests.count(None, "BREW", 418, took);
        let mut families = requests.total.collect();
        families.extend(requests.seconds.collect());
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        for series in [
            "message_hub_http_requests_total{method=\"POST\",route=\"/v1/messages/send\",status=\"202\"} 2",
            "message_hub_http_requests_total{method=\"POST\",route=\"/v1/messages/send\",status=\"429\"} 1",
            "message_hub_http_requests_total{method=\"other\",route=\"none\",status=\"other\"} 1",
            "message_hub_http_request_seconds_count{route=\"/v1/messages/send\"} 3",
        ] {
            assert!(text.contains(series), "{series} in\n{text}");
        }
    }
}
