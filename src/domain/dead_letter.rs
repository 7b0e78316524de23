//! What is common to the dead letters of messages and of events.

use serde::{Deserialize, Serialize};

/// Why the hub gave up on a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    AttemptsExhausted,
    Rejected,
    Expired,
    Invalid,
}

impl DeadReason {
    pub const ALL: [Self; 4] = [
        Self::AttemptsExhausted,
        Self::Rejected,
        Self::Expired,
        Self::Invalid,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}
