//! What follows an attempt that is over, of a message or an event (docs/reference/deliveries.md).

use crate::domain::attempt::AttemptOutcome;
use crate::domain::dead_letter::DeadReason;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::{Next, RequestedDelay, RetryPolicy};

/// An attempt that is over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FinishedAttempt {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// 1 for the first; all before it failed.
    pub number: u32,
    /// When it ended.
    pub at: Timestamp,
    /// What the receiver wished for the next one.
    pub requested: Option<RequestedDelay>,
}

/// What follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing: it arrived.
    Delivered,
    /// Another attempt, not before then.
    RetryAt(Timestamp),
    /// No other; it is a dead letter.
    Dead(DeadReason),
}

impl FinishedAttempt {
    /// `random` is in 0..1.
    pub fn decide(&self, policy: &RetryPolicy, random: f64) -> Decision {
        match self.outcome {
            AttemptOutcome::Delivered => Decision::Delivered,
            AttemptOutcome::Rejected => Decision::Dead(DeadReason::Rejected),
            AttemptOutcome::Failed | AttemptOutcome::LeaseExpired => {
                match policy.after_failure(self.number, self.at, random, self.requested) {
                    Next::RetryAt(at) => Decision::RetryAt(at),
                    Next::Exhausted => Decision::Dead(DeadReason::AttemptsExhausted),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use AttemptOutcome::{Delivered, Failed, LeaseExpired, Rejected};

    #[test]
    fn an_outcome_and_its_number_decide_what_follows() {
        let at = |millis: i64| Timestamp::from_millis(1_780_000_000_000 + millis);
        let later = Some(RequestedDelay::AtLeast(Duration::from_secs(60)));
        let exhausted = Decision::Dead(DeadReason::AttemptsExhausted);
        for (outcome, number, requested, decision) in [
            (Delivered, 9, None, Decision::Delivered),
            (Rejected, 1, later, Decision::Dead(DeadReason::Rejected)),
            (Failed, 1, None, Decision::RetryAt(at(1_000))),
            (LeaseExpired, 4, None, Decision::RetryAt(at(8_000))),
            (Failed, 1, later, Decision::RetryAt(at(60_000))),
            (Failed, 5, later, exhausted),
            (LeaseExpired, 5, None, exhausted),
        ] {
            let attempt = FinishedAttempt {
                outcome,
                number,
                at: at(0),
                requested,
            };
            let found = attempt.decide(&RetryPolicy::default(), 0.0);
            assert_eq!(found, decision, "{attempt:?}");
        }
    }
}
