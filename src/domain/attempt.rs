//! Tries to hand something to whoever it is for, a message or an event.

use serde::{Deserialize, Serialize};

use super::ids::InstanceId;
use super::timestamp::Timestamp;

/// One try to hand a message to its destination.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    pub outcome: AttemptOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    pub duration_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Attempt {
    /// Roughly what the attempt takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        150 + self.error.as_ref().map_or(0, String::len)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    Delivered,
    /// May work later: no connection, a timeout, 408, 425, 429, 5xx, a nack.
    Failed,
    /// Will never work: any other answer.
    Rejected,
    /// The lease ran out.
    LeaseExpired,
}
