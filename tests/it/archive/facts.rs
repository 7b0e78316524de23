//! Facts about messages with small numbers: message n is accepted n ms after the epoch, what
//! comes with attempt n happens n seconds after it.

use std::sync::Arc;

use message_hub::domain::attempt::{Attempt, AttemptOutcome};
use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::message::{
    AttemptFailed, DeadLetterDeleted, MessageFact, Redrive, Settlement,
};
use message_hub::domain::fact::service::{ServiceFact, ServiceSeen};
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::domain::ids::{InstanceId, MessageId, MessageType, Position, ServiceName};
use message_hub::domain::message::{Message, Priority, State};
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use uuid::Uuid;

pub(super) fn record(position: Position, fact: Fact) -> Recorded {
    Recorded { position, fact }
}

pub(super) fn id(number: u8) -> MessageId {
    MessageId(Uuid::from_u128(0xA0 + u128::from(number)))
}

pub(super) fn message(number: u8) -> Message {
    Message {
        id: id(number),
        destination: ServiceName::parse("billing").unwrap(),
        source: ServiceName::parse("orders").unwrap(),
        message_type: MessageType::parse("order.placed").unwrap(),
        priority: Priority::High,
        accepted_at: Timestamp::from_millis(number.into()),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(r#"{"total": 12}"#).unwrap(),
        extras: None,
    }
}

pub(super) fn accepted(number: u8) -> Fact {
    Fact::Message(MessageFact::Accepted(Arc::new(message(number))))
}

pub(super) fn failed(number: u8, attempt: u32) -> Fact {
    Fact::Message(MessageFact::AttemptFailed(AttemptFailed {
        id: id(number),
        attempt: finished(attempt, AttemptOutcome::Failed),
        retry_at: seconds(attempt + 1),
    }))
}

pub(super) fn delivered(number: u8, attempt: u32) -> Fact {
    let attempt = finished(attempt, AttemptOutcome::Delivered);
    Fact::Message(MessageFact::Delivered(settlement(
        number,
        attempt.at,
        Some(attempt),
        None,
    )))
}

pub(super) fn dead(number: u8, attempt: u32, reason: DeadReason) -> Fact {
    let attempt = finished(attempt, AttemptOutcome::Rejected);
    Fact::Message(MessageFact::DeadLettered(settlement(
        number,
        attempt.at,
        Some(attempt),
        Some(reason),
    )))
}

pub(super) fn expired(number: u8) -> Fact {
    Fact::Message(MessageFact::Expired(settlement(
        number,
        seconds(20),
        None,
        None,
    )))
}

pub(super) fn cancelled(number: u8) -> Fact {
    Fact::Message(MessageFact::Cancelled(settlement(
        number,
        seconds(30),
        None,
        None,
    )))
}

pub(super) fn deleted(number: u8) -> Fact {
    Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
        job: None,
        id: id(number),
        at: seconds(40),
    }))
}

pub(super) fn redriven(message: Message, times: u32) -> Fact {
    Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
        message,
        times,
        from: State::Dead,
        position: None,
        job: None,
    })))
}

pub(super) fn service_seen(name: &str) -> Fact {
    Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
        service: ServiceName::parse(name).unwrap(),
        at: seconds(1),
    }))
}

fn settlement(
    number: u8,
    at: Timestamp,
    attempt: Option<Attempt>,
    reason: Option<DeadReason>,
) -> Settlement {
    Settlement {
        id: id(number),
        at,
        lane: message(number).lane(),
        attempt,
        reason,
        holds_key: false,
    }
}

fn finished(number: u32, outcome: AttemptOutcome) -> Attempt {
    let is_delivered = outcome == AttemptOutcome::Delivered;
    Attempt {
        number,
        at: seconds(number),
        instance: Some(InstanceId::parse("billing-1").unwrap()),
        outcome,
        status_code: Some(if is_delivered { 204 } else { 503 }),
        duration_ms: 12,
        error: (!is_delivered).then(|| "503\nService \"Unavailable\"".to_owned()),
    }
}

fn seconds(count: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(count) * 1000)
}
