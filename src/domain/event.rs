//! Events: what services tell whoever wants to know. Published once, kept in one order, read by
//! any number of subscribers.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{Label, MessageId, ServiceName};
use super::message::{Fingerprint, Payload};
use super::timestamp::Timestamp;

/// The place of an event among all of the hub: 1 for the first, rising by 1.
pub type Sequence = u64;

/// The name of a stream: 1 to 200 printable characters.
pub type StreamId = Label;

/// Identifies an event; a space of its own beside the ids of messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// As [`MessageId::generate`].
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        Self(MessageId::generate(now, random).0)
    }

    /// As [`MessageId::is_generated`].
    pub fn is_generated(self) -> bool {
        MessageId(self.0).is_generated()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened, as a service told it. Never changed after it was published.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    /// Given by the journal's writer; 0 before.
    pub sequence: Sequence,
    #[serde(rename = "type")]
    pub event_type: Label,
    pub source: ServiceName,
    /// When it was written; lifted so that it does not fall while the sequence rises, but for a
    /// system's clock that was far ahead.
    pub published_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamPlace>,
    /// `None` means: the event's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Label>,
    /// What led to it: the id of a message or event, mostly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Label>,
    pub payload: Payload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extras: Option<Box<EventExtras>>,
}

/// Where an event stands in its stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamPlace {
    pub id: StreamId,
    /// 1 for the stream's first event, rising by 1. Given by the journal's writer; 0 before.
    pub version: u64,
}

/// The fields of an event that are rarely given.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EventExtras {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Payload>,
    /// The publisher's own time; never used for timing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Label>,
    /// Present when the publisher chose the id: such ids enter the dedup window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

impl Event {
    /// Roughly what the event takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let metadata = self.extras.as_deref().and_then(|e| e.metadata.as_ref());
        let metadata = metadata.map_or(0, |metadata| metadata.as_json().len());
        300 + self.payload.as_json().len() + metadata
    }

    pub fn correlation_id(&self) -> String {
        match &self.correlation_id {
            Some(given) => given.to_string(),
            None => self.id.to_string(),
        }
    }

    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.extras.as_deref()?.fingerprint
    }

    /// The publisher's own time if it gave one, else when the hub published it.
    pub fn timestamp(&self) -> Timestamp {
        let extras = self.extras.as_deref();
        extras
            .and_then(|extras| extras.timestamp)
            .unwrap_or(self.published_at)
    }
}

/// What a publisher expects of the stream before its event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedVersion {
    /// The stream has some event already: -1 on the wire.
    Existing,
    /// Exactly so many events came before; 0: the stream is new.
    Exactly(u64),
}

impl ExpectedVersion {
    /// As on the wire.
    pub fn number(self) -> i64 {
        match self {
            Self::Existing => -1,
            Self::Exactly(version) => i64::try_from(version).unwrap_or(i64::MAX),
        }
    }

    /// Whether a stream at `version` (0: no such stream) is as expected.
    pub fn is_met_by(self, version: u64) -> bool {
        match self {
            Self::Existing => version > 0,
            Self::Exactly(expected) => version == expected,
        }
    }
}

/// What the events of a stream up to a version add up to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub stream_id: StreamId,
    /// The last event in it.
    pub version: u64,
    pub at: Timestamp,
    /// A JSON object.
    pub state: Payload,
}
