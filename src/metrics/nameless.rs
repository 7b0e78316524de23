//! The metrics as those see them who see no names.

use std::collections::BTreeMap;

use prometheus::proto::{Counter, LabelPair, Metric, MetricFamily, MetricType};

/// Labels whose values are words of those who use the hub.
const NAMES: [&str; 2] = ["service", "type"];

/// Counters are added up over the names, so that what is drawn of their sum stays as it is. A sum
/// of gauges would mean something else, so they are left out.
pub(super) fn of(families: Vec<MetricFamily>) -> Vec<MetricFamily> {
    let families = families.into_iter().filter_map(|mut family| {
        if !family.get_metric().iter().any(has_name) {
            return Some(family);
        }
        if family.get_field_type() != MetricType::COUNTER {
            return None;
        }
        let metrics = family.take_metric();
        family.set_metric(added_up(metrics));
        Some(family)
    });
    families.collect()
}

fn is_name(label: &LabelPair) -> bool {
    NAMES.contains(&label.name())
}

fn has_name(metric: &Metric) -> bool {
    metric.get_label().iter().any(is_name)
}

fn added_up(metrics: Vec<Metric>) -> Vec<Metric> {
    let mut sums: BTreeMap<Vec<(String, String)>, f64> = BTreeMap::new();
    for metric in metrics {
        let others = metric.get_label().iter().filter(|label| !is_name(label));
        let others = others.map(|label| (label.name().to_owned(), label.value().to_owned()));
        *sums.entry(others.collect()).or_default() += metric.get_counter().get_value();
    }
    let sums = sums.into_iter().map(|(labels, sum)| {
        let labels = labels.into_iter().map(|(name, value)| {
            let mut label = LabelPair::default();
            label.set_name(name);
            label.set_value(value);
            label
        });
        let mut counter = Counter::default();
        counter.set_value(sum);
        let mut metric = Metric::from_label(labels.collect());
        metric.set_counter(counter);
        metric
    });
    sums.collect()
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

    use super::*;

    #[test]
    fn counters_are_added_up_over_names_and_gauges_of_names_left_out() {
        let registry = Registry::new();
        let refusals = IntCounterVec::new(Opts::new("refusals", "r"), &["service", "reason"]);
        let refusals = refusals.unwrap();
        let types = IntCounterVec::new(Opts::new("messages", "m"), &["type"]).unwrap();
        let depth = IntGaugeVec::new(Opts::new("depth", "d"), &["service"]).unwrap();
        let size = IntGaugeVec::new(Opts::new("size", "s"), &["priority"]).unwrap();
        let sockets = IntGauge::new("sockets", "s").unwrap();
        for collector in [
            Box::new(refusals.clone()) as Box<dyn prometheus::core::Collector>,
            Box::new(types.clone()),
            Box::new(depth.clone()),
            Box::new(size.clone()),
            Box::new(sockets.clone()),
        ] {
            registry.register(collector).unwrap();
        }
        for (service, reason, count) in [("mail", "full", 2), ("shop", "full", 3), ("shop", "x", 4)]
        {
            let labels = [service, reason];
            refusals.with_label_values(&labels).inc_by(count);
        }
        types.with_label_values(&["order.paid"]).inc_by(5);
        types.with_label_values(&["order.sent"]).inc_by(6);
        depth.with_label_values(&["mail"]).set(7);
        size.with_label_values(&["HIGH"]).set(8);
        sockets.set(9);
        let text = TextEncoder::new().encode_to_string(&of(registry.gather()));
        let text = text.unwrap();
        let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "messages 11",
            "refusals{reason=\"full\"} 5",
            "refusals{reason=\"x\"} 4",
            "size{priority=\"HIGH\"} 8",
            "sockets 9",
        ];
        assert_eq!(series, expected);
    }
}
