//! Which streams and which types the events have that are kept.

use super::ids::{EventType, StreamId};
use super::timestamp::Timestamp;

/// A stream in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamEntry {
    /// Its name.
    pub id: StreamId,
    /// Of its last event.
    pub version: u64,
    /// Events kept, one at least.
    pub count: u64,
    /// When the last one was published.
    pub last_at: Timestamp,
}

/// The events of a type are counted up to here, so that no list takes longer the more there are.
pub const MOST_OF_A_TYPE: u64 = 1_000;

/// A type of events in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventTypeEntry {
    /// Its name.
    pub event_type: EventType,
    /// Events kept, one at least; [`MOST_OF_A_TYPE`]: so many or more.
    pub count: u64,
    /// When the last one was published.
    pub last_at: Timestamp,
}
