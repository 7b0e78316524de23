//! Services and their instances, as registered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{InstanceId, Label, ServiceName};
use super::message::Payload;
use super::timestamp::Timestamp;

/// One way to reach a service, as its owner registered it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Registration {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub registered_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
    /// Where to push; without it the service pulls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// How many messages the instance takes at once.
    pub max_in_flight: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Payload>,
}

/// An HTTP address split at its path: `http://host:port` and `/messages`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Address {
    /// Without a trailing slash.
    pub url: String,
    pub message_endpoint: String,
}

impl Address {
    pub fn message_url(&self) -> String {
        format!("{}{}", self.url, self.message_endpoint)
    }
}

/// How to ask an instance whether it is well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HealthCheck {
    /// A path below the instance's url.
    pub endpoint: String,
    /// `None`: the hub's `service_check_interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// `None`: the hub's `service_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl HealthCheck {
    pub fn interval(&self) -> Option<Duration> {
        self.interval_ms.map(Duration::from_millis)
    }

    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

/// A route an instance says it serves; shown, never called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    pub path: String,
    #[serde(default)]
    pub methods: Vec<String>,
}

/// What the hub knows of an instance's well-being.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    #[default]
    Unknown,
    Healthy,
    Degraded,
    Unhealthy,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What the balancer may choose from: one instance with an address.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    pub instance_id: InstanceId,
    pub address: Address,
    pub max_in_flight: u32,
    pub health: Health,
}

/// Whether messages for a service can leave now, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outlook {
    /// Some instance can take messages.
    Ready,
    /// None can, since then.
    NoInstance { since: Timestamp },
    /// The circuit is open and will be tried again then.
    CircuitOpen { until: Timestamp },
    /// The circuit is half open: one message at a time tries whether the service is back.
    Trial,
}

impl Outlook {
    /// Whether what waits counts as parked.
    pub fn parks(self) -> bool {
        matches!(self, Self::NoInstance { .. } | Self::CircuitOpen { .. })
    }
}
