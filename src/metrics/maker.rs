//! How metrics are made and registered, and how many values a label may have.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::AHashSet;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry,
};

use super::sometimes::Sometimes;

/// At most so many different values has a label that is not of services; what comes later is
/// counted as `other`.
const LABEL_VALUES: usize = 50;

/// The values a label has had so far.
pub(super) struct Labels {
    most: usize,
    seen: Mutex<AHashSet<String>>,
}

impl Default for Labels {
    fn default() -> Self {
        Self::new(LABEL_VALUES)
    }
}

impl Labels {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            seen: Mutex::default(),
        }
    }

    pub(super) fn cap<'a>(&self, value: &'a str) -> &'a str {
        let mut seen = self.seen();
        if seen.contains(value) {
            return value;
        }
        if seen.len() >= self.most {
            return "other";
        }
        seen.insert(value.to_owned());
        value
    }

    /// Says whether it was known.
    pub(super) fn forget(&self, value: &str) -> bool {
        self.seen().remove(value)
    }

    /// Forgets who is not `there` any more, and as many of those that are not `first` as are in the
    /// way of those that are; gives who was forgotten.
    pub(super) fn settle(&self, first: &[&str], there: &HashSet<&str>) -> Vec<String> {
        let mut seen = self.seen();
        let mut gone: Vec<String> = seen
            .extract_if(|one| !there.contains(one.as_str()))
            .collect();
        let waiting = first.iter().filter(|one| !seen.contains(**one)).count();
        let in_the_way = (seen.len() + waiting).saturating_sub(self.most);
        let first: HashSet<&str> = first.iter().copied().collect();
        let others = seen.iter().filter(|one| !first.contains(one.as_str()));
        let others: Vec<String> = others.take(in_the_way).cloned().collect();
        for other in others {
            seen.remove(&other);
            gone.push(other);
        }
        gone
    }

    fn seen(&self) -> MutexGuard<'_, AHashSet<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
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

    pub fn sometimes(&self, name: &str, help: &str) -> Sometimes {
        self.add(IntGauge::new(name, help).map(Sometimes::new))
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

    /// With fewer buckets, as there are many of them.
    pub fn histograms(&self, name: &str, help: &str, label: &str) -> HistogramVec {
        // 250 µs to 65 s, each four times the one before.
        let buckets = prometheus::exponential_buckets(0.000_25, 4.0, 10).expect("valid buckets");
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.add(HistogramVec::new(options, &[label]))
    }

    pub fn real_counter(&self, name: &str, help: &str) -> Counter {
        self.add(Counter::new(name, help))
    }

    pub fn real_gauge(&self, name: &str, help: &str) -> Gauge {
        self.add(Gauge::new(name, help))
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
