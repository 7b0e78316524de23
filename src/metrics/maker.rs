//! How metrics are made and registered, and how many values a label may have.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// At most so many different values per label; what comes later is counted as `other`.
const LABEL_VALUES: usize = 50;

/// The values a label has had so far.
#[derive(Default)]
pub struct Labels(Mutex<HashSet<String>>);

impl Labels {
    pub fn cap<'a>(&self, value: &'a str) -> &'a str {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(value) {
            return value;
        }
        if seen.len() >= LABEL_VALUES {
            return "other";
        }
        seen.insert(value.to_owned());
        value
    }
}

pub struct Maker<'a> {
    pub registry: &'a Registry,
}

impl Maker<'_> {
    fn add<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: prometheus::Result<C>,
    ) -> C {
        let collector = made.expect("the names and labels above are valid");
        self.registry
            .register(Box::new(collector.clone()))
            .expect("each name is used once");
        collector
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help))
    }

    pub fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.counters_by(name, help, &[label])
    }

    pub fn counters_by(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    pub fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        self.gauges_by(name, help, &[label])
    }

    pub fn gauges_by(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub fn real_gauges(&self, name: &str, help: &str, label: &str) -> GaugeVec {
        self.add(GaugeVec::new(Opts::new(name, help), &[label]))
    }

    pub fn histogram(&self, name: &str, help: &str) -> Histogram {
        // 50 µs to 26 s, doubling.
        let buckets = prometheus::exponential_buckets(0.000_05, 2.0, 20).expect("valid buckets");
        self.add(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        let labels = Labels::default();
        for n in 0..LABEL_VALUES {
            let name = n.to_string();
            assert_eq!(labels.cap(&name), name);
        }
        assert_eq!(labels.cap("one more"), "other");
        assert_eq!(labels.cap("7"), "7");
    }
}
