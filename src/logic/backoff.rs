//! When a failed delivery is tried again, or that it is not
//! (docs/explanation/delivery-and-retries.md).

use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// The random part of a delay is at most this share of it.
const JITTER: f64 = 0.1;

/// How patient the hub is with failing deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    /// Before the second attempt; doubled for each further one.
    pub base_delay: Duration,
    /// The longest a delay gets, before its random part.
    pub max_delay: Duration,
    /// All failed attempts count; this many make a dead letter.
    pub max_attempts: u32,
    /// Consumers that may be lost in a row with one message, or event, before it is a dead letter;
    /// 0: any number.
    pub delivery_limit: u32,
    /// Whether a dead letter holds its ordering key until somebody has dealt with it.
    pub hold_keys: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            max_attempts: 5,
            delivery_limit: 20,
            hold_keys: false,
        }
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Another attempt follows at this time, by the clock that `now` was read from.
    RetryAt(Timestamp),
    /// The last attempt failed: the message is a dead letter.
    Exhausted,
}

/// A wish of the receiver about the next attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestedDelay {
    /// `Retry-After`: not before this has passed.
    AtLeast(Duration),
    /// The `delay` of a nack: instead of the backoff, without a random part.
    Exactly(Duration),
}

impl RetryPolicy {
    /// The wait after the `failures`-th failure: `d = min(base · 2^(failures-1), max)` plus
    /// `random` (0 to 1) times 10 % of d: exponential backoff with a jitter that keeps those that failed
    /// together from coming back together.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let factor = 1u32.checked_shl(failures.saturating_sub(1));
        let doubled = self.base_delay.saturating_mul(factor.unwrap_or(u32::MAX));
        let delay = doubled.min(self.max_delay);
        delay.saturating_add(jitter(delay, random))
    }

    /// Decides when the `lost`-th consumer in a row was lost with what it had been handed, at
    /// `now`. The first may be chance, so others get it at once; then each waits as after a
    /// failure.
    pub fn after_loss(&self, lost: u32, now: Timestamp, random: f64) -> Next {
        match lost {
            _ if self.delivery_limit > 0 && lost >= self.delivery_limit => Next::Exhausted,
            0 | 1 => Next::RetryAt(now),
            _ => Next::RetryAt(now.plus(self.delay(lost - 1, random))),
        }
    }

    /// Decides after the `failures`-th failure, which happened at `now`. What the receiver
    /// `asked` for is cut at `max_delay`.
    pub fn after_failure(
        &self,
        failures: u32,
        now: Timestamp,
        random: f64,
        asked: Option<RequestedDelay>,
    ) -> Next {
        if failures >= self.max_attempts {
            return Next::Exhausted;
        }
        let wait = match asked {
            None => self.delay(failures, random),
            Some(RequestedDelay::AtLeast(least)) => {
                self.delay(failures, random).max(least.min(self.max_delay))
            }
            Some(RequestedDelay::Exactly(delay)) => delay.min(self.max_delay),
        };
        Next::RetryAt(now.plus(wait))
    }
}

/// `random` (0 to 1) times 10 % of `delay`, so that what failed together does not return together.
/// Any other number counts as the nearest bound, because a delay is neither negative nor NaN.
pub(super) fn jitter(delay: Duration, random: f64) -> Duration {
    let random = if random.is_nan() { 0.0 } else { random };
    delay.mul_f64(JITTER * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    #[test]
    fn doubles_until_the_maximum() {
        let policy = RetryPolicy::default();
        let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        for (failures, expected) in (1..).zip(seconds) {
            assert_eq!(policy.delay(failures, 0.0), Duration::from_secs(expected));
        }
    }

    #[test]
    fn the_random_part_is_a_tenth_at_most() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, 0.5), Duration::from_millis(1050));
        assert_eq!(policy.delay(99, 1.0), Duration::from_secs(330));
    }

    #[test]
    fn the_fifth_failure_is_the_last() {
        let policy = RetryPolicy::default();
        for failures in 1..5 {
            assert!(matches!(
                policy.after_failure(failures, start(), 0.0, None),
                Next::RetryAt(_)
            ));
        }
        let nack = Some(RequestedDelay::Exactly(Duration::ZERO));
        assert_eq!(policy.after_failure(5, start(), 0.0, None), Next::Exhausted);
        assert_eq!(policy.after_failure(5, start(), 0.0, nack), Next::Exhausted);
    }

    #[test]
    fn listens_to_what_the_receiver_asks() {
        let policy = RetryPolicy::default();
        let seconds = Duration::from_secs;
        let cases = [
            (Some(RequestedDelay::AtLeast(seconds(60))), 60),
            (Some(RequestedDelay::AtLeast(seconds(1))), 4),
            (Some(RequestedDelay::AtLeast(seconds(9999))), 300),
            (Some(RequestedDelay::Exactly(seconds(0))), 0),
            (Some(RequestedDelay::Exactly(seconds(60))), 60),
            (Some(RequestedDelay::Exactly(seconds(9999))), 300),
            (None, 4),
        ];
        for (asked, expected) in cases {
            let next = policy.after_failure(3, start(), 0.0, asked);
            assert_eq!(
                next,
                Next::RetryAt(start().plus(seconds(expected))),
                "{asked:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_overflows_and_never_shrinks(
            base: Duration, max in 0u64..4_000_000_000, failures: u32, random: f64,
        ) {
            let max_delay = Duration::from_millis(max);
            let policy = RetryPolicy { base_delay: base, max_delay, ..RetryPolicy::default() };
            let delay = policy.delay(failures, random);
            prop_assert!(delay >= base.min(max_delay));
            prop_assert!(delay <= max_delay.mul_f64(1.1) + Duration::from_nanos(1));
            prop_assert!(policy.delay(failures.saturating_add(1), 0.0) >= policy.delay(failures, 0.0));
        }

        #[test]
        fn extreme_policies_do_not_panic(base: Duration, max: Duration, failures: u32, random: f64) {
            let policy = RetryPolicy { base_delay: base, max_delay: max, max_attempts: u32::MAX, delivery_limit: 0, hold_keys: false };
            policy.after_loss(failures, Timestamp::MAX, random);
            let asked = Some(RequestedDelay::AtLeast(max));
            policy.after_failure(failures, Timestamp::MAX, random, asked);
        }
    }

    #[test]
    fn a_lost_consumer_is_chance_the_first_time_and_then_waited_for() {
        let policy = RetryPolicy {
            delivery_limit: 4,
            ..RetryPolicy::default()
        };
        let now = Timestamp::from_millis(1_000_000);
        let after = |lost, policy: &RetryPolicy| policy.after_loss(lost, now, 0.0);
        for (lost, seconds) in [(1, 0), (2, 1), (3, 2)] {
            let at = now.plus(Duration::from_secs(seconds));
            assert_eq!(after(lost, &policy), Next::RetryAt(at));
        }
        assert_eq!(after(4, &policy), Next::Exhausted);
        let without_end = RetryPolicy {
            delivery_limit: 0,
            ..policy
        };
        let longest = Next::RetryAt(now.plus(policy.max_delay));
        assert_eq!(after(1000, &without_end), longest);
    }
}
