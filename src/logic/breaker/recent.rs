//! How the attempts of the last minute went.

use crate::domain::timestamp::Timestamp;

/// How far back the counts reach, in seconds.
pub(super) const SECONDS: usize = 60;

/// Attempts that came to their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AttemptCounts {
    /// All of them, however they ended.
    pub finished: u32,
    /// Those of them that failed.
    pub failed: u32,
}

/// Counts of the running second and the 59 before it, in a ring of buckets of one second.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    buckets: [AttemptCounts; SECONDS],
    /// The second of the newest bucket, since the Unix epoch.
    newest: i64,
    /// The sum of the buckets.
    total: AttemptCounts,
}

impl Recent {
    /// Nothing happened yet.
    pub(super) fn new() -> Self {
        Self {
            buckets: [AttemptCounts::default(); SECONDS],
            newest: 0,
            total: AttemptCounts::default(),
        }
    }

    /// An attempt ended at `now`.
    pub(super) fn count(&mut self, failed: bool, now: Timestamp) {
        self.forget_old(now);
        let bucket = &mut self.buckets[index(self.newest)];
        for counts in [bucket, &mut self.total] {
            counts.finished = counts.finished.saturating_add(1);
            counts.failed = counts.failed.saturating_add(u32::from(failed));
        }
    }

    /// What ended in the minute before `now`.
    pub(super) fn counts(&mut self, now: Timestamp) -> AttemptCounts {
        self.forget_old(now);
        self.total
    }

    /// # Panics
    /// If the sum is not that of the buckets.
    pub(super) fn check(&self) {
        let mut total = AttemptCounts::default();
        for counts in &self.buckets {
            assert!(counts.failed <= counts.finished, "what failed is finished");
            total.finished += counts.finished;
            total.failed += counts.failed;
        }
        assert_eq!(self.total, total, "attempts of the last minute");
    }

    fn forget_old(&mut self, now: Timestamp) {
        let second = now.as_millis().div_euclid(1000);
        let passed = second.saturating_sub(self.newest).min(SECONDS as i64);
        for step in 1..=passed {
            let old = std::mem::take(&mut self.buckets[index(self.newest + step)]);
            self.total.finished = self.total.finished.saturating_sub(old.finished);
            self.total.failed = self.total.failed.saturating_sub(old.failed);
        }
        // A clock that is set back leaves the newest bucket where it is.
        self.newest = self.newest.max(second);
    }
}

fn index(second: i64) -> usize {
    second.rem_euclid(SECONDS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_attempt_counts_for_a_minute() {
        let mut recent = Recent::new();
        let at = |millis: i64| Timestamp::from_millis(1_780_000_000_000 + millis);
        recent.count(true, at(999));
        recent.count(false, at(1_000));
        for (millis, finished, failed) in [(59_999, 2, 1), (60_000, 1, 0), (61_000, 0, 0)] {
            let expected = AttemptCounts { finished, failed };
            assert_eq!(recent.counts(at(millis)), expected, "{millis}");
        }
    }

    proptest! {
        #[test]
        fn counts_as_a_plain_list(steps in prop::collection::vec((0i64..40_000, any::<bool>()), 0..200)) {
            let (mut recent, mut list, mut now) = (Recent::new(), Vec::new(), 0);
            for (pause, failed) in steps {
                now += pause;
                let at = Timestamp::from_millis(now);
                recent.count(failed, at);
                list.push((now / 1000, failed));
                let young = list.iter().filter(|(second, _)| *second > now / 1000 - 60);
                let expected = AttemptCounts {
                    finished: young.clone().count() as u32,
                    failed: young.filter(|(_, failed)| *failed).count() as u32,
                };
                prop_assert_eq!(recent.counts(at), expected);
            }
        }
    }
}
