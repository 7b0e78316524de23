//! How the next instance of a service is chosen.

use serde::{Deserialize, Serialize};

/// How to choose among the eligible instances (docs/reference/services.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other.
    RoundRobin,
    /// Fewest in flight, ties in turn.
    LeastConnections,
    /// In turn, each as often as its weight says.
    Weighted,
    /// Any.
    Random,
    /// Of those that do well the one with the fewest in flight for its weight.
    #[default]
    HealthAware,
}

impl Strategy {
    /// All there are, for lists and for reading names.
    pub const ALL: [Self; 5] = [
        Self::RoundRobin,
        Self::LeastConnections,
        Self::Weighted,
        Self::Random,
        Self::HealthAware,
    ];

    /// As in configuration and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastConnections => "least_connections",
            Self::Weighted => "weighted",
            Self::Random => "random",
            Self::HealthAware => "health_aware",
        }
    }

    /// The opposite of [`Strategy::name`], letter for letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }
}
