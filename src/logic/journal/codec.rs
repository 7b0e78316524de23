//! Facts as JSON bodies, each marked with a kind and a version that never change their meaning.

use serde::{Deserialize, Serialize};

use super::bounds;
use crate::domain::fact::Fact;

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
            Fact::Accepted(_) => Self::Accepted,
            Fact::AttemptFailed(_) => Self::AttemptFailed,
            Fact::Delivered(_) => Self::Delivered,
            Fact::DeadLettered(_) => Self::DeadLettered,
            Fact::Expired(_) => Self::Expired,
            Fact::Cancelled(_) => Self::Cancelled,
            Fact::Redriven(_) => Self::Redriven,
            Fact::DeadLetterDeleted(_) => Self::DeadLetterDeleted,
            Fact::ServiceSeen(_) => Self::ServiceSeen,
            Fact::ServiceRegistered(_) => Self::ServiceRegistered,
            Fact::InstanceDeregistered(_) => Self::InstanceDeregistered,
            Fact::ServiceDeregistered(_) => Self::ServiceDeregistered,
            Fact::CompactionSummary(_) => Self::CompactionSummary,
            Fact::HealthChanged(_) => Self::HealthChanged,
            Fact::CircuitChanged(_) => Self::CircuitChanged,
            Fact::StrategyChosen(_) => Self::StrategyChosen,
            Fact::QuotaSet(_) => Self::QuotaSet,
            Fact::QueueSwitched(_) => Self::QueueSwitched,
            Fact::RedriveAdvanced(_) => Self::RedriveAdvanced,
            Fact::InstanceWithdrawn(_) => Self::InstanceWithdrawn,
            Fact::EventPublished(_) => Self::EventPublished,
            Fact::SnapshotTaken(_) => Self::SnapshotTaken,
            Fact::EventsRemoved(_) => Self::EventsRemoved,
            Fact::Subscribed(_) => Self::Subscribed,
            Fact::Unsubscribed(_) => Self::Unsubscribed,
            Fact::PositionAcked(_) => Self::PositionAcked,
            Fact::EventDeadLettered(_) => Self::EventDeadLettered,
            Fact::EventRedriven(_) => Self::EventRedriven,
            Fact::EventDelivered(_) => Self::EventDelivered,
            Fact::ReplayAdvanced(_) => Self::ReplayAdvanced,
            Fact::MessageDeleted(_) => Self::MessageDeleted,
            Fact::MessagesRemoved(_) => Self::MessagesRemoved,
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
        Fact::Accepted(message) => write(buffer, message),
        Fact::AttemptFailed(failed) => write(buffer, failed),
        Fact::Delivered(settlement)
        | Fact::DeadLettered(settlement)
        | Fact::Expired(settlement)
        | Fact::Cancelled(settlement) => write(buffer, settlement),
        Fact::Redriven(redrive) => write(buffer, redrive),
        Fact::DeadLetterDeleted(deleted) => write(buffer, deleted),
        Fact::ServiceSeen(seen) | Fact::ServiceDeregistered(seen) => write(buffer, seen),
        Fact::ServiceRegistered(registration) => write(buffer, registration),
        Fact::InstanceDeregistered(gone) => write(buffer, gone),
        Fact::CompactionSummary(summary) => write(buffer, summary),
        Fact::HealthChanged(changed) => write(buffer, changed),
        Fact::CircuitChanged(changed) => write(buffer, changed),
        Fact::StrategyChosen(chosen) => write(buffer, chosen),
        Fact::QuotaSet(set) => write(buffer, set),
        Fact::QueueSwitched(switched) => write(buffer, switched),
        Fact::RedriveAdvanced(job) => write(buffer, job),
        Fact::InstanceWithdrawn(withdrawn) => write(buffer, withdrawn),
        Fact::EventPublished(event) => write(buffer, event),
        Fact::SnapshotTaken(snapshot) => write(buffer, snapshot),
        Fact::EventsRemoved(removed) => write(buffer, removed),
        Fact::Subscribed(subscription) => write(buffer, subscription),
        Fact::Unsubscribed(gone) => write(buffer, gone),
        Fact::PositionAcked(acked) => write(buffer, acked),
        Fact::EventDeadLettered(letter) => write(buffer, letter),
        Fact::EventRedriven(letter) => write(buffer, letter),
        Fact::EventDelivered(delivered) => write(buffer, delivered),
        Fact::ReplayAdvanced(replay) => write(buffer, replay),
        Fact::MessageDeleted(deleted) => write(buffer, deleted),
        Fact::MessagesRemoved(removed) => write(buffer, removed),
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
        Kind::Accepted => Fact::Accepted(read(body)?),
        Kind::AttemptFailed => Fact::AttemptFailed(read(body)?),
        Kind::Delivered => Fact::Delivered(read(body)?),
        Kind::DeadLettered => Fact::DeadLettered(read(body)?),
        Kind::Expired => Fact::Expired(read(body)?),
        Kind::Cancelled => Fact::Cancelled(read(body)?),
        Kind::Redriven => Fact::Redriven(read(body)?),
        Kind::DeadLetterDeleted => Fact::DeadLetterDeleted(read(body)?),
        Kind::ServiceSeen => Fact::ServiceSeen(read(body)?),
        Kind::ServiceRegistered => Fact::ServiceRegistered(read(body)?),
        Kind::InstanceDeregistered => Fact::InstanceDeregistered(read(body)?),
        Kind::ServiceDeregistered => Fact::ServiceDeregistered(read(body)?),
        Kind::CompactionSummary => Fact::CompactionSummary(read(body)?),
        Kind::HealthChanged => Fact::HealthChanged(read(body)?),
        Kind::CircuitChanged => Fact::CircuitChanged(read(body)?),
        Kind::StrategyChosen => Fact::StrategyChosen(read(body)?),
        Kind::QuotaSet => Fact::QuotaSet(read(body)?),
        Kind::QueueSwitched => Fact::QueueSwitched(read(body)?),
        Kind::RedriveAdvanced => Fact::RedriveAdvanced(read(body)?),
        Kind::InstanceWithdrawn => Fact::InstanceWithdrawn(read(body)?),
        Kind::EventPublished => Fact::EventPublished(read(body)?),
        Kind::SnapshotTaken => Fact::SnapshotTaken(read(body)?),
        Kind::EventsRemoved => Fact::EventsRemoved(read(body)?),
        Kind::Subscribed => Fact::Subscribed(read(body)?),
        Kind::Unsubscribed => Fact::Unsubscribed(read(body)?),
        Kind::PositionAcked => Fact::PositionAcked(read(body)?),
        Kind::EventDeadLettered => Fact::EventDeadLettered(read(body)?),
        Kind::EventRedriven => Fact::EventRedriven(read(body)?),
        Kind::EventDelivered => Fact::EventDelivered(read(body)?),
        Kind::ReplayAdvanced => Fact::ReplayAdvanced(read(body)?),
        Kind::MessageDeleted => Fact::MessageDeleted(read(body)?),
        Kind::MessagesRemoved => Fact::MessagesRemoved(read(body)?),
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
            Fact::RedriveAdvanced(job) => {
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
