//! Circuits: what keeps attempts away from a service that fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ServiceName;
use super::timestamp::Timestamp;

/// The state of a circuit, with its name on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CircuitState {
    /// Attempts go through.
    Closed,
    /// Nothing goes through.
    Open,
    /// One trial at a time goes through.
    HalfOpen,
}

impl CircuitState {
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }

    /// Reads a name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.name().eq_ignore_ascii_case(name))
    }
}

/// A circuit changed its state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CircuitChanged {
    pub service: ServiceName,
    pub at: Timestamp,
    pub from: CircuitState,
    pub to: CircuitState,
    /// In words: what led to it, or what whoever forced it gave as the reason.
    pub reason: String,
    /// Present if somebody wanted it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

/// A state that somebody gave a circuit, until the circuit leaves it by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forced {
    /// Who asked for it, where callers have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ServiceName>,
    /// How long an open circuit stays open; `None`: as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_timeout_ms: Option<u64>,
}

impl Forced {
    pub fn reset_timeout(&self) -> Option<Duration> {
        self.reset_timeout_ms.map(Duration::from_millis)
    }
}
