//! What happens to events and their streams.

use std::sync::Arc;

use super::compaction_key::CompactionKey;
use super::sizes::SMALL_BYTES;
use crate::domain::event::{Event, Snapshot};
use crate::domain::subscription::EventsRemoved;
use crate::domain::timestamp::Timestamp;

/// What happened to an event or a stream.
#[derive(Clone, PartialEq, Debug)]
pub enum EventFact {
    /// Subscribers are owed this event from now on.
    EventPublished(Arc<Event>),
    /// What the events of a stream up to a version add up to is kept.
    SnapshotTaken(Arc<Snapshot>),
    /// Retention took the oldest events.
    EventsRemoved(EventsRemoved),
}

impl EventFact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::EventPublished(event) => event.published_at,
            Self::SnapshotTaken(snapshot) => snapshot.at,
            Self::EventsRemoved(removed) => removed.at,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::EventPublished(event) => event.bytes(),
            Self::SnapshotTaken(snapshot) => SMALL_BYTES + snapshot.state.as_json().len(),
            Self::EventsRemoved(_) => SMALL_BYTES,
        }
    }

    /// Of events and snapshots themselves a compaction keeps none: the archive has them.
    pub fn compaction_key(&self) -> Option<(CompactionKey, bool)> {
        match self {
            Self::EventPublished(_) | Self::SnapshotTaken(_) => None,
            Self::EventsRemoved(_) => Some((CompactionKey::Retention, true)),
        }
    }
}
