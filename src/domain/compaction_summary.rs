//! What compaction keeps of the records it drops.

use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{Sequence, StreamId};
use super::message::{Fingerprint, State};
use super::timestamp::Timestamp;

/// The sum of dropped records: what they counted, and the ids clients gave with them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CompactionSummary {
    #[serde(rename = "tally")]
    pub totals: MessageTotals,
    pub known_ids: Vec<KnownId>,
    /// Whether the dedup window ever forgot an id.
    #[serde(default)]
    pub window_overflowed: bool,
    /// Of the last event.
    #[serde(default)]
    pub last_sequence: Sequence,
    /// Of the last event.
    #[serde(default)]
    pub last_published_at: Timestamp,
    #[serde(default)]
    pub streams: Vec<StreamHead>,
    #[serde(default)]
    pub known_event_ids: Vec<KnownId>,
    /// Whether the dedup window of events ever forgot an id.
    #[serde(default)]
    pub event_window_overflowed: bool,
}

impl CompactionSummary {
    /// Roughly what it takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let ids = self.known_ids.len() + self.known_event_ids.len();
        let names = self.streams.iter().map(|head| head.id.as_str().len());
        let streams = self.streams.len() * size_of::<StreamHead>() + names.sum::<usize>();
        300 + ids * size_of::<KnownId>() + streams
    }
}

/// How far a stream is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamHead {
    pub id: StreamId,
    pub version: u64,
}

/// An id chosen by a client, with what it stood for and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownId {
    /// Of a message or an event, which are spaces of their own.
    pub id: Uuid,
    pub fingerprint: Fingerprint,
    pub at: Timestamp,
    /// How the message ended, if it did; hubs that did not remember it wrote nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<State>,
}

/// Totals over the whole life of the data. Signed: a redrive takes back a settlement. What is not
/// written is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageTotals {
    pub accepted: i64,
    pub delivered: i64,
    pub dead: i64,
    pub expired: i64,
    pub cancelled: i64,
}

impl MessageTotals {
    /// Accepted and not settled.
    pub fn open(&self) -> i64 {
        self.accepted - self.delivered - self.dead - self.expired - self.cancelled
    }
}

impl AddAssign for MessageTotals {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.dead += other.dead;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
    }
}

impl SubAssign for MessageTotals {
    fn sub_assign(&mut self, other: Self) {
        self.accepted -= other.accepted;
        self.delivered -= other.delivered;
        self.dead -= other.dead;
        self.expired -= other.expired;
        self.cancelled -= other.cancelled;
    }
}
