//! How many letters may be sent again now: a token bucket.

use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// Letters leave in batches no closer together than this.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// What was not used for so long is lost.
const SAVED_SECONDS: f64 = 0.1;
/// Nobody sleeps longer in one go, however small the rate.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// At most `rate · t + burst` in any time of t seconds.
#[derive(Debug)]
pub struct Allowance {
    rate: f64,
    saved: f64,
    counted_at: Option<Timestamp>,
}

impl Allowance {
    /// `rate` is in letters per second and greater than 0; the first may go at once.
    pub fn new(rate: f64) -> Self {
        Self {
            rate,
            saved: 1.0,
            counted_at: None,
        }
    }

    /// The most that may leave at once: a tenth of a second's worth, one at least.
    pub fn burst(rate: f64) -> f64 {
        (rate * SAVED_SECONDS).max(1.0)
    }

    /// Takes as many as are allowed now, at most `most`.
    pub fn take(&mut self, now: Timestamp, most: usize) -> usize {
        let since = self.counted_at.map_or(Duration::ZERO, |at| now.since(at));
        self.counted_at = Some(now);
        self.saved = (self.saved + self.rate * since.as_secs_f64()).min(Self::burst(self.rate));
        // No more than fits: the burst of the highest rate is small.
        let taken = (self.saved.floor() as usize).min(most);
        self.saved -= taken as f64;
        taken
    }

    /// When it makes sense to ask again.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let missing = (1.0 - self.saved).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / self.rate).unwrap_or(LONGEST_SLEEP);
        // One more millisecond, because a time is cut to whole ones.
        let wait = wait.min(LONGEST_SLEEP) + Duration::from_millis(1);
        now.plus(wait.max(BATCH_EVERY))
    }
}
