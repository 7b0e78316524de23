//! So many events a second for a client that only wants to see some: what is left out is counted,
//! and told once a second at most.

use std::time::Duration;

use super::token_bucket::TokenBucket;
use crate::domain::event::Sequence;
use crate::domain::timestamp::Timestamp;

/// Between two reports of what was left out.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Lets events pass at a rate, after a quiet time a second's worth at once, and leaves out the others.
#[derive(Debug)]
pub struct EventSampler {
    bucket: TokenBucket,
    /// What was left out and not told, and when it is to be told.
    untold: Option<(SkippedEvents, Timestamp)>,
}

/// Events that were left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SkippedEvents {
    /// How many.
    pub count: u64,
    /// The last of them.
    pub through: Sequence,
}

impl EventSampler {
    /// `rate`: events a second, above 0.
    pub fn new(rate: u32, now: Timestamp) -> Self {
        Self {
            bucket: TokenBucket::new(f64::from(rate), Some(rate), now),
            untold: None,
        }
    }

    /// From now on so many a second; what was left out stays to be told.
    pub fn set(&mut self, rate: u32, now: Timestamp) {
        self.bucket.set(f64::from(rate), Some(rate), now);
    }

    /// Whether the next event goes to the client; if not, it is counted.
    pub fn passes(&mut self, sequence: Sequence, now: Timestamp) -> bool {
        if self.bucket.take(now) {
            return true;
        }
        let due = now.plus(REPORT_INTERVAL);
        let (before, due) = self
            .untold
            .map_or((0, due), |(skipped, due)| (skipped.count, due));
        let skipped = SkippedEvents {
            count: before + 1,
            through: sequence,
        };
        self.untold = Some((skipped, due));
        false
    }

    /// What was left out since the last report, once it is time to tell.
    pub fn report(&mut self, now: Timestamp) -> Option<SkippedEvents> {
        let (skipped, _) = self.untold.take_if(|(_, due)| now >= *due)?;
        Some(skipped)
    }

    /// When there is something to tell; `None`: nothing was left out.
    pub fn next_report(&self) -> Option<Timestamp> {
        self.untold.map(|(_, due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + millis)
    }

    /// Of an event a millisecond, from the first second on: those that pass and what is told.
    fn run(rate: u32, millis: i64) -> (Vec<i64>, Vec<(i64, SkippedEvents)>) {
        let mut sampler = EventSampler::new(rate, at(0));
        let (mut passed, mut told) = (Vec::new(), Vec::new());
        for now in 1..=millis {
            told.extend(sampler.report(at(now)).map(|skipped| (now, skipped)));
            if sampler.passes(now as Sequence, at(now)) {
                passed.push(now);
            }
        }
        let due = sampler.next_report();
        told.extend(due.and_then(|due| Some((millis, sampler.report(due)?))));
        (passed, told)
    }

    #[test]
    fn every_event_passes_or_is_told_once() {
        for rate in [1, 7, 1000] {
            let (passed, told) = run(rate, 5_500);
            let skipped: u64 = told.iter().map(|(_, skipped)| skipped.count).sum();
            assert_eq!(passed.len() as u64 + skipped, 5_500, "{rate}");
            let through: Vec<_> = told.iter().map(|(_, skipped)| skipped.through).collect();
            assert!(through.is_sorted(), "{through:?}");
        }
    }

    #[test]
    fn no_second_has_more_than_the_rate_after_the_first_burst() {
        let (passed, _) = run(7, 10_000);
        for second in 1..9 {
            let within = |now: &&i64| **now > second * 1_000 && **now <= (second + 1) * 1_000;
            let count = passed.iter().filter(within).count();
            assert!((6..=8).contains(&count), "{count} in second {second}");
        }
    }

    #[test]
    fn it_is_told_once_a_second_at_most() {
        let (_, told) = run(1, 10_000);
        let times: Vec<_> = told.iter().map(|(now, _)| *now).collect();
        let last = times.len() - 1;
        assert!(last >= 8, "{times:?}");
        for (earlier, later) in times[..last].iter().zip(&times[1..last]) {
            assert!(later - earlier >= 1_000, "{times:?}");
        }
    }

    #[test]
    fn who_gets_all_is_told_nothing() {
        let mut sampler = EventSampler::new(2, at(0));
        assert!(sampler.passes(1, at(0)) && sampler.passes(2, at(0)));
        assert_eq!(sampler.next_report(), None);
        assert!(!sampler.passes(3, at(0)));
        assert_eq!(sampler.next_report(), Some(at(1_000)));
        assert_eq!(sampler.report(at(999)), None);
        let (count, through) = (1, 3);
        assert_eq!(
            sampler.report(at(1_000)),
            Some(SkippedEvents { count, through })
        );
        assert_eq!(
            (sampler.report(at(9_000)), sampler.next_report()),
            (None, None)
        );
    }

    #[test]
    fn another_rate_holds_from_then_on() {
        let mut sampler = EventSampler::new(1000, at(0));
        sampler.set(1, at(0));
        assert!(sampler.passes(1, at(0)));
        assert!(!sampler.passes(2, at(0)));
        assert!(sampler.passes(3, at(1_000)));
    }
}
