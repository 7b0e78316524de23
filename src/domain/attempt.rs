//! Tries to hand something to whoever it is for, a message or an event.

use serde::{Deserialize, Serialize};

use super::ids::InstanceId;
use super::moment::Moment;
use super::timestamp::Timestamp;

/// One try to hand a message to its destination.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it began, by the system's clock.
    pub at: Timestamp,
    /// Which instance was tried; `None` if it went to none in particular: a lease, a callback, a
    /// socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The HTTP status it was answered with; `None` if no answer came or none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// From its beginning to its end, by the hub's own clock.
    pub duration_ms: u64,
    /// In words, what went wrong; `None` for a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Attempt {
    /// One that began at `started_at`, by the hub's own clock, and is over now. It went to no
    /// instance, and there is no more to say of it.
    pub fn ended(number: u32, outcome: AttemptOutcome, started_at: Timestamp, now: Moment) -> Self {
        let took = now.hub.since(started_at).as_millis();
        Self {
            number,
            at: now.wall_time(started_at),
            instance: None,
            outcome,
            status_code: None,
            duration_ms: u64::try_from(took).unwrap_or(u64::MAX),
            error: None,
        }
    }

    /// Roughly what the attempt takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        150 + self.error.as_ref().map_or(0, String::len)
    }
}

/// How an attempt ended, with its name on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The other side has it: a 2xx or an ack.
    Delivered,
    /// May work later: no connection, a timeout, 408, 425, 429, 5xx, a nack.
    Failed,
    /// Will never work: any other answer.
    Rejected,
    /// The lease ran out.
    LeaseExpired,
}
