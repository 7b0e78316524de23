//! How fast one destination may be handed messages, and how many it may have in hand: its quota.

use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;
use crate::logic::token_bucket::TokenBucket;

/// Delays messages, in order; loses none.
#[derive(Debug, Default)]
pub(super) struct Pace {
    quota: Quota,
    bucket: Option<TokenBucket>,
}

/// What keeps a destination from being handed more.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Limit {
    /// It was handed as many as `deliver_rate`, per second, allows until then.
    Rate { rate: f64, until: Timestamp },
    /// It has as many in hand as `max_in_flight` allows.
    InFlight { most: u32 },
}

impl Pace {
    pub(super) fn new(quota: Quota, now: Timestamp) -> Self {
        let mut pace = Self::default();
        pace.set(quota, now);
        pace
    }

    /// Whether there is one, whatever it limits.
    pub(super) fn has_quota(&self) -> bool {
        self.quota != Quota::default()
    }

    /// From now on this; what the old rate had saved up stays, as far as it fits.
    pub(super) fn set(&mut self, quota: Quota, now: Timestamp) {
        self.quota = quota;
        match (&mut self.bucket, quota.deliver_rate) {
            (Some(bucket), Some(rate)) => bucket.set(rate, None, now),
            (bucket, rate) => *bucket = rate.map(|rate| TokenBucket::new(rate, None, now)),
        }
    }

    /// How many more may be handed out now that it has `in_hand`.
    pub(super) fn room(&mut self, in_hand: usize, now: Timestamp) -> usize {
        let most = self
            .quota
            .max_in_flight
            .map_or(usize::MAX, |most| (most as usize).saturating_sub(in_hand));
        let tokens = match &mut self.bucket {
            Some(bucket) => bucket.available(now) as usize,
            None => usize::MAX,
        };
        tokens.min(most)
    }

    /// What leaves no room now, if something does.
    pub(super) fn limit(&self, in_hand: usize, now: Timestamp) -> Option<Limit> {
        let most = self.quota.max_in_flight;
        if let Some(most) = most.filter(|most| in_hand >= *most as usize) {
            return Some(Limit::InFlight { most });
        }
        let until = self.next_at(now)?;
        let rate = self.quota.deliver_rate?;
        Some(Limit::Rate { rate, until })
    }

    /// A message was handed out.
    pub(super) fn take(&mut self, now: Timestamp) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
    }

    /// A message came back untried.
    pub(super) fn give_back(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.give_back(1);
        }
    }

    /// When the rate allows the next message; `None` if it does now, or there is no rate.
    pub(super) fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.bucket.as_ref()?.next_at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn quota(deliver_rate: Option<f64>, max_in_flight: Option<u32>) -> Quota {
        Quota {
            deliver_rate,
            max_in_flight,
            ..Quota::default()
        }
    }

    #[test]
    fn without_a_quota_nothing_is_limited() {
        let mut pace = Pace::default();
        assert_eq!(pace.room(1_000_000, at(0)), usize::MAX);
        assert_eq!((pace.limit(9, at(0)), pace.next_at(at(0))), (None, None));
    }

    #[test]
    fn the_smaller_of_both_limits_decides() {
        let mut pace = Pace::new(quota(Some(5.0), Some(3)), at(0));
        assert_eq!(pace.room(0, at(0)), 3);
        assert_eq!(pace.limit(3, at(0)), Some(Limit::InFlight { most: 3 }));
        for _ in 0..5 {
            pace.take(at(0));
        }
        assert_eq!(pace.room(0, at(0)), 0);
        let until = at(200);
        assert_eq!(pace.limit(0, at(0)), Some(Limit::Rate { rate: 5.0, until }));
        assert_eq!(pace.room(0, at(200)), 1);
    }

    #[test]
    fn what_comes_back_untried_costs_nothing() {
        let mut pace = Pace::new(quota(Some(1.0), None), at(0));
        pace.take(at(0));
        pace.give_back();
        assert_eq!(pace.room(0, at(0)), 1);
    }

    #[test]
    fn another_rate_begins_with_what_there_was() {
        let mut pace = Pace::new(quota(Some(2.0), None), at(0));
        pace.take(at(0));
        pace.set(quota(Some(100.0), None), at(0));
        assert_eq!(pace.room(0, at(0)), 1);
        pace.set(quota(None, None), at(0));
        assert_eq!(pace.room(0, at(0)), usize::MAX);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_stop_the_flow() {
        let mut pace = Pace::new(quota(Some(1.0), None), at(3_600_000));
        pace.take(at(3_600_000));
        assert_eq!(pace.room(0, at(0)), 0);
        assert_eq!(pace.room(0, at(1_000)), 1);
    }
}
