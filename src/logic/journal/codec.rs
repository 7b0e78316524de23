//! Facts as JSON bodies, each marked with a kind and a version that never change their meaning.

use serde::{Deserialize, Serialize};

use super::bounds;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::fact::subscription::SubscriptionFact;

/// The version this hub writes, the same for all kinds so far.
pub const VERSION: u8 = 1;

/// What a record is about. The numbers are on disk: add, never change or reuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    Accepted = 1,
    AttemptFailed = 2,
    Delivered = 3,
    DeadLettered = 4,
    Expired = 5,
    Cancelled = 6,
    Redriven = 7,
    DeadLetterDeleted = 8,
    ServiceSeen = 9,
    ServiceRegistered = 10,
    InstanceDeregistered = 11,
    ServiceDeregistered = 12,
    CompactionSummary = 13,
    HealthChanged = 14,
    CircuitChanged = 15,
    StrategyChosen = 16,
    QuotaSet = 17,
    QueueSwitched = 18,
    RedriveAdvanced = 19,
    InstanceWithdrawn = 20,
    EventPublished = 21,
    SnapshotTaken = 22,
    EventsRemoved = 23,
    Subscribed = 24,
    Unsubscribed = 25,
    PositionAcked = 26,
    EventDeadLettered = 27,
    EventRedriven = 28,
    EventDelivered = 29,
    ReplayAdvanced = 30,
    MessageDeleted = 31,
    MessagesRemoved = 32,
}

/// Why a record with a right checksum cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("record of unknown kind {kind} version {version}, written by a newer message-hub,")]
    Unknown { kind: u8, version: u8 },
    #[error("{} record is not readable ({cause})", kind.name())]
    Body {
        kind: Kind,
        cause: serde_json::Error,
    },
}

impl Kind {
    /// In the order of their numbers, from 1.
    pub const ALL: [Self; 32] = [
        Self::Accepted,
        Self::AttemptFailed,
        Self::Delivered,
        Self::DeadLettered,
        Self::Expired,
        Self::Cancelled,
        Self::Redriven,
        Self::DeadLetterDeleted,
        Self::ServiceSeen,
        Self::ServiceRegistered,
        Self::InstanceDeregistered,
        Self::ServiceDeregistered,
        Self::CompactionSummary,
        Self::HealthChanged,
        Self::CircuitChanged,
        Self::StrategyChosen,
        Self::QuotaSet,
        Self::QueueSwitched,
        Self::RedriveAdvanced,
        Self::InstanceWithdrawn,
        Self::EventPublished,
        Self::SnapshotTaken,
        Self::EventsRemoved,
        Self::Subscribed,
        Self::Unsubscribed,
        Self::PositionAcked,
        Self::EventDeadLettered,
        Self::EventRedriven,
        Self::EventDelivered,
        Self::ReplayAdvanced,
        Self::MessageDeleted,
        Self::MessagesRemoved,
    ];

    pub fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Message(MessageFact::Accepted(_)) => Self::Accepted,
            Fact::Message(MessageFact::AttemptFailed(_)) => Self::AttemptFailed,
            Fact::Message(MessageFact::Delivered(_)) => Self::Delivered,
            Fact::Message(MessageFact::DeadLettered(_)) => Self::DeadLettered,
            Fact::Message(MessageFact::Expired(_)) => Self::Expired,
            Fact::Message(MessageFact::Cancelled(_)) => Self::Cancelled,
            Fact::Message(MessageFact::Redriven(_)) => Self::Redriven,
            Fact::Message(MessageFact::DeadLetterDeleted(_)) => Self::DeadLetterDeleted,
            Fact::Service(ServiceFact::ServiceSeen(_)) => Self::ServiceSeen,
            Fact::Service(ServiceFact::ServiceRegistered(_)) => Self::ServiceRegistered,
            Fact::Service(ServiceFact::InstanceDeregistered(_)) => Self::InstanceDeregistered,
            Fact::Service(ServiceFact::ServiceDeregistered(_)) => Self::ServiceDeregistered,
            Fact::CompactionSummary(_) => Self::CompactionSummary,
            Fact::Service(ServiceFact::HealthChanged(_)) => Self::HealthChanged,
            Fact::Control(ControlFact::CircuitChanged(_)) => Self::CircuitChanged,
            Fact::Control(ControlFact::StrategyChosen(_)) => Self::StrategyChosen,
            Fact::Control(ControlFact::QuotaSet(_)) => Self::QuotaSet,
            Fact::Control(ControlFact::QueueSwitched(_)) => Self::QueueSwitched,
            Fact::Control(ControlFact::RedriveAdvanced(_)) => Self::RedriveAdvanced,
            Fact::Service(ServiceFact::InstanceWithdrawn(_)) => Self::InstanceWithdrawn,
            Fact::Event(EventFact::EventPublished(_)) => Self::EventPublished,
            Fact::Event(EventFact::SnapshotTaken(_)) => Self::SnapshotTaken,
            Fact::Event(EventFact::EventsRemoved(_)) => Self::EventsRemoved,
            Fact::Subscription(SubscriptionFact::Subscribed(_)) => Self::Subscribed,
            Fact::Subscription(SubscriptionFact::Unsubscribed(_)) => Self::Unsubscribed,
            Fact::Subscription(SubscriptionFact::PositionAcked(_)) => Self::PositionAcked,
            Fact::Subscription(SubscriptionFact::EventDeadLettered(_)) => Self::EventDeadLettered,
            Fact::Subscription(SubscriptionFact::EventRedriven(_)) => Self::EventRedriven,
            Fact::Subscription(SubscriptionFact::EventDelivered(_)) => Self::EventDelivered,
            Fact::Subscription(SubscriptionFact::ReplayAdvanced(_)) => Self::ReplayAdvanced,
            Fact::Message(MessageFact::MessageDeleted(_)) => Self::MessageDeleted,
            Fact::Message(MessageFact::MessagesRemoved(_)) => Self::MessagesRemoved,
        }
    }

    pub fn from_number(number: u8) -> Option<Self> {
        let index = usize::from(number).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// As `wal export` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AttemptFailed => "attempt_failed",
            Self::Delivered => "delivered",
            Self::DeadLettered => "dead_lettered",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Redriven => "redriven",
            Self::DeadLetterDeleted => "dead_letter_deleted",
            Self::ServiceSeen => "service_seen",
            Self::ServiceRegistered => "service_registered",
            Self::InstanceDeregistered => "instance_deregistered",
            Self::ServiceDeregistered => "service_deregistered",
            Self::CompactionSummary => "carried",
            Self::HealthChanged => "health_changed",
            Self::CircuitChanged => "circuit_changed",
            Self::StrategyChosen => "strategy_chosen",
            Self::QuotaSet => "quota_set",
            Self::QueueSwitched => "queue_switched",
            Self::RedriveAdvanced => "redrive_advanced",
            Self::InstanceWithdrawn => "instance_withdrawn",
            Self::EventPublished => "event_published",
            Self::SnapshotTaken => "snapshot_taken",
            Self::EventsRemoved => "events_removed",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::PositionAcked => "position_acked",
            Self::EventDeadLettered => "event_dead_lettered",
            Self::EventRedriven => "event_redriven",
            Self::EventDelivered => "event_delivered",
            Self::ReplayAdvanced => "replay_advanced",
            Self::MessageDeleted => "message_deleted",
            Self::MessagesRemoved => "messages_removed",
        }
    }
}

/// Appends the JSON of what `fact` holds.
pub fn encode_body(buffer: &mut Vec<u8>, fact: &Fact) {
    match fact {
        Fact::Message(MessageFact::Accepted(message)) => write(buffer, message),
        Fact::Message(MessageFact::AttemptFailed(failed)) => write(buffer, failed),
        Fact::Message(MessageFact::Delivered(settlement))
        | Fact::Message(MessageFact::DeadLettered(settlement))
        | Fact::Message(MessageFact::Expired(settlement))
        | Fact::Message(MessageFact::Cancelled(settlement)) => write(buffer, settlement),
        Fact::Message(MessageFact::Redriven(redrive)) => write(buffer, redrive),
        Fact::Message(MessageFact::DeadLetterDeleted(deleted)) => write(buffer, deleted),
        Fact::Service(ServiceFact::ServiceSeen(seen))
        | Fact::Service(ServiceFact::ServiceDeregistered(seen)) => write(buffer, seen),
        Fact::Service(ServiceFact::ServiceRegistered(registration)) => write(buffer, registration),
        Fact::Service(ServiceFact::InstanceDeregistered(gone)) => write(buffer, gone),
        Fact::CompactionSummary(summary) => write(buffer, summary),
        Fact::Service(ServiceFact::HealthChanged(changed)) => write(buffer, changed),
        Fact::Control(ControlFact::CircuitChanged(changed)) => write(buffer, changed),
        Fact::Control(ControlFact::StrategyChosen(chosen)) => write(buffer, chosen),
        Fact::Control(ControlFact::QuotaSet(set)) => write(buffer, set),
        Fact::Control(ControlFact::QueueSwitched(switched)) => write(buffer, switched),
        Fact::Control(ControlFact::RedriveAdvanced(job)) => write(buffer, job),
        Fact::Service(ServiceFact::InstanceWithdrawn(withdrawn)) => write(buffer, withdrawn),
        Fact::Event(EventFact::EventPublished(event)) => write(buffer, event),
        Fact::Event(EventFact::SnapshotTaken(snapshot)) => write(buffer, snapshot),
        Fact::Event(EventFact::EventsRemoved(removed)) => write(buffer, removed),
        Fact::Subscription(SubscriptionFact::Subscribed(subscription)) => {
            write(buffer, subscription);
        }
        Fact::Subscription(SubscriptionFact::Unsubscribed(gone)) => write(buffer, gone),
        Fact::Subscription(SubscriptionFact::PositionAcked(acked)) => write(buffer, acked),
        Fact::Subscription(SubscriptionFact::EventDeadLettered(letter)) => write(buffer, letter),
        Fact::Subscription(SubscriptionFact::EventRedriven(letter)) => write(buffer, letter),
        Fact::Subscription(SubscriptionFact::EventDelivered(delivered)) => write(buffer, delivered),
        Fact::Subscription(SubscriptionFact::ReplayAdvanced(replay)) => write(buffer, replay),
        Fact::Message(MessageFact::MessageDeleted(deleted)) => write(buffer, deleted),
        Fact::Message(MessageFact::MessagesRemoved(removed)) => write(buffer, removed),
    }
}

/// The fact of a record with this kind and version.
pub fn decode(kind: u8, version: u8, body: &[u8]) -> Result<Fact, DecodeError> {
    let known = Kind::from_number(kind).filter(|_| version == VERSION);
    let kind = known.ok_or(DecodeError::Unknown { kind, version })?;
    let read = decode_known(kind, body).and_then(|fact| {
        bounds::check(&fact).map_err(serde::de::Error::custom)?;
        Ok(fact)
    });
    read.map_err(|cause| DecodeError::Body { kind, cause })
}

fn decode_known(kind: Kind, body: &[u8]) -> serde_json::Result<Fact> {
    Ok(match kind {
        Kind::Accepted => Fact::Message(MessageFact::Accepted(read(body)?)),
        Kind::AttemptFailed => Fact::Message(MessageFact::AttemptFailed(read(body)?)),
        Kind::Delivered => Fact::Message(MessageFact::Delivered(read(body)?)),
        Kind::DeadLettered => Fact::Message(MessageFact::DeadLettered(read(body)?)),
        Kind::Expired => Fact::Message(MessageFact::Expired(read(body)?)),
        Kind::Cancelled => Fact::Message(MessageFact::Cancelled(read(body)?)),
        Kind::Redriven => Fact::Message(MessageFact::Redriven(read(body)?)),
        Kind::DeadLetterDeleted => Fact::Message(MessageFact::DeadLetterDeleted(read(body)?)),
        Kind::ServiceSeen => Fact::Service(ServiceFact::ServiceSeen(read(body)?)),
        Kind::ServiceRegistered => Fact::Service(ServiceFact::ServiceRegistered(read(body)?)),
        Kind::InstanceDeregistered => Fact::Service(ServiceFact::InstanceDeregistered(read(body)?)),
        Kind::ServiceDeregistered => Fact::Service(ServiceFact::ServiceDeregistered(read(body)?)),
        Kind::CompactionSummary => Fact::CompactionSummary(read(body)?),
        Kind::HealthChanged => Fact::Service(ServiceFact::HealthChanged(read(body)?)),
        Kind::CircuitChanged => Fact::Control(ControlFact::CircuitChanged(read(body)?)),
        Kind::StrategyChosen => Fact::Control(ControlFact::StrategyChosen(read(body)?)),
        Kind::QuotaSet => Fact::Control(ControlFact::QuotaSet(read(body)?)),
        Kind::QueueSwitched => Fact::Control(ControlFact::QueueSwitched(read(body)?)),
        Kind::RedriveAdvanced => Fact::Control(ControlFact::RedriveAdvanced(read(body)?)),
        Kind::InstanceWithdrawn => Fact::Service(ServiceFact::InstanceWithdrawn(read(body)?)),
        Kind::EventPublished => Fact::Event(EventFact::EventPublished(read(body)?)),
        Kind::SnapshotTaken => Fact::Event(EventFact::SnapshotTaken(read(body)?)),
        Kind::EventsRemoved => Fact::Event(EventFact::EventsRemoved(read(body)?)),
        Kind::Subscribed => Fact::Subscription(SubscriptionFact::Subscribed(read(body)?)),
        Kind::Unsubscribed => Fact::Subscription(SubscriptionFact::Unsubscribed(read(body)?)),
        Kind::PositionAcked => Fact::Subscription(SubscriptionFact::PositionAcked(read(body)?)),
        Kind::EventDeadLettered => {
            Fact::Subscription(SubscriptionFact::EventDeadLettered(read(body)?))
        }
        Kind::EventRedriven => Fact::Subscription(SubscriptionFact::EventRedriven(read(body)?)),
        Kind::EventDelivered => Fact::Subscription(SubscriptionFact::EventDelivered(read(body)?)),
        Kind::ReplayAdvanced => Fact::Subscription(SubscriptionFact::ReplayAdvanced(read(body)?)),
        Kind::MessageDeleted => Fact::Message(MessageFact::MessageDeleted(read(body)?)),
        Kind::MessagesRemoved => Fact::Message(MessageFact::MessagesRemoved(read(body)?)),
    })
}

fn write<T: Serialize>(buffer: &mut Vec<u8>, content: &T) {
    serde_json::to_writer(buffer, content)
        .expect("a fact has text keys and memory takes all writes");
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redrive::JobKind;
    use crate::logic::journal::samples;

    #[test]
    fn kinds_are_numbered_from_one() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind as u8), index + 1);
            assert_eq!(Kind::from_number(kind as u8), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(33), None);
    }

    #[test]
    fn every_kind_of_fact_reads_back_as_it_was() {
        let facts = samples::one_of_each();
        assert_eq!(facts.len(), Kind::ALL.len());
        for fact in facts {
            let mut body = Vec::new();
            encode_body(&mut body, &fact);
            let kind = Kind::of(&fact);
            assert_eq!(decode(kind as u8, VERSION, &body).unwrap(), fact);
        }
    }

    #[test]
    fn a_payload_keeps_every_byte() {
        let fact = samples::accepted_with_payload(1, "{\"a\" : 1e400,\n \"a\":\"\\u00e4\"}");
        let mut body = Vec::new();
        encode_body(&mut body, &fact);
        assert_eq!(decode(1, VERSION, &body).unwrap(), fact);
    }

    #[test]
    fn what_a_newer_hub_wrote_is_named() {
        for (kind, version) in [(33, 1), (0, 1), (200, 3), (1, 2)] {
            let error = decode(kind, version, b"{}").unwrap_err().to_string();
            let expected = format!("unknown kind {kind} version {version}");
            assert!(error.contains(&expected), "{error}");
            assert!(error.contains("newer"), "{error}");
        }
    }

    #[test]
    fn jobs_and_letters_of_hubs_that_redrove_only_messages_stay_readable() {
        let job = r#"{"job":"00000000-0000-0000-0000-000000000001","started_at":"2026-05-28T20:26:40.000Z",
            "filter":{"destination":"billing"},"rate":200.0,"status":"running","matched":3,
            "through":7,"redriven":2,"failed":0,"failed_in_a_row":0}"#;
        match decode(Kind::RedriveAdvanced as u8, VERSION, job.as_bytes()).unwrap() {
            Fact::Control(ControlFact::RedriveAdvanced(job)) => {
                assert_eq!(
                    (job.events_before, job.filter.subscription_id),
                    (None, None)
                );
                assert_eq!((job.kind, job.deleted), (JobKind::Redrive, 0));
            }
            other => panic!("{other:?}"),
        }
        let redriven = samples::event_redriven(1, 1);
        let mut body = Vec::new();
        encode_body(&mut body, &redriven);
        assert!(!String::from_utf8(body).unwrap().contains("\"job\""));
    }

    #[test]
    fn a_body_of_another_shape_names_the_kind() {
        let error = decode(3, VERSION, b"{}").unwrap_err().to_string();
        assert!(error.starts_with("delivered record"), "{error}");
    }
}
