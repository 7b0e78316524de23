//! How many messages may go now if so many may go each second.
//!
//! Integers throughout, so that no token is lost or made by rounding however long it runs.

use crate::domain::timestamp::Timestamp;

/// The parts of a token: as fine as the digits an `f64` rate has, coarse enough for `u128`.
const TOKEN: u128 = 1_000_000_000_000_000_000;
/// A token's parts a millisecond at one token a second.
const PARTS_PER_MILLI: f64 = 1e15;

/// Fills at a steady rate up to its burst; whoever goes takes a token out.
///
/// A clock that goes back neither makes tokens nor stops the flow: time goes on from there. The
/// clock counts milliseconds, so a burst below a millisecond's worth bounds the rate too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenBucket {
    parts_per_milli: u128,
    /// The most it holds, in parts of a token.
    capacity: u128,
    /// What it held at `filled_at`, in parts of a token.
    level: u128,
    filled_at: Timestamp,
}

impl TokenBucket {
    /// A full bucket: `rate` in tokens per second, above 0; without `burst` it holds
    /// [`default_burst`].
    pub fn new(rate: f64, burst: Option<u32>, now: Timestamp) -> Self {
        let capacity = capacity(rate, burst);
        Self {
            parts_per_milli: parts_per_milli(rate),
            capacity,
            level: capacity,
            filled_at: now,
        }
    }

    /// Takes a token out if there is one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        let is_there = self.level >= TOKEN;
        if is_there {
            self.level -= TOKEN;
        }
        is_there
    }

    /// How many tokens are there, whole ones.
    pub fn available(&mut self, now: Timestamp) -> u32 {
        // Also when nothing is taken: a clock that has gone back goes on from here.
        self.fill(now);
        u32::try_from(self.level / TOKEN).unwrap_or(u32::MAX)
    }

    /// Puts back tokens that were taken for nothing; what does not fit is gone.
    pub fn give_back(&mut self, tokens: u32) {
        let level = self.level + u128::from(tokens) * TOKEN;
        self.level = level.min(self.capacity);
    }

    /// When the next whole token is there; `None` if one is there now.
    pub fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let missing = TOKEN.saturating_sub(self.level_at(now));
        if missing == 0 {
            return None;
        }
        let wait = missing.div_ceil(self.parts_per_milli);
        let wait = i64::try_from(wait).unwrap_or(i64::MAX);
        Some(Timestamp::from_millis(now.as_millis().saturating_add(wait)))
    }

    /// Goes on at another rate with the tokens it holds, as far as they fit; arguments as for
    /// [`TokenBucket::new`].
    pub fn set(&mut self, rate: f64, burst: Option<u32>, now: Timestamp) {
        self.fill(now);
        self.parts_per_milli = parts_per_milli(rate);
        self.capacity = capacity(rate, burst);
        self.level = self.level.min(self.capacity);
    }

    fn fill(&mut self, now: Timestamp) {
        self.level = self.level_at(now);
        self.filled_at = now;
    }

    fn level_at(&self, now: Timestamp) -> u128 {
        let gained = self
            .parts_per_milli
            .saturating_mul(now.since(self.filled_at).as_millis());
        self.level.saturating_add(gained).min(self.capacity)
    }
}

/// How many tokens a bucket holds if nobody says: one second's worth, rounded up, at least 1.
pub fn default_burst(rate: f64) -> u32 {
    (rate.ceil() as u32).max(1)
}

fn capacity(rate: f64, burst: Option<u32>) -> u128 {
    let burst = burst.unwrap_or_else(|| default_burst(rate));
    u128::from(burst.max(1)) * TOKEN
}

/// At least one part, so that every bucket fills some day.
fn parts_per_milli(rate: f64) -> u128 {
    ((rate * PARTS_PER_MILLI).round() as u128).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn take_all(bucket: &mut TokenBucket, now: Timestamp) -> u32 {
        let mut taken = 0;
        while bucket.take(now) {
            taken += 1;
        }
        taken
    }

    #[test]
    fn holds_a_burst_and_fills_at_its_rate() {
        let mut bucket = TokenBucket::new(10.0, Some(3), at(0));
        assert_eq!(take_all(&mut bucket, at(0)), 3);
        assert_eq!(bucket.next_at(at(0)), Some(at(100)));
        assert_eq!(bucket.next_at(at(30)), Some(at(100)));
        assert!(!bucket.take(at(99)));
        assert_eq!(bucket.next_at(at(100)), None);
        assert!(bucket.take(at(100)));
        assert_eq!(bucket.available(at(250)), 1);
        assert_eq!(bucket.available(at(3_600_000)), 3);
    }

    #[test]
    fn the_default_burst_is_a_second_s_worth() {
        let bursts = [(0.001, 1), (1.0, 1), (1.5, 2), (250.0, 250)];
        for (rate, burst) in bursts {
            let mut bucket = TokenBucket::new(rate, None, at(0));
            assert_eq!(bucket.available(at(0)), burst, "{rate}");
        }
    }

    #[test]
    fn gives_back_no_more_than_the_burst() {
        let mut bucket = TokenBucket::new(1.0, Some(5), at(0));
        assert_eq!(take_all(&mut bucket, at(0)), 5);
        bucket.give_back(2);
        assert_eq!(bucket.available(at(0)), 2);
        bucket.give_back(u32::MAX);
        assert_eq!(bucket.available(at(0)), 5);
    }

    #[test]
    fn a_new_rate_keeps_what_is_there() {
        let mut bucket = TokenBucket::new(1.0, Some(10), at(0));
        assert_eq!(take_all(&mut bucket, at(0)), 10);
        bucket.set(100.0, Some(50), at(4000));
        assert_eq!(bucket.available(at(4000)), 4, "earned at the old rate");
        assert_eq!(bucket.available(at(4100)), 14, "and on at the new one");
        bucket.set(100.0, Some(2), at(4100));
        assert_eq!(bucket.available(at(4100)), 2);
    }

    #[test]
    fn a_clock_that_goes_back_neither_makes_tokens_nor_blocks() {
        let mut bucket = TokenBucket::new(1.0, Some(2), at(1_000_000));
        assert_eq!(take_all(&mut bucket, at(1_000_000)), 2);
        assert!(!bucket.take(at(0)));
        assert_eq!(bucket.next_at(at(0)), Some(at(1000)));
        assert!(!bucket.take(at(999)));
        assert!(bucket.take(at(1000)));
    }

    #[test]
    fn the_slowest_rate_still_has_a_next_time() {
        for rate in [f64::MIN_POSITIVE, 1e-9] {
            let mut bucket = TokenBucket::new(rate, None, at(0));
            assert!(bucket.take(at(0)));
            assert!(bucket.next_at(at(0)) > Some(at(0)), "{rate}");
        }
        let mut bucket = TokenBucket::new(1e6, Some(u32::MAX), at(0));
        assert!(bucket.take(Timestamp::MAX));
        assert!(bucket.take(Timestamp::from_millis(i64::MIN)));
        assert!(bucket.take(Timestamp::MAX));
    }

    #[test]
    fn a_long_run_loses_no_token() {
        for rate in [0.1, 1.0 / 3.0, 3.0, 7.7, 1000.0 / 7.0] {
            // Room for more than a step earns, so that it never runs over.
            let mut bucket = TokenBucket::new(rate, Some(100), at(0));
            let mut taken = take_all(&mut bucket, at(0)) - 100;
            let mut now = 0;
            while now < 10_000_000 {
                now += 97;
                taken += take_all(&mut bucket, at(now));
            }
            let earned = (rate * now as f64 / 1000.0 + 1e-6).floor();
            assert_eq!(f64::from(taken), earned, "{rate}");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_time_earned(
            rate in 0.001f64..2000.0,
            burst in 1u32..200,
            steps in prop::collection::vec((-5000i64..5000, 0u32..300), 1..200),
        ) {
            let mut bucket = TokenBucket::new(rate, Some(burst), at(0));
            let (mut now, mut forward, mut taken) = (0, 0, 0u32);
            for (step, tries) in steps {
                now += step;
                forward += step.max(0);
                for _ in 0..tries {
                    let next = bucket.next_at(at(now));
                    let is_taken = bucket.take(at(now));
                    prop_assert_eq!(is_taken, next.is_none());
                    taken += u32::from(is_taken);
                }
                let bound = f64::from(burst) + rate * forward as f64 / 1000.0;
                prop_assert!(f64::from(taken) <= bound + 1e-6);
            }
        }

        #[test]
        fn the_next_token_is_there_when_it_said_and_not_before(
            rate in 0.01f64..5000.0,
            start in 0i64..1_000_000,
        ) {
            let mut bucket = TokenBucket::new(rate, Some(1), at(start));
            prop_assert!(bucket.take(at(start)));
            let next = bucket.next_at(at(start)).map(Timestamp::as_millis).unwrap();
            prop_assert!(next > start);
            prop_assert_eq!(bucket.available(at(next - 1)), 0);
            prop_assert_eq!(bucket.available(at(next)), 1);
        }
    }
}
