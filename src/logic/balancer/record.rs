//! How one instance does, by what became of the attempts with it.
//!
//! Sums over its attempts, each of which counts half as much 30 s later: how many ended, how many
//! of these were answered, how long the answers took in seconds. Four immediate answers are added
//! to them that never age. So one failure more or less decides nothing, and who gets nothing to do
//! is slowly forgiven:
//!
//! ```text
//! success rate = (answered + 4) / (ended + 4)
//! latency      = seconds / (answered + 4)
//! score        = health × success rate × min(1, 1 s / latency)
//! ```

use std::time::Duration;

use crate::domain::service::{Health, Target};
use crate::domain::timestamp::Timestamp;
use crate::logic::ramp::Ramp;

/// After so many seconds an attempt counts half.
const HALF_LIFE: f64 = 30.0;
/// So many immediate answers everybody is credited with.
const PRIOR: f64 = 4.0;

/// How an attempt with an instance ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptEnding {
    /// The instance took the message or refused it for good, after so long.
    Answered(Duration),
    /// The instance did not answer as it should, or not in time.
    Failed,
    /// The instance said that it wants no more messages, or the attempt broke off for a reason that
    /// is not the instance's: nothing was learnt about how it does.
    Untold,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub in_flight: u32,
    /// Holds back what is new or was unhealthy.
    pub ramp: Ramp,
    /// What it has gained and not spent in turns by weight.
    pub share: i64,
    /// The same of the turns that are only asked for.
    pub asked_share: i64,
    /// It has answered at least once.
    pub has_served: bool,
    ended: f64,
    answered: f64,
    seconds: f64,
    /// When the three sums were right.
    as_of: Timestamp,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            in_flight: 0,
            ramp: Ramp::DONE,
            share: 0,
            asked_share: 0,
            has_served: false,
            ended: 0.0,
            answered: 0.0,
            seconds: 0.0,
            as_of: Timestamp::default(),
        }
    }
}

impl Record {
    /// How many messages the instance takes at once now.
    pub(super) fn limit(&self, target: &Target) -> u32 {
        if target.health == Health::Unhealthy {
            return 0;
        }
        self.ramp.limit(target.max_in_flight)
    }

    /// The record of an instance that may be no longer as healthy, or as unhealthy, as it was.
    pub(super) fn of_one_that_stays(mut self, before: Health, now: Health) -> Self {
        if before == Health::Unhealthy && now != Health::Unhealthy {
            self.ramp = Ramp::START;
        }
        self
    }

    pub(super) fn finished(&mut self, ending: AttemptEnding, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if ending == AttemptEnding::Untold {
            return;
        }
        let left = self.left(now);
        self.as_of = self.as_of.max(now);
        self.ended = self.ended * left + 1.0;
        self.answered *= left;
        self.seconds *= left;
        if let AttemptEnding::Answered(latency) = ending {
            self.answered += 1.0;
            self.seconds += latency.as_secs_f64();
            self.ramp = self.ramp.after_answer();
            self.has_served = true;
        }
    }

    /// From 0 to 1. Who was never checked counts as healthy, or without a health check it would
    /// never be tried beside those that were.
    pub(super) fn score(&self, health: Health, now: Timestamp) -> f64 {
        let health = match health {
            Health::Healthy | Health::Unknown => 1.0,
            Health::Degraded => 0.5,
            Health::Unhealthy => 0.0,
        };
        // Most instances fail nothing and are fast, which needs no arithmetic.
        if self.answered == self.ended && self.seconds <= self.answered {
            return health;
        }
        let left = self.left(now);
        let answered = self.answered * left + PRIOR;
        let success_rate = answered / (self.ended * left + PRIOR);
        let latency = self.seconds * left / answered;
        health * success_rate / latency.max(1.0)
    }

    /// Which part of the sums is left by now.
    fn left(&self, now: Timestamp) -> f64 {
        (-now.since(self.as_of).as_secs_f64() / HALF_LIFE).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn after(endings: &[AttemptEnding]) -> Record {
        let mut record = Record::default();
        for ending in endings {
            record.finished(*ending, at(0));
        }
        record
    }

    #[track_caller]
    fn assert_score(record: &Record, second: i64, expected: f64) {
        let score = record.score(Health::Healthy, at(second));
        assert!((score - expected).abs() < 1e-9, "{score}, not {expected}");
    }

    #[test]
    fn health_weighs_in() {
        let record = Record::default();
        for (health, expected) in [
            (Health::Healthy, 1.0),
            (Health::Unknown, 1.0),
            (Health::Degraded, 0.5),
            (Health::Unhealthy, 0.0),
        ] {
            assert_eq!(record.score(health, at(0)), expected, "{health:?}");
        }
    }

    #[test]
    fn failures_count_against_four_answers_on_credit() {
        let fast = AttemptEnding::Answered(Duration::from_millis(5));
        for (endings, expected) in [
            (vec![], 1.0),
            (vec![AttemptEnding::Failed], 4.0 / 5.0),
            (vec![AttemptEnding::Failed; 4], 0.5),
            (vec![AttemptEnding::Failed; 12], 0.25),
            (vec![AttemptEnding::Failed, fast, fast, fast], 7.0 / 8.0),
            (vec![AttemptEnding::Untold; 9], 1.0),
        ] {
            assert_score(&after(&endings), 0, expected);
        }
    }

    #[test]
    fn answers_slower_than_a_second_count_less() {
        let slow = |seconds| AttemptEnding::Answered(Duration::from_secs(seconds));
        for (endings, expected) in [
            (vec![slow(1); 100], 1.0),
            (vec![slow(5)], 1.0),
            (vec![slow(4); 4], 0.5),
            (vec![slow(10); 96], 100.0 / 960.0),
        ] {
            assert_score(&after(&endings), 0, expected);
        }
    }

    #[test]
    fn an_attempt_counts_half_as_much_half_a_minute_later() {
        let record = after(&[AttemptEnding::Failed; 12]);
        for (second, ended) in [(0, 12.0), (30, 6.0), (60, 3.0), (90, 1.5)] {
            assert_score(&record, second, 4.0 / (ended + 4.0));
        }
    }

    proptest! {
        #[test]
        fn who_gets_nothing_to_do_is_forgiven(failures in 1usize..500, latency in 0u64..100) {
            let mut record = after(&vec![AttemptEnding::Failed; failures]);
            record.finished(AttemptEnding::Answered(Duration::from_secs(latency)), at(0));
            let mut before = 0.0;
            for second in (0..900).step_by(10) {
                let score = record.score(Health::Healthy, at(second));
                prop_assert!((0.0..=1.0).contains(&score));
                prop_assert!(score >= before);
                before = score;
            }
            prop_assert!(before > 0.9, "{before}");
        }

        #[test]
        fn one_failure_never_excludes_one_that_does_well(answers in 0usize..100) {
            let mut record = after(&vec![AttemptEnding::Answered(Duration::ZERO); answers]);
            record.finished(AttemptEnding::Failed, at(0));
            prop_assert!(record.score(Health::Healthy, at(0)) > 0.5);
        }
    }
}
