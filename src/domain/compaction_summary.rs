//! What compaction keeps of the records it drops.

use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::Sequence;
use super::ids::StreamId;
use super::message::{Fingerprint, State};
use super::timestamp::Timestamp;

/// The sum of dropped records: what they counted, and the ids clients gave with them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CompactionSummary {
    /// What the dropped records counted; `tally` on disk, as it was once called.
    #[serde(rename = "tally")]
    pub totals: MessageTotals,
    /// Ids of messages that are still in the dedup window, oldest first.
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
    /// The streams whose events are among the dropped records, and how far each was.
    #[serde(default)]
    pub streams: Vec<StreamHead>,
    /// Ids of events that are still in their dedup window, oldest first.
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
    /// Which stream.
    pub id: StreamId,
    /// The version of its last event, so that the next one gets the one after.
    pub version: u64,
}

/// An id chosen by a client, with what it stood for and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownId {
    /// Of a message or an event, which are spaces of their own.
    pub id: Uuid,
    /// Of the content that came with the id: the same content again is a repeat, any other is
    /// refused.
    pub fingerprint: Fingerprint,
    /// When it was accepted or published; ids leave the window by their age.
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
    /// Messages the hub promised to deliver.
    pub accepted: i64,
    /// Messages that arrived.
    pub delivered: i64,
    /// Messages the hub gave up on, but for those that expired.
    pub dead: i64,
    /// Messages whose ttl ran out first.
    pub expired: i64,
    /// Messages that were taken back before they arrived.
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
