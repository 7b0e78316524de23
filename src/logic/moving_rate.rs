//! How often something happens a second, averaged over about the last minute.
//!
//! An exponentially weighted moving average of the count of each second, as the load averages of
//! Unix are: after a second with `n` the average `a` is `a + (n - a) (1 - e^(-1/60))`. What just
//! happens costs an addition; the rest is done once a second, and when somebody asks.

use crate::domain::timestamp::Timestamp;

/// So many seconds after a change 63 % of it is in the average.
const TIME_CONSTANT: f64 = 60.0;

/// The average, and what came since.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct MovingRate {
    /// Per second, up to the second `second`.
    average: f64,
    second: i64,
    /// In the second `second`, which is not in the average yet.
    count: u32,
}

impl MovingRate {
    /// It happened now.
    pub fn note(&mut self, now: Timestamp) {
        let second = second_of(now);
        if second > self.second {
            *self = Self {
                average: self.average_before(second),
                second,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
    }

    /// How often a second it happens, as far as whole seconds say.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        self.average_before(second_of(now))
    }

    fn average_before(&self, second: i64) -> f64 {
        if second <= self.second {
            return self.average;
        }
        let weight = 1.0 - (-1.0 / TIME_CONSTANT).exp();
        let first = self.average + (f64::from(self.count) - self.average) * weight;
        let quiet = (second - self.second - 1) as f64;
        first * (-quiet / TIME_CONSTANT).exp()
    }
}

fn second_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    /// After so many seconds with so many each.
    fn after(seconds: i64, each: u32) -> MovingRate {
        let mut rate = MovingRate::default();
        for second in 0..seconds {
            for _ in 0..each {
                rate.note(at(second));
            }
        }
        rate
    }

    #[test]
    fn what_is_steady_is_the_average_after_some_minutes() {
        let rate = after(600, 40);
        assert!((rate.per_second(at(600)) - 40.0).abs() < 0.01);
    }

    #[test]
    fn after_a_minute_63_percent_of_a_change_are_seen_and_37_percent_are_left() {
        let seen = after(60, 100).per_second(at(60));
        assert!((seen - 63.2).abs() < 0.1, "{seen}");
        let left = after(600, 100).per_second(at(660));
        assert!((left - 36.8).abs() < 0.1, "{left}");
    }

    #[test]
    fn the_second_that_is_not_over_counts_for_nothing_yet() {
        let mut rate = MovingRate::default();
        rate.note(at(100));
        assert_eq!(rate.per_second(at(100)), 0.0);
        assert!(rate.per_second(at(101)) > 0.0);
    }

    #[test]
    fn what_never_was_is_none_however_late_it_is() {
        assert_eq!(MovingRate::default().per_second(at(1 << 40)), 0.0);
        let mut rate = after(10, 3);
        rate.note(at(1 << 40));
        assert_eq!(rate.per_second(at(1 << 40)), 0.0);
    }

    #[test]
    fn a_clock_that_is_read_earlier_changes_nothing() {
        let mut rate = after(10, 5);
        let before = rate.per_second(at(9));
        rate.note(at(3));
        assert_eq!(rate.per_second(at(3)), before);
    }
}
