//! Facts for tests.

mod events;
mod raw;

pub use events::*;
pub use raw::*;

use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::circuit::{CircuitChanged, CircuitName, CircuitState, Forced};
use crate::domain::compaction_summary::{CompactionSummary, KnownId, MessageTotals};
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::fact::control::{ControlFact, QueueSwitched, QuotaSet, StrategyChosen};
use crate::domain::fact::message::{
    AttemptFailed, DeadLetterDeleted, MessageDeleted, MessageFact, MessagesRemoved, Redrive,
    Settlement,
};
use crate::domain::fact::service::{
    HealthChanged, InstanceDeregistered, InstanceWithdrawn, ServiceFact, ServiceGone, ServiceSeen,
    Withdrawal,
};
use crate::domain::ids::{InstanceId, JobId, MessageId, MessageType, ServiceName};
use crate::domain::message::{Extras, Fingerprint, Message, Priority, State};
use crate::domain::payload::Payload;
use crate::domain::quota::Quota;
use crate::domain::redrive::{ChosenLetters, JobStatus, RedriveJob};
use crate::domain::service::{Address, Health, Registration};
use crate::domain::strategy::Strategy as Balancing;
use crate::domain::timestamp::Timestamp;

pub fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn at(number: u128) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + number as i64)
}

fn service(number: u128) -> ServiceName {
    ServiceName::parse(&format!("service-{number}")).unwrap()
}

fn instance_id(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

pub fn known_id(number: u128) -> KnownId {
    KnownId {
        id: id(number).0,
        fingerprint: Fingerprint(Uuid::from_u128(number + 1)),
        at: at(number),
        end: None,
    }
}

/// Odd numbers have an id chosen by the client.
pub fn message(number: u128, payload: &str) -> Message {
    let fingerprint = Some(known_id(number).fingerprint).filter(|_| number % 2 == 1);
    let extras = Extras {
        fingerprint,
        ..Extras::default()
    };
    Message {
        id: id(number),
        destination: service(1),
        source: service(2),
        message_type: MessageType::parse("service_message").unwrap(),
        priority: Priority::Normal,
        accepted_at: at(number),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(payload).unwrap(),
        extras: Some(Box::new(extras)),
    }
}

pub fn accepted_with_payload(number: u128, payload: &str) -> Fact {
    Fact::Message(MessageFact::Accepted(Arc::new(message(number, payload))))
}

pub fn accepted(number: u128) -> Fact {
    accepted_with_payload(number, r#"{"text":"hello"}"#)
}

fn attempt(number: u32, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        number,
        at: at(1),
        instance: Some(instance_id("instance-1")),
        outcome,
        status_code: Some(503),
        duration_ms: 12,
        error: Some("no".into()),
    }
}

pub fn attempt_failed(number: u128, attempt_number: u32) -> Fact {
    Fact::Message(MessageFact::AttemptFailed(AttemptFailed {
        id: id(number),
        attempt: attempt(attempt_number, AttemptOutcome::Failed),
        retry_at: at(number),
    }))
}

fn settlement(number: u128) -> Settlement {
    Settlement {
        id: id(number),
        at: at(number),
        lane: message(number, "1").lane(),
        attempt: Some(attempt(1, AttemptOutcome::Delivered)),
        reason: None,
        holds_key: false,
    }
}

pub fn delivered(number: u128) -> Fact {
    Fact::Message(MessageFact::Delivered(settlement(number)))
}

/// The shortest there is of a message.
pub fn settled_without_attempt(number: u128) -> Fact {
    Fact::Message(MessageFact::Cancelled(Settlement {
        attempt: None,
        ..settlement(number)
    }))
}

pub fn dead_lettered(number: u128) -> Fact {
    Fact::Message(MessageFact::DeadLettered(Settlement {
        reason: Some(DeadReason::Rejected),
        ..settlement(number)
    }))
}

/// As [`dead_lettered`], and what shares its ordering key waits.
pub fn dead_lettered_holding(number: u128) -> Fact {
    Fact::Message(MessageFact::DeadLettered(Settlement {
        reason: Some(DeadReason::Rejected),
        holds_key: true,
        ..settlement(number)
    }))
}

pub fn expired(number: u128) -> Fact {
    Fact::Message(MessageFact::Expired(settlement(number)))
}

pub fn cancelled(number: u128) -> Fact {
    Fact::Message(MessageFact::Cancelled(settlement(number)))
}

pub fn redriven(number: u128, times: u32, from: State) -> Fact {
    Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
        message: message(number, r#"{"text":"again"}"#),
        times,
        from,
        position: None,
        job: None,
    })))
}

pub fn dead_letter_deleted(number: u128) -> Fact {
    Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
        id: id(number),
        at: at(number),
        job: None,
    }))
}

pub fn message_deleted(number: u128) -> Fact {
    Fact::Message(MessageFact::MessageDeleted(MessageDeleted {
        id: id(number),
        at: at(number),
    }))
}

pub fn messages_removed(through: u64) -> Fact {
    Fact::Message(MessageFact::MessagesRemoved(MessagesRemoved {
        at: at(through.into()),
        after: 0,
        through,
        settled_before: at(1),
    }))
}

pub fn service_seen(number: u128) -> Fact {
    Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
        service: service(number),
        at: at(number),
    }))
}

pub fn service_deregistered(number: u128) -> Fact {
    Fact::Service(ServiceFact::ServiceDeregistered(ServiceGone {
        service: service(number),
        at: at(number),
    }))
}

/// `port` tells registrations of one instance apart.
pub fn service_registered(number: u128, instance: &str, port: u16) -> Fact {
    Fact::Service(ServiceFact::ServiceRegistered(Arc::new(Registration {
        service: service(number),
        instance_id: instance_id(instance),
        registered_at: at(number),
        version: None,
        address: Some(Arc::new(Address {
            url: format!("http://localhost:{port}"),
            message_endpoint: "/messages".into(),
        })),
        health_check: None,
        max_in_flight: 8,
        endpoints: Vec::new(),
        metadata: None,
        weight: 1,
        capabilities: Vec::new(),
        ttl_ms: None,
        dependencies: Vec::new(),
    })))
}

/// Of the registration [`service_registered`] makes of the same number.
pub fn instance_withdrawn(number: u128, instance: &str) -> Fact {
    Fact::Service(ServiceFact::InstanceWithdrawn(InstanceWithdrawn {
        service: service(number),
        instance_id: instance_id(instance),
        registered_at: at(number),
        at: at(number),
        why: Withdrawal::Draining,
    }))
}

pub fn instance_deregistered(number: u128, instance: &str) -> Fact {
    Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
        service: service(number),
        instance_id: instance_id(instance),
        at: at(number),
        registered_at: None,
    }))
}

/// Means the registration [`service_registered`] makes of `registered`, of whichever service.
pub fn instance_expired(number: u128, instance: &str, registered: u128) -> Fact {
    Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
        service: service(number),
        instance_id: instance_id(instance),
        at: at(number),
        registered_at: Some(at(registered)),
    }))
}

pub fn health_changed(number: u128) -> Fact {
    Fact::Service(ServiceFact::HealthChanged(HealthChanged {
        service: service(number),
        instance_id: instance_id("a"),
        at: at(number),
        from: Health::Healthy,
        to: Health::Degraded,
        cause: "timeout".into(),
    }))
}

pub fn circuit_changed(number: u128, forced: bool) -> Fact {
    let forced = forced.then(|| Forced {
        by: Some(service(3)),
        reset_timeout_ms: Some(5),
    });
    Fact::Control(ControlFact::CircuitChanged(Arc::new(CircuitChanged {
        circuit: CircuitName::Service(service(number)),
        at: at(number),
        from: CircuitState::Closed,
        to: CircuitState::Open,
        reason: "maintenance".into(),
        forced,
    })))
}

pub fn strategy_chosen(number: u128) -> Fact {
    Fact::Control(ControlFact::StrategyChosen(StrategyChosen {
        service: service(number),
        at: at(number),
        strategy: Some(Balancing::Random),
    }))
}

pub fn quota_set(number: u128) -> Fact {
    let quota = Quota {
        send_rate: Some(2.5),
        ..Quota::default()
    };
    Fact::Control(ControlFact::QuotaSet(QuotaSet {
        service: service(number),
        at: at(number),
        quota: Some(quota),
    }))
}

pub fn queue_switched(number: Option<u128>, paused: bool) -> Fact {
    Fact::Control(ControlFact::QueueSwitched(QueueSwitched {
        service: number.map(service),
        at: at(1),
        paused,
        by: paused.then(|| "ops".to_owned()),
    }))
}

pub fn redrive_advanced(number: u128, status: JobStatus) -> Fact {
    Fact::Control(ControlFact::RedriveAdvanced(Arc::new(RedriveJob {
        events_before: Some(9),
        status,
        matched: 10,
        through: 7,
        redriven: 5,
        failed: 1,
        skipped: 1,
        counted: 3,
        ..RedriveJob::begun(JobId(Uuid::from_u128(number)), at(1), 200.0)
    })))
}

/// The first version of a job for three chosen dead letters.
pub fn redrive_chosen(number: u128) -> Fact {
    let job = JobId(Uuid::from_u128(number));
    Fact::Control(ControlFact::RedriveAdvanced(Arc::new(RedriveJob {
        chosen: Some(ChosenLetters::new((1..=3).map(id).collect())),
        destination: Some(service(2)),
        ..RedriveJob::begun(job, at(1), 200.0)
    })))
}

pub fn compaction_summary(numbers: std::ops::Range<u128>) -> Fact {
    let totals = MessageTotals {
        accepted: (numbers.end - numbers.start) as i64,
        delivered: 1,
        ..MessageTotals::default()
    };
    Fact::CompactionSummary(Arc::new(CompactionSummary {
        totals,
        known_ids: numbers.map(known_id).collect(),
        ..CompactionSummary::default()
    }))
}

pub fn one_of_each() -> Vec<Fact> {
    vec![
        accepted(1),
        attempt_failed(1, 1),
        delivered(1),
        dead_lettered(2),
        expired(3),
        cancelled(4),
        redriven(2, 1, State::Dead),
        dead_letter_deleted(3),
        service_seen(1),
        service_registered(1, "a", 1),
        instance_deregistered(1, "a"),
        service_deregistered(1),
        compaction_summary(10..12),
        health_changed(1),
        circuit_changed(1, true),
        strategy_chosen(1),
        quota_set(1),
        queue_switched(Some(1), true),
        redrive_advanced(1, JobStatus::Running),
        instance_withdrawn(1, "a"),
        event_published(1, 1),
        snapshot_taken(1, 1),
        events_removed(5),
        subscribed(1),
        unsubscribed(1),
        position_acked(1, 7),
        event_dead_lettered(1, 1),
        event_redriven(1, 1),
        event_delivered(1, 1),
        replay_advanced(1, false),
        message_deleted(4),
        messages_removed(7),
    ]
}

/// Any fact about one of few messages, services and instances, so that they meet often.
pub fn any_fact() -> impl Strategy<Value = Fact> {
    let few = 1..8_u128;
    let instance = prop_oneof![Just("a"), Just("b")];
    prop_oneof![
        6 => few.clone().prop_map(accepted),
        2 => (few.clone(), any_raw_payload()).prop_map(|(message, raw)| accepted_raw(message, raw)),
        1 => (few.clone(), any_raw_payload()).prop_map(|(message, raw)| redriven_raw(message, raw)),
        2 => (few.clone(), 1..5_u32).prop_map(|(message, number)| attempt_failed(message, number)),
        3 => few.clone().prop_map(delivered),
        1 => few.clone().prop_map(dead_lettered),
        1 => few.clone().prop_map(dead_lettered_holding),
        1 => few.clone().prop_map(expired),
        1 => few.clone().prop_map(cancelled),
        2 => (few.clone(), 1..4_u32).prop_map(|(message, times)| redriven(message, times, State::Dead)),
        1 => (few.clone(), 1..4_u32).prop_map(|(message, times)| redriven(message, times, State::Expired)),
        1 => few.prop_map(dead_letter_deleted),
        1 => (1..3_u128).prop_map(service_seen),
        2 => (1..3_u128, instance.clone(), 1..100_u16)
            .prop_map(|(name, instance, port)| service_registered(name, instance, port)),
        2 => (1..3_u128, instance.clone())
            .prop_map(|(name, instance)| instance_withdrawn(name, instance)),
        1 => (1..3_u128, instance.clone())
            .prop_map(|(name, instance)| instance_deregistered(name, instance)),
        1 => (1..3_u128, instance, 1..3_u128)
            .prop_map(|(name, instance, registered)| instance_expired(name, instance, registered)),
        1 => (1..3_u128).prop_map(service_deregistered),
        1 => (1..3_u128).prop_map(health_changed),
        1 => (1..3_u128, any::<bool>()).prop_map(|(name, forced)| circuit_changed(name, forced)),
        1 => (1..3_u128).prop_map(strategy_chosen),
        1 => (1..3_u128).prop_map(quota_set),
        1 => (prop::option::of(1..3_u128), any::<bool>())
            .prop_map(|(name, paused)| queue_switched(name, paused)),
        1 => (1..3_u128, prop_oneof![Just(JobStatus::Running), Just(JobStatus::Done)])
            .prop_map(|(job, status)| redrive_advanced(job, status)),
        1 => (1..3_u128).prop_map(redrive_chosen),
        1 => (20..25_u128).prop_map(|first| compaction_summary(first..first + 2)),
        2 => (1..3_u128, 1..9_u64).prop_map(|(stream, number)| event_published(stream, number)),
        1 => (1..3_u128, 1..9_u64).prop_map(|(stream, version)| snapshot_taken(stream, version)),
        1 => (1..9_u64).prop_map(events_removed),
        1 => (1..4_u128).prop_map(subscribed),
        1 => (1..4_u128).prop_map(unsubscribed),
        2 => (1..4_u128, 1..9_u64).prop_map(|(id, through)| position_acked(id, through)),
        1 => (1..3_u128, 1..4_u64).prop_map(|(id, number)| event_dead_lettered(id, number)),
        1 => (1..3_u128, 1..4_u64).prop_map(|(id, number)| event_redriven(id, number)),
        1 => (1..3_u128, 1..4_u64).prop_map(|(id, number)| event_delivered(id, number)),
        1 => (1..3_u128, any::<bool>()).prop_map(|(id, done)| replay_advanced(id, done)),
        1 => (1..8_u128).prop_map(message_deleted),
        1 => (1..9_u64).prop_map(messages_removed),
    ]
}
