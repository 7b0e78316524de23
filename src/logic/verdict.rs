//! What a finished attempt means for its message.

use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{AttemptFailed, MessageFact, Settlement};
use crate::domain::message::Message;
use crate::domain::timestamp::Timestamp;

use super::backoff::{RequestedDelay, RetryPolicy};
use super::delivery::decision::{Decision, FinishedAttempt};

/// The fact that follows from `attempt`.
/// `now` is by the system's clock, and its ttl may be over by then.
/// `asked` is what the receiver wished for the next attempt; `random` is in 0..1.
pub fn verdict(
    policy: &RetryPolicy,
    message: &Message,
    attempt: Attempt,
    (now, is_expired): (Timestamp, bool),
    random: f64,
    asked: Option<RequestedDelay>,
) -> Fact {
    let has_failed = !matches!(
        attempt.outcome,
        AttemptOutcome::Delivered | AttemptOutcome::Rejected
    );
    if has_failed && is_expired {
        return expired(policy, message, now, Some(attempt));
    }
    let finished = FinishedAttempt {
        outcome: attempt.outcome,
        number: attempt.number,
        at: now,
        requested: asked,
    };
    match finished.decide(policy, random) {
        Decision::Delivered => {
            Fact::Message(MessageFact::Delivered(settle(message, now, Some(attempt))))
        }
        Decision::RetryAt(retry_at) => Fact::Message(MessageFact::AttemptFailed(AttemptFailed {
            id: message.id,
            attempt,
            retry_at,
        })),
        Decision::Dead(reason) => dead(policy, message, now, attempt, reason),
    }
}

/// So many consumers in a row were lost with the message that it is given up. The last of them is
/// an attempt, so that its error tells why.
pub fn exhausted_by_losses(
    policy: &RetryPolicy,
    message: &Message,
    (lost, number): (u32, u32),
    handed_out: Timestamp,
    now: Timestamp,
) -> Fact {
    let attempt = Attempt {
        error: Some(lost_in_words(lost)),
        ..Attempt::ended(number, AttemptOutcome::Failed, handed_out, now.into())
    };
    dead(policy, message, now, attempt, DeadReason::AttemptsExhausted)
}

/// Why something was given up that no consumer refused.
pub fn lost_in_words(lost: u32) -> String {
    format!("handed out {lost} times in a row to consumers that were lost with it (delivery_limit)")
}

/// The message outlived its ttl.
pub fn expired(
    policy: &RetryPolicy,
    message: &Message,
    now: Timestamp,
    attempt: Option<Attempt>,
) -> Fact {
    Fact::Message(MessageFact::Expired(given_up(
        policy,
        message,
        now,
        attempt,
        DeadReason::Expired,
    )))
}

/// Somebody took the message back.
pub fn cancelled(message: &Message, now: Timestamp) -> Fact {
    Fact::Message(MessageFact::Cancelled(settle(message, now, None)))
}

fn dead(
    policy: &RetryPolicy,
    message: &Message,
    now: Timestamp,
    attempt: Attempt,
    reason: DeadReason,
) -> Fact {
    Fact::Message(MessageFact::DeadLettered(given_up(
        policy,
        message,
        now,
        Some(attempt),
        reason,
    )))
}

fn given_up(
    policy: &RetryPolicy,
    message: &Message,
    at: Timestamp,
    attempt: Option<Attempt>,
    reason: DeadReason,
) -> Settlement {
    Settlement {
        reason: Some(reason),
        holds_key: policy.hold_keys && message.ordering_key().is_some(),
        ..settle(message, at, attempt)
    }
}

fn settle(message: &Message, at: Timestamp, attempt: Option<Attempt>) -> Settlement {
    Settlement {
        id: message.id,
        at,
        lane: message.lane(),
        attempt,
        reason: None,
        holds_key: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use AttemptOutcome::{Delivered, Failed, LeaseExpired, Rejected};
    use proptest::prelude::*;
    use std::time::Duration;

    const TTL: i64 = 60_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + millis)
    }

    /// Expires at [`TTL`].
    fn message() -> Message {
        Message {
            expires_at: Some(at(TTL)),
            ..samples::message(1, "1")
        }
    }

    /// When that is, and whether the message has expired by then.
    fn by(millis: i64) -> (Timestamp, bool) {
        (at(millis), millis >= TTL)
    }

    fn attempt(number: u32, outcome: AttemptOutcome) -> Attempt {
        Attempt {
            number,
            at: at(0),
            instance: None,
            outcome,
            status_code: None,
            duration_ms: 7,
            error: None,
        }
    }

    fn judge(number: u32, outcome: AttemptOutcome, millis: i64) -> Fact {
        let policy = RetryPolicy::default();
        let attempt = attempt(number, outcome);
        verdict(&policy, &message(), attempt, by(millis), 0.0, None)
    }

    fn reason(fact: &Fact) -> Option<DeadReason> {
        fact.settlement()?.1.reason
    }

    #[test]
    fn a_delivery_counts_even_after_the_ttl_and_as_the_last_attempt() {
        for (number, millis) in [(1, 0), (1, TTL), (99, 0)] {
            let fact = judge(number, Delivered, millis);
            assert!(
                matches!(fact, Fact::Message(MessageFact::Delivered(_))),
                "{fact:?}"
            );
            assert_eq!(reason(&fact), None);
        }
    }

    #[test]
    fn a_rejected_message_is_dead_at_once() {
        for millis in [0, TTL] {
            let fact = judge(1, Rejected, millis);
            assert!(
                matches!(fact, Fact::Message(MessageFact::DeadLettered(_))),
                "{fact:?}"
            );
            assert_eq!(reason(&fact), Some(DeadReason::Rejected));
        }
    }

    #[test]
    fn a_failure_is_tried_again_until_the_fifth() {
        for outcome in [Failed, LeaseExpired] {
            for (number, retry_at) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000)] {
                let Fact::Message(MessageFact::AttemptFailed(failed)) = judge(number, outcome, 0)
                else {
                    panic!("attempt {number} was the last");
                };
                assert_eq!(failed.retry_at, at(retry_at));
                assert_eq!(failed.attempt, attempt(number, outcome));
            }
            let fact = judge(5, outcome, 0);
            assert!(
                matches!(fact, Fact::Message(MessageFact::DeadLettered(_))),
                "{fact:?}"
            );
            assert_eq!(reason(&fact), Some(DeadReason::AttemptsExhausted));
        }
    }

    #[test]
    fn a_failure_after_the_ttl_expires_the_message_even_if_it_is_the_last() {
        for number in [1, 5] {
            let fact = judge(number, Failed, TTL);
            assert!(
                matches!(fact, Fact::Message(MessageFact::Expired(_))),
                "{fact:?}"
            );
            assert_eq!(reason(&fact), Some(DeadReason::Expired));
            assert!(matches!(
                judge(1, Failed, TTL - 1),
                Fact::Message(MessageFact::AttemptFailed(_))
            ));
        }
    }

    #[test]
    fn listens_to_the_receiver_while_attempts_are_left() {
        let policy = RetryPolicy::default();
        let asked = Some(RequestedDelay::Exactly(Duration::from_secs(20)));
        let judge = |number| {
            let attempt = attempt(number, Failed);
            verdict(&policy, &message(), attempt, by(0), 0.0, asked)
        };
        let Fact::Message(MessageFact::AttemptFailed(failed)) = judge(1) else {
            panic!("the first attempt was the last");
        };
        assert_eq!(failed.retry_at, at(20_000));
        assert!(matches!(
            judge(5),
            Fact::Message(MessageFact::DeadLettered(_))
        ));
    }

    #[test]
    fn a_cancelled_message_has_no_attempt_and_is_no_dead_letter() {
        let Fact::Message(MessageFact::Cancelled(settlement)) = cancelled(&message(), at(3)) else {
            panic!("not cancelled");
        };
        assert_eq!((settlement.attempt, settlement.reason), (None, None));
        assert_eq!((settlement.id, settlement.at), (message().id, at(3)));
    }

    proptest! {
        #[test]
        fn every_verdict_names_its_message_and_keeps_the_attempt(
            number in 1..9_u32, millis in 0..2 * TTL, random: f64,
            outcome in prop::sample::select(vec![Delivered, Failed, Rejected, LeaseExpired]),
        ) {
            let attempt = attempt(number, outcome);
            let policy = RetryPolicy::default();
            let fact = verdict(&policy, &message(), attempt.clone(), by(millis), random, None);
            prop_assert_eq!(fact.message_id(), Some(message().id));
            if let Some((_, settlement)) = fact.settlement() {
                prop_assert_eq!(&settlement.lane, &message().lane());
                prop_assert_eq!(settlement.at, at(millis));
                prop_assert_eq!(settlement.attempt.as_ref(), Some(&attempt));
            } else if let Fact::Message(MessageFact::AttemptFailed(failed)) = &fact {
                prop_assert!(failed.retry_at > at(millis) && number < policy.max_attempts);
                prop_assert_eq!(&failed.attempt, &attempt);
            }
        }
    }
}
