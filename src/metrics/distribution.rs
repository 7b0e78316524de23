//! Histograms and counters as numbers, to tell how they changed.

use prometheus::core::Collector;
use prometheus::{Histogram, IntCounterVec};

/// How often something was at most so large: the bound, and the count of all up to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Buckets(pub Vec<(f64, u64)>);

/// Of a histogram, with everything beyond the last bound.
pub(super) fn buckets(histogram: &Histogram) -> Buckets {
    let families = histogram.collect();
    let metrics = families.iter().flat_map(|family| family.get_metric());
    let buckets = metrics.flat_map(|metric| {
        let told = metric.get_histogram();
        let bounded = told.get_bucket().iter();
        let bounded = bounded.map(|one| (one.upper_bound(), one.cumulative_count()));
        bounded.chain([(f64::INFINITY, told.get_sample_count())])
    });
    Buckets(buckets.collect())
}

/// Over all labels.
pub(super) fn sum(counters: &IntCounterVec) -> u64 {
    let families = counters.collect();
    let metrics = families.iter().flat_map(|family| family.get_metric());
    metrics
        .map(|metric| metric.get_counter().get_value() as u64)
        .sum()
}

impl Buckets {
    /// The value that `share` of what came since `before` stay below, as far as buckets tell: within
    /// one the values are taken to lie evenly. `None`: nothing came.
    pub fn quantile_since(&self, before: &Self, share: f64) -> Option<f64> {
        let since = |index: usize| {
            let was = before.0.get(index).map_or(0, |(_, count)| *count);
            self.0[index].1.saturating_sub(was)
        };
        let total = since(self.0.len().checked_sub(1)?);
        if total == 0 {
            return None;
        }
        let wanted = share * total as f64;
        let (mut below, mut lower) = (0, 0.0);
        for (index, (bound, _)) in self.0.iter().enumerate() {
            let count = since(index);
            if count as f64 >= wanted {
                // Beyond the last bound nothing is told apart.
                let upper = if bound.is_finite() { *bound } else { lower };
                let within = (wanted - below as f64) / (count - below) as f64;
                return Some(lower + (upper - lower) * within);
            }
            (below, lower) = (count, *bound);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: [u64; 4]) -> Buckets {
        let bounds = [1.0, 2.0, 4.0, f64::INFINITY];
        Buckets(bounds.into_iter().zip(counts).collect())
    }

    #[test]
    fn a_quantile_is_of_what_came_since() {
        let before = buckets([100, 100, 100, 100]);
        let now = buckets([110, 120, 120, 120]);
        assert_eq!(now.quantile_since(&before, 0.5), Some(1.0));
        assert_eq!(now.quantile_since(&before, 0.75), Some(1.5));
        assert_eq!(now.quantile_since(&before, 1.0), Some(2.0));
        assert_eq!(now.quantile_since(&now, 0.5), None);
        assert_eq!(
            Buckets::default().quantile_since(&Buckets::default(), 0.5),
            None
        );
    }

    #[test]
    fn what_is_beyond_the_last_bound_counts_as_there() {
        let now = buckets([0, 0, 0, 5]);
        assert_eq!(now.quantile_since(&buckets([0; 4]), 0.99), Some(4.0));
    }
}
