//! What a finished attempt means for its message.

use crate::domain::fact::{Attempt, AttemptFailed, AttemptOutcome, DeadReason, Fact, Settlement};
use crate::domain::message::Message;
use crate::domain::timestamp::Timestamp;

use super::backoff::{Asked, Next, RetryPolicy};

/// The fact that follows from `attempt` (contract, section 4: hand-over, retry and dead letters).
/// `asked` is what the receiver wished for the next attempt; `random` is in 0..1.
pub fn verdict(
    policy: &RetryPolicy,
    message: &Message,
    attempt: Attempt,
    now: Timestamp,
    random: f64,
    asked: Option<Asked>,
) -> Fact {
    match attempt.outcome {
        AttemptOutcome::Delivered => Fact::Delivered(settle(message, now, Some(attempt), None)),
        AttemptOutcome::Rejected => dead(message, now, attempt, DeadReason::Rejected),
        AttemptOutcome::Failed | AttemptOutcome::LeaseExpired => {
            if message.is_expired(now) {
                return expired(message, now, Some(attempt));
            }
            match policy.after_failure(attempt.number, now, random, asked) {
                Next::RetryAt(retry_at) => Fact::AttemptFailed(AttemptFailed {
                    id: message.id,
                    attempt,
                    retry_at,
                }),
                Next::Exhausted => dead(message, now, attempt, DeadReason::AttemptsExhausted),
            }
        }
    }
}

/// The message outlived its ttl.
pub fn expired(message: &Message, now: Timestamp, attempt: Option<Attempt>) -> Fact {
    Fact::Expired(settle(message, now, attempt, Some(DeadReason::Expired)))
}

/// Somebody took the message back.
pub fn cancelled(message: &Message, now: Timestamp) -> Fact {
    Fact::Cancelled(settle(message, now, None, None))
}

fn dead(message: &Message, now: Timestamp, attempt: Attempt, reason: DeadReason) -> Fact {
    Fact::DeadLettered(settle(message, now, Some(attempt), Some(reason)))
}

fn settle(
    message: &Message,
    at: Timestamp,
    attempt: Option<Attempt>,
    reason: Option<DeadReason>,
) -> Settlement {
    Settlement {
        id: message.id,
        at,
        lane: message.lane(),
        attempt,
        reason,
    }
}
