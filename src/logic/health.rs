//! Whether an instance is well, judged by probes and real deliveries (contract, section 7).

use std::time::Duration;

use super::backoff::jitter;
use crate::domain::service::Health;

/// How many probes in a row it takes to change one's mind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// Bad probes that make an instance unhealthy.
    pub unhealthy: u32,
    /// Good probes that make it healthy again.
    pub healthy: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unhealthy: 3,
            healthy: 2,
        }
    }
}

/// A change of an instance's health, to be published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    pub from: Health,
    pub to: Health,
}

/// The health of one instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthTracker {
    thresholds: Thresholds,
    health: Health,
    /// Good probes and deliveries since the last bad one of either.
    good_in_a_row: u32,
    /// Bad probes since the last good probe or delivery.
    bad_in_a_row: u32,
}

impl HealthTracker {
    /// Unknown until the first sign of life.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            health: Health::Unknown,
            good_in_a_row: 0,
            bad_in_a_row: 0,
        }
    }

    /// With what was known before, as when a probe is replaced.
    pub fn resume(thresholds: Thresholds, health: Health) -> Self {
        Self {
            health,
            ..Self::new(thresholds)
        }
    }

    /// What is known now.
    pub fn health(&self) -> Health {
        self.health
    }

    /// A good probe: unknown becomes healthy at once, the rest after `healthy` in a row.
    pub fn on_good(&mut self) -> Option<Change> {
        self.bad_in_a_row = 0;
        self.good_in_a_row = self.good_in_a_row.saturating_add(1);
        if self.health == Health::Unknown || self.good_in_a_row >= self.thresholds.healthy {
            return self.change_to(Health::Healthy);
        }
        None
    }

    /// A bad probe: healthy and unknown become degraded, everything unhealthy after `unhealthy`
    /// in a row.
    pub fn on_bad(&mut self) -> Option<Change> {
        self.good_in_a_row = 0;
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        if self.bad_in_a_row >= self.thresholds.unhealthy {
            return self.change_to(Health::Unhealthy);
        }
        self.degrade()
    }

    /// A delivery the instance answered: as good as a good probe.
    pub fn on_delivery_good(&mut self) -> Option<Change> {
        self.on_good()
    }

    /// A failed delivery: healthy and unknown become degraded, but nothing becomes unhealthy,
    /// so that retries and the circuit keep their say.
    pub fn on_delivery_failed(&mut self) -> Option<Change> {
        self.good_in_a_row = 0;
        self.degrade()
    }

    fn degrade(&mut self) -> Option<Change> {
        match self.health {
            Health::Unknown | Health::Healthy => self.change_to(Health::Degraded),
            Health::Degraded | Health::Unhealthy => None,
        }
    }

    fn change_to(&mut self, to: Health) -> Option<Change> {
        let from = std::mem::replace(&mut self.health, to);
        (from != to).then_some(Change { from, to })
    }
}

/// When to probe again: `interval` give or take 5 %, evenly by `random` (0 to 1), so that probes
/// that started together drift apart while their average stays the interval.
pub fn probe_delay(interval: Duration, random: f64) -> Duration {
    interval
        .mul_f64(0.95)
        .saturating_add(jitter(interval, random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Health::{Degraded, Healthy, Unhealthy, Unknown};
    use proptest::prelude::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Sign {
        Good,
        Bad,
        DeliveryGood,
        DeliveryFailed,
    }
    use Sign::{Bad, DeliveryFailed, DeliveryGood, Good};

    fn show(tracker: &mut HealthTracker, sign: Sign) -> Option<Change> {
        match sign {
            Good => tracker.on_good(),
            Bad => tracker.on_bad(),
            DeliveryGood => tracker.on_delivery_good(),
            DeliveryFailed => tracker.on_delivery_failed(),
        }
    }

    #[test]
    fn follows_the_contract() {
        let cases: [(&[Sign], Health); 17] = [
            (&[], Unknown),
            (&[Good], Healthy),
            (&[DeliveryGood], Healthy),
            (&[Bad], Degraded),
            (&[Bad, Bad, Bad], Unhealthy),
            (&[DeliveryFailed], Degraded),
            (&[Good, Bad], Degraded),
            (&[Good, Bad, Good], Degraded),
            (&[Good, Bad, Good, Good], Healthy),
            (&[Good, Bad, Bad, Good, Bad], Degraded),
            (&[Good, Bad, Bad, Bad], Unhealthy),
            (&[Bad, Bad, Bad, Good], Unhealthy),
            (&[Bad, Bad, Bad, Good, DeliveryGood], Healthy),
            (&[Bad, Bad, Bad, Good, DeliveryFailed, Good], Unhealthy),
            (&[Good, DeliveryFailed, DeliveryFailed, Bad, Bad], Degraded),
            (&[Good, DeliveryFailed, Good, Good], Healthy),
            (&[Bad, Bad, DeliveryGood, Bad], Degraded),
        ];
        for (signs, expected) in cases {
            let mut tracker = HealthTracker::new(Thresholds::default());
            for sign in signs {
                show(&mut tracker, *sign);
            }
            assert_eq!(tracker.health(), expected, "{signs:?}");
        }
    }

    #[test]
    fn reports_a_change_once() {
        let mut tracker = HealthTracker::new(Thresholds::default());
        let change = |from, to| Some(Change { from, to });
        assert_eq!(tracker.on_good(), change(Unknown, Healthy));
        assert_eq!(tracker.on_good(), None);
        assert_eq!(tracker.on_bad(), change(Healthy, Degraded));
        assert_eq!(tracker.on_bad(), None);
        assert_eq!(tracker.on_bad(), change(Degraded, Unhealthy));
        assert_eq!(tracker.on_bad(), None);
    }

    #[test]
    fn probes_spread_over_a_tenth_of_the_interval() {
        let interval = Duration::from_secs(30);
        let millis = |random| probe_delay(interval, random).as_millis();
        assert_eq!([0.0, 0.5, 1.0].map(millis), [28_500, 30_000, 31_500]);
    }

    fn sign() -> impl Strategy<Value = Sign> {
        prop::sample::select(vec![Good, Bad, DeliveryGood, DeliveryFailed])
    }

    fn ends_with(signs: &[Sign], count: usize, of: &[Sign]) -> bool {
        signs.len() >= count && signs[signs.len() - count..].iter().all(|s| of.contains(s))
    }

    proptest! {
        #[test]
        fn keeps_its_rules(signs in prop::collection::vec(sign(), 1..60)) {
            let mut tracker = HealthTracker::new(Thresholds::default());
            for (index, sign) in signs.iter().enumerate() {
                let before = tracker.health();
                let change = show(&mut tracker, *sign);
                let after = tracker.health();
                let change_seen = (before != after).then_some(Change { from: before, to: after });
                prop_assert_eq!(change, change_seen);

                let so_far = &signs[..=index];
                let good = [Good, DeliveryGood];
                if ends_with(so_far, 2, &good) {
                    prop_assert_eq!(after, Healthy);
                }
                if ends_with(so_far, 3, &[Bad]) {
                    prop_assert_eq!(after, Unhealthy);
                }
                if after == Unhealthy && before != Unhealthy {
                    prop_assert_eq!(*sign, Bad);
                }
                prop_assert!(after != Healthy || good.contains(sign));
                prop_assert_ne!(after, Unknown);
            }
        }

        #[test]
        fn deliveries_alone_never_make_unhealthy(good in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut tracker = HealthTracker::new(Thresholds::default());
            for good in good {
                show(&mut tracker, if good { DeliveryGood } else { DeliveryFailed });
                prop_assert_ne!(tracker.health(), Unhealthy);
            }
        }
    }
}
