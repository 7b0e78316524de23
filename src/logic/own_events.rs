//! The hub's own events: what it tells its subscribers about services, circuits and messages
//! (docs/reference/events.md). Each follows from a fact and is written in the same batch.

use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventId};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::{MessageFact, Settlement};
use crate::domain::fact::service::ServiceFact;
use crate::domain::ids::{
    CorrelationId, EventType, InstanceId, Label, MessageId, MessageType, ServiceName, THE_HUB,
};
use crate::domain::json_text::JsonText;
use crate::domain::service::Registration;
use crate::domain::timestamp::Timestamp;

/// Names each type once, so that none can be published by the hub and be free to others.
macro_rules! own_types {
    ($($(#[$doc:meta])* $kind:ident => $name:literal),+ $(,)?) => {
        /// What only the hub publishes: who asks for these types takes them for its word.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum OwnType {
            $($(#[$doc])* $kind),+
        }

        impl OwnType {
            /// All there are, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The type of such an event, as subscribers ask for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),+
                }
            }
        }
    };
}

own_types! {
    /// An instance is there that was not.
    ServiceRegistered => "service.registered",
    /// An instance left, or the service with all of them.
    ServiceDeregistered => "service.deregistered",
    /// An instance is well, or not, in another way than before.
    HealthChanged => "service.health_changed",
    /// A circuit is in another state, by itself or forced.
    CircuitChanged => "circuit.state_changed",
    /// A message died or expired.
    DeadLettered => "message.dead_lettered",
    /// A callback does not take what it is sent; told once until it takes something again.
    SubscriptionFailing => "subscription.failing",
    /// What a callback is called with when somebody tests it; in no order of events.
    CallbackTested => "message-hub.test",
}

/// Whether only the hub publishes events of this type.
pub fn is_own_type(event_type: &str) -> bool {
    OwnType::ALL.iter().any(|own| own.name() == event_type)
}

/// What the hub says about a fact, if it says anything. The event has no place in the order of
/// events yet; `random` fills its id.
pub fn own_event(fact: &Fact, now: Timestamp, random: impl FnOnce() -> [u8; 10]) -> Option<Event> {
    let event = |own: OwnType, payload: JsonText| of_hub(own, payload, now, random());
    match fact {
        Fact::Service(fact) => {
            let (own, payload) = of_service(fact)?;
            Some(event(own, payload))
        }
        Fact::Control(ControlFact::CircuitChanged(changed)) => {
            Some(event(OwnType::CircuitChanged, json(&**changed)))
        }
        Fact::Message(MessageFact::DeadLettered(settlement) | MessageFact::Expired(settlement)) => {
            let payload = json(&DeadLettered::of(settlement));
            let message = settlement.id.to_string();
            Some(Event {
                // So that it is found with the messages of a conversation that has no other name.
                correlation_id: CorrelationId::parse(&message).ok(),
                causation_id: Label::parse(&message).ok(),
                ..event(OwnType::DeadLettered, payload)
            })
        }
        _ => None,
    }
}

fn of_service(fact: &ServiceFact) -> Option<(OwnType, JsonText)> {
    let deregistered = |service, instance_id, at| {
        let payload = json(&Deregistered {
            service,
            instance_id,
            at,
        });
        (OwnType::ServiceDeregistered, payload)
    };
    match fact {
        ServiceFact::ServiceRegistered(registration) => {
            let payload = json(&Registered::of(registration));
            Some((OwnType::ServiceRegistered, payload))
        }
        ServiceFact::InstanceDeregistered(gone) => {
            let instance = Some(&gone.instance_id);
            Some(deregistered(&gone.service, instance, gone.at))
        }
        ServiceFact::ServiceDeregistered(gone) => Some(deregistered(&gone.service, None, gone.at)),
        ServiceFact::HealthChanged(changed) => Some((OwnType::HealthChanged, json(changed))),
        ServiceFact::ServiceSeen(_) | ServiceFact::InstanceWithdrawn(_) => None,
    }
}

/// An event of the hub, with no place in the order of events yet.
pub fn of_hub(own: OwnType, payload: JsonText, now: Timestamp, random: [u8; 10]) -> Event {
    Event {
        id: EventId::generate(now, random),
        sequence: 0,
        event_type: EventType::parse_interned(own.name()).expect("the types here are labels"),
        source: ServiceName::parse(THE_HUB).expect("a service name"),
        published_at: now,
        stream: None,
        correlation_id: None,
        causation_id: None,
        payload,
        extras: None,
    }
}

fn json<T: Serialize>(value: &T) -> JsonText {
    JsonText::new(to_raw_value(value).expect("plain data with names for keys is JSON"))
}

#[derive(Serialize)]
struct Registered<'a> {
    service: &'a ServiceName,
    instance_id: &'a InstanceId,
    version: Option<&'a Label>,
    /// Missing: it asks for its messages.
    url: Option<&'a str>,
    message_endpoint: Option<&'a str>,
    capabilities: &'a [MessageType],
    weight: u32,
    at: Timestamp,
}

impl<'a> Registered<'a> {
    fn of(registration: &'a Registration) -> Self {
        let address = registration.address.as_deref();
        Self {
            service: &registration.service,
            instance_id: &registration.instance_id,
            version: registration.version.as_ref(),
            url: address.map(|address| address.url.as_str()),
            message_endpoint: address.map(|address| address.message_endpoint.as_str()),
            capabilities: &registration.capabilities,
            weight: registration.weight,
            at: registration.registered_at,
        }
    }
}

#[derive(Serialize)]
struct Deregistered<'a> {
    service: &'a ServiceName,
    /// Missing: all of them.
    instance_id: Option<&'a InstanceId>,
    at: Timestamp,
}

#[derive(Serialize)]
struct DeadLettered<'a> {
    message_id: MessageId,
    destination: &'a ServiceName,
    reason: Option<DeadReason>,
    /// Missing if the message ended while it waited: the message itself tells its attempts.
    attempts: Option<u32>,
    last_error: Option<&'a str>,
    at: Timestamp,
}

impl<'a> DeadLettered<'a> {
    fn of(settlement: &'a Settlement) -> Self {
        let attempt = settlement.attempt.as_ref();
        Self {
            message_id: settlement.id,
            destination: &settlement.lane.destination,
            reason: settlement.reason,
            attempts: attempt.map(|attempt| attempt.number),
            last_error: attempt.and_then(|attempt| attempt.error.as_deref()),
            at: settlement.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use serde_json::{Value, json};

    const NOW: i64 = 1_780_000_000_500;

    fn told(fact: &Fact) -> Option<(String, Value)> {
        let event = own_event(fact, Timestamp::from_millis(NOW), || [7; 10])?;
        assert_eq!(event.source.as_str(), THE_HUB);
        assert!(event.id.is_generated());
        let payload = serde_json::from_str(event.payload.as_json()).unwrap();
        Some((event.event_type.to_string(), payload))
    }

    #[test]
    fn each_kind_of_news_has_its_type_and_says_what_happened() {
        let at = "2026-05-28T20:26:40.001Z";
        for (fact, event_type, payload) in [
            (
                samples::service_registered(1, "a", 80),
                "service.registered",
                json!({
                    "service": "service-1", "instance_id": "a", "version": null,
                    "url": "http://localhost:80", "message_endpoint": "/messages",
                    "capabilities": [], "weight": 1, "at": at,
                }),
            ),
            (
                samples::instance_deregistered(1, "a"),
                "service.deregistered",
                json!({"service": "service-1", "instance_id": "a", "at": at}),
            ),
            (
                samples::service_deregistered(1),
                "service.deregistered",
                json!({"service": "service-1", "instance_id": null, "at": at}),
            ),
            (
                samples::health_changed(1),
                "service.health_changed",
                json!({
                    "service": "service-1", "instance_id": "a", "from": "healthy",
                    "to": "degraded", "cause": "timeout", "at": at,
                }),
            ),
            (
                samples::circuit_changed(1, true),
                "circuit.state_changed",
                json!({
                    "service": "service-1", "from": "CLOSED", "to": "OPEN",
                    "reason": "maintenance", "at": at,
                    "forced": {"by": "service-3", "reset_timeout_ms": 5},
                }),
            ),
            (
                samples::dead_lettered(1),
                "message.dead_lettered",
                json!({
                    "message_id": samples::id(1), "destination": "service-1",
                    "reason": "rejected", "attempts": 1, "last_error": "no", "at": at,
                }),
            ),
        ] {
            assert_eq!(told(&fact), Some((event_type.to_owned(), payload)));
        }
    }

    #[test]
    fn a_dead_letter_is_caused_by_its_message() {
        for fact in [samples::dead_lettered(3), samples::expired(3)] {
            let event = own_event(&fact, Timestamp::from_millis(NOW), || [0; 10]).unwrap();
            let cause = event.causation_id.unwrap();
            assert_eq!(cause.as_str(), samples::id(3).to_string());
        }
    }

    #[test]
    fn nothing_else_is_told() {
        for fact in samples::one_of_each() {
            let is_news = matches!(
                fact,
                Fact::Service(
                    ServiceFact::ServiceRegistered(_)
                        | ServiceFact::InstanceDeregistered(_)
                        | ServiceFact::ServiceDeregistered(_)
                        | ServiceFact::HealthChanged(_)
                ) | Fact::Control(ControlFact::CircuitChanged(_))
                    | Fact::Message(MessageFact::DeadLettered(_) | MessageFact::Expired(_))
            );
            assert_eq!(told(&fact).is_some(), is_news, "{fact:?}");
        }
    }
}
