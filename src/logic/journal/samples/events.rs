//! Facts about events and subscriptions, for tests.

use std::sync::Arc;

use uuid::Uuid;

use super::{at, attempt, id, known_id, service};
use crate::domain::attempt::AttemptOutcome;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventExtras, EventId, Snapshot, StreamPlace};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{CorrelationId, EventType, JobId, Label, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{
    Callback, Channel, DeadEvent, EventDelivered, EventsRemoved, PositionAcked, Replay,
    ReplayFilter, SigningSecret, Subscription, SubscriptionId, Unsubscribed,
};

/// Odd numbers have an id chosen by the publisher.
pub fn event(stream: u128, number: u64) -> Event {
    let fingerprint = Some(known_id(number.into()).fingerprint).filter(|_| number % 2 == 1);
    Event {
        id: EventId(id(number.into()).0),
        sequence: number,
        event_type: EventType::parse("character.created").unwrap(),
        source: service(2),
        published_at: at(number.into()),
        stream: Some(StreamPlace {
            id: StreamId::parse(&format!("stream-{stream}")).unwrap(),
            version: number,
        }),
        correlation_id: Some(CorrelationId::parse("conversation").unwrap()),
        causation_id: None,
        payload: JsonText::parse(r#"{"name":"hero", "level": 1e400}"#).unwrap(),
        extras: Some(Box::new(EventExtras {
            metadata: Some(JsonText::parse("[1,2]").unwrap()),
            fingerprint,
            ..EventExtras::default()
        })),
    }
}

pub fn event_published(stream: u128, number: u64) -> Fact {
    Fact::Event(EventFact::EventPublished(Arc::new(event(stream, number))))
}

pub fn snapshot_taken(stream: u128, version: u64) -> Fact {
    Fact::Event(EventFact::SnapshotTaken(Arc::new(Snapshot {
        stream_id: StreamId::parse(&format!("stream-{stream}")).unwrap(),
        version,
        at: at(version.into()),
        state: JsonText::parse(r#"{"name": "hero"}"#).unwrap(),
    })))
}

pub fn events_removed(before: u64) -> Fact {
    Fact::Event(EventFact::EventsRemoved(EventsRemoved {
        at: at(before.into()),
        before,
    }))
}

fn subscription_id(number: u128) -> SubscriptionId {
    SubscriptionId(Uuid::from_u128(number))
}

/// Odd numbers are callbacks, even ones belong to sockets.
pub fn subscribed(number: u128) -> Fact {
    let callback = Channel::Callback(Callback {
        url: "http://127.0.0.1:9/events".into(),
        secret: SigningSecret::new("whsec_c2VjcmV0".into()),
        max_in_flight: 1,
        previous: None,
        durable: true,
    });
    let name = Label::parse("tail").unwrap();
    Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(Subscription {
        id: subscription_id(number),
        service: service(number),
        event_types: [Pattern::parse("character.*").unwrap()].into(),
        created_at: at(number),
        changed_at: at(number),
        after: 3,
        channel: match number % 2 {
            1 => callback,
            _ => Channel::Socket { name },
        },
        paused: None,
    })))
}

pub fn unsubscribed(number: u128) -> Fact {
    Fact::Subscription(SubscriptionFact::Unsubscribed(Unsubscribed {
        id: subscription_id(number),
        at: at(number),
    }))
}

pub fn position_acked(number: u128, through: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::PositionAcked(PositionAcked {
        id: subscription_id(number),
        at: at(number),
        through,
    }))
}

fn dead_event(subscription: u128, number: u64) -> Arc<DeadEvent> {
    let (event, subscription_id) = (event(1, number), subscription_id(subscription));
    Arc::new(DeadEvent {
        id: subscription_id.dead_event_id(&event),
        subscription_id,
        service: service(subscription),
        event: Arc::new(event),
        at: at(number.into()),
        reason: DeadReason::AttemptsExhausted,
        attempts: vec![attempt(1, AttemptOutcome::Failed)],
        redriven: 0,
        job: None,
    })
}

pub fn event_dead_lettered(subscription: u128, number: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event(
        subscription,
        number,
    )))
}

pub fn event_redriven(subscription: u128, number: u64) -> Fact {
    Fact::Subscription(SubscriptionFact::EventRedriven(dead_event(
        subscription,
        number,
    )))
}

pub fn event_delivered(subscription: u128, number: u64) -> Fact {
    let dead_event = dead_event(subscription, number);
    Fact::Subscription(SubscriptionFact::EventDelivered(EventDelivered {
        id: dead_event.id,
        subscription_id: dead_event.subscription_id,
        at: dead_event.at,
        attempt: attempt(2, AttemptOutcome::Delivered),
    }))
}

pub fn replay_advanced(number: u128, done: bool) -> Fact {
    Fact::Subscription(SubscriptionFact::ReplayAdvanced(Arc::new(Replay {
        id: JobId(Uuid::from_u128(number)),
        subscription_id: subscription_id(number),
        started_at: at(number),
        at: at(number),
        filter: ReplayFilter::default(),
        next: 4,
        to: 9,
        left: None,
        rate: Some(10.0),
        done,
    })))
}
