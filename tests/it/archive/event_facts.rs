//! Facts about events: event n has the sequence n and is published n seconds after the epoch.

use std::sync::Arc;

use message_hub::domain::attempt::{Attempt, AttemptOutcome};
use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::event::{Event, EventId, Snapshot, StreamPlace};
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::event::EventFact;
use message_hub::domain::fact::subscription::SubscriptionFact;
use message_hub::domain::ids::{EventType, MessageId, ServiceName, StreamId};
use message_hub::domain::json_text::JsonText;
use message_hub::domain::subscription::{DeadEvent, EventDelivered, EventsRemoved, SubscriptionId};
use message_hub::domain::timestamp::Timestamp;
use uuid::Uuid;

pub(super) fn event_id(number: u64) -> EventId {
    EventId(Uuid::from_u128(0xE000 + u128::from(number)))
}

pub(super) fn event(number: u64) -> Event {
    Event {
        id: event_id(number),
        sequence: number,
        event_type: EventType::parse("order.placed").unwrap(),
        source: ServiceName::parse("orders").unwrap(),
        published_at: seconds(number),
        stream: None,
        correlation_id: None,
        causation_id: None,
        payload: JsonText::parse(r#"{"total": 12}"#).unwrap(),
        extras: None,
    }
}

pub(super) fn of_type(mut event: Event, name: &str) -> Event {
    event.event_type = EventType::parse(name).unwrap();
    event
}

pub(super) fn in_stream(mut event: Event, stream: &str, version: u64) -> Event {
    let id = StreamId::parse(stream).unwrap();
    event.stream = Some(StreamPlace { id, version });
    event
}

pub(super) fn published(event: Event) -> Fact {
    Fact::Event(EventFact::EventPublished(Arc::new(event)))
}

pub(super) fn events_removed(before: u64) -> Fact {
    let at = seconds(before);
    Fact::Event(EventFact::EventsRemoved(EventsRemoved { at, before }))
}

pub(super) fn snapshot(stream: &str, version: u64) -> Snapshot {
    Snapshot {
        stream_id: StreamId::parse(stream).unwrap(),
        version,
        at: seconds(version),
        state: JsonText::parse(&format!(r#"{{"version": {version}}}"#)).unwrap(),
    }
}

pub(super) fn snapshot_taken(stream: &str, version: u64) -> Fact {
    Fact::Event(EventFact::SnapshotTaken(Arc::new(snapshot(
        stream, version,
    ))))
}

pub(super) fn dead_event_id(number: u64) -> MessageId {
    subscription().dead_event_id(&event(number))
}

/// What is left of event `number`, dead a second after it was published.
pub(super) fn dead_event(number: u64, reason: DeadReason) -> DeadEvent {
    DeadEvent {
        id: dead_event_id(number),
        subscription_id: subscription(),
        service: ServiceName::parse("billing").unwrap(),
        event: Arc::new(event(number)),
        at: seconds(number + 1),
        reason,
        attempts: vec![attempt(number)],
        redriven: 0,
        job: None,
    }
}

pub(super) fn event_died(dead_event: DeadEvent) -> Fact {
    Fact::Subscription(SubscriptionFact::EventDeadLettered(Arc::new(dead_event)))
}

pub(super) fn event_redriven(number: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventRedriven(Arc::new(dead_event(
        number,
        DeadReason::Rejected,
    ))))
}

pub(super) fn event_delivered(number: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventDelivered(EventDelivered {
        id: dead_event_id(number),
        subscription_id: subscription(),
        at: seconds(number + 2),
        attempt: attempt(number),
    }))
}

fn subscription() -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(0x5000))
}

fn attempt(number: u64) -> Attempt {
    Attempt {
        number: 1,
        at: seconds(number),
        instance: None,
        outcome: AttemptOutcome::Rejected,
        status_code: Some(400),
        duration_ms: 7,
        error: Some("400 \"no\"".to_owned()),
    }
}

fn seconds(count: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(count).unwrap() * 1000)
}
