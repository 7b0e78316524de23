//! How many dead letters may be sent again now: a token bucket, emptied in small batches.

use std::time::Duration;

use crate::domain::timestamp::Timestamp;
use crate::logic::token_bucket::TokenBucket;

/// Dead letters leave in batches no closer together than this.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// What was not used for so long is lost.
const SAVED_SECONDS: f64 = 0.1;
/// Nobody sleeps longer in one go, however small the rate.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// At most `rate · t + burst` in any time of t seconds.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: f64,
    /// Begins full when it is first asked.
    bucket: Option<TokenBucket>,
}

impl Allowance {
    /// `rate` is in dead letters per second and greater than 0.
    pub(super) fn new(rate: f64) -> Self {
        Self { rate, bucket: None }
    }

    /// The most that may leave at once: a tenth of a second's worth, one at least.
    pub(super) fn burst(rate: f64) -> u32 {
        ((rate * SAVED_SECONDS) as u32).max(1)
    }

    /// Takes as many as are allowed now, at most `most`.
    pub(super) fn take(&mut self, now: Timestamp, most: usize) -> usize {
        let rate = self.rate;
        let bucket = self
            .bucket
            .get_or_insert_with(|| TokenBucket::new(rate, Some(Self::burst(rate)), now));
        let mut taken = 0;
        while taken < most && bucket.take(now) {
            taken += 1;
        }
        taken
    }

    /// When it makes sense to ask again.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        let earliest = now.plus(BATCH_EVERY);
        let full = self.bucket.as_ref().and_then(|bucket| bucket.next_at(now));
        full.unwrap_or(earliest)
            .clamp(earliest, now.plus(LONGEST_SLEEP))
    }
}
