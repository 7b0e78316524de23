//! What is common to the dead letters of messages and of events.

use serde::{Deserialize, Serialize};

/// Why the hub gave up on a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// The last attempt it may have failed, or it was handed out too often and came back each time.
    AttemptsExhausted,
    /// The destination answered that it will never take it.
    Rejected,
    /// Its ttl ran out before it arrived.
    Expired,
    /// Its content was found wrong where nobody could be told so. Nothing dies of it yet, as all is
    /// checked where it can be refused.
    Invalid,
}

impl DeadReason {
    /// All reasons there are, for lists and for reading names.
    pub const ALL: [Self; 4] = [
        Self::AttemptsExhausted,
        Self::Rejected,
        Self::Expired,
        Self::Invalid,
    ];

    /// As on the wire and in the archive.
    pub fn name(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
        }
    }

    /// The opposite of [`DeadReason::name`], letter for letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}
