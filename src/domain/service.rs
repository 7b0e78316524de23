//! Services and their instances, as registered.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{InstanceId, Label, MessageType, ServiceName};
use super::json_text::JsonText;
use super::timestamp::Timestamp;

/// One way to reach a service, as its owner registered it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Which service it belongs to.
    pub service: ServiceName,
    /// Which of its instances it is; registering again with the same id replaces it.
    pub instance_id: InstanceId,
    /// When it registered last, by the system's clock; tells one registration of an instance from
    /// the next.
    pub registered_at: Timestamp,
    /// Of its software, as it says itself; dependencies may ask for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
    /// Where to push; without it the service pulls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Arc<Address>>,
    /// How to probe it; `None`: it lives by its heartbeats and deliveries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// How many messages the instance takes at once.
    pub max_in_flight: u32,
    /// The routes it says it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// Whatever its owner wants to be shown with it; the hub never reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonText>,
    /// Its share of the messages, compared with the other instances; 0: only if no other is left.
    #[serde(default = "one")]
    pub weight: u32,
    /// The types of message it takes; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<MessageType>,
    /// It promises a heartbeat at least so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// Other services it cannot do without, or not do well without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
}

fn one() -> u32 {
    1
}

impl Registration {
    /// Roughly how large it is as text, in bytes.
    pub fn bytes(&self) -> usize {
        let address = self.address.as_ref();
        let address = address.map_or(0, |one| one.url.len() + one.message_endpoint.len());
        let endpoints = self.endpoints.iter().map(|endpoint| {
            let methods = endpoint.methods.iter().map(|method| method.len() + 4);
            endpoint.path.len() + 30 + methods.sum::<usize>()
        });
        let capabilities = self
            .capabilities
            .iter()
            .map(|message_type| message_type.as_str().len() + 4);
        let metadata = self
            .metadata
            .as_ref()
            .map_or(0, |json| json.as_json().len());
        address
            + endpoints.sum::<usize>()
            + capabilities.sum::<usize>()
            + 200 * self.dependencies.len()
            + metadata
    }

    /// The fields in which what an instance says of itself now differs from what it said before, by
    /// the names it gives them.
    pub fn differences(&self, now: &Self) -> Vec<&'static str> {
        // Taken apart, so that no field is forgotten.
        let Self {
            service: _,
            instance_id: _,
            registered_at: _,
            version,
            address,
            health_check,
            max_in_flight,
            endpoints,
            metadata,
            weight,
            capabilities,
            ttl_ms,
            dependencies,
        } = self;
        let parts = |address: &Option<Arc<Address>>| {
            let address = address.clone();
            address.map(|one| (one.url.clone(), one.message_endpoint.clone()))
        };
        let (before, after) = (parts(address).unzip(), parts(&now.address).unzip());
        let fields = [
            ("version", *version != now.version),
            ("url", before.0 != after.0),
            ("message_endpoint", before.1 != after.1),
            ("health_check", *health_check != now.health_check),
            ("max_in_flight", *max_in_flight != now.max_in_flight),
            ("endpoints", *endpoints != now.endpoints),
            ("metadata", *metadata != now.metadata),
            ("weight", *weight != now.weight),
            ("capabilities", *capabilities != now.capabilities),
            ("ttl", *ttl_ms != now.ttl_ms),
            ("dependencies", *dependencies != now.dependencies),
        ];
        let differ = fields.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(name, _)| name).collect()
    }

    /// Within which time it promises a heartbeat; `None`: it promised none.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl_ms.map(Duration::from_millis)
    }
}

/// A service that another one needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dependency {
    /// The service that is needed.
    pub service: ServiceName,
    /// So many available instances, at least.
    pub minimum_instances: u32,
    /// Without it the service that needs it is degraded.
    pub critical: bool,
    /// Only instances of exactly this version count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
}

/// An HTTP address split at its path: `http://host:port` and `/messages`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Address {
    /// Without a trailing slash.
    pub url: String,
    /// With its leading slash: where messages are posted to.
    pub message_endpoint: String,
}

impl Address {
    /// The whole address messages are posted to.
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
    /// From one probe to the next; `None`: as the hub probes others.
    pub fn interval(&self) -> Option<Duration> {
        self.interval_ms.map(Duration::from_millis)
    }

    /// How long a probe may take; `None`: as the hub's other probes.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }
}

/// A route an instance says it serves; shown, never called.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// The path, as the instance names it.
    pub path: String,
    /// The methods it takes, as the instance names them; empty: it did not say.
    #[serde(default)]
    pub methods: Vec<String>,
}

/// What the hub knows of an instance's well-being.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing was heard of it since it registered.
    #[default]
    Unknown,
    /// It answers as it should.
    Healthy,
    /// It failed lately, but not often enough to be left out.
    Degraded,
    /// It failed too often in a row, or its heartbeats stopped: it gets nothing.
    Unhealthy,
}

impl Health {
    /// All there are, for lists and metrics.
    pub const ALL: [Self; 4] = [
        Self::Unknown,
        Self::Healthy,
        Self::Degraded,
        Self::Unhealthy,
    ];

    /// As on the wire and on disk.
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
    /// Which instance it is.
    pub instance_id: InstanceId,
    /// Where to push to.
    pub address: Arc<Address>,
    /// How many messages it takes at once.
    pub max_in_flight: u32,
    /// As its probes, heartbeats and deliveries say.
    pub health: Health,
    /// It has a health check or promised heartbeats; otherwise deliveries alone tell how it is.
    pub is_checked: bool,
    /// As in [`Registration::weight`].
    pub weight: u32,
    /// As in [`Registration::capabilities`].
    pub capabilities: Arc<[MessageType]>,
}

impl Target {
    /// Whether both are one instance at one address.
    pub fn is_same_place(&self, other: &Self) -> bool {
        (&self.instance_id, &self.address) == (&other.instance_id, &other.address)
    }

    /// Whether it takes messages of this type.
    pub fn takes(&self, message_type: &MessageType) -> bool {
        self.capabilities.is_empty() || self.capabilities.contains(message_type)
    }
}

/// Room for messages of some types, at a service whose instances differ in what they take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeCapacity {
    /// Types that the same instances take; empty: every type that no instance names. Two equal
    /// lists are mostly the same one, so that comparing them costs nothing.
    pub types: Arc<[MessageType]>,
    /// How many messages of them may be under way at once.
    pub capacity: u32,
    /// Nobody at all takes them now.
    pub parks: bool,
}

impl TypeCapacity {
    /// Whether these two lists say the same but for the room there is.
    pub fn differ_in_capacity_only(some: &[Self], others: &[Self]) -> bool {
        some.len() == others.len()
            && some
                .iter()
                .zip(others)
                .all(|(one, other)| one.parks == other.parks && one.types == other.types)
    }
}

/// Whether messages for a service can leave now, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outlook {
    /// Some instance can take messages.
    Ready,
    /// None can, since then.
    NoInstance {
        /// By the hub's own clock.
        since: Timestamp,
    },
    /// None can, and none is expected: the service left, or never was registered.
    Left,
    /// The circuit is open and will be tried again then.
    CircuitOpen {
        /// By the hub's own clock.
        until: Timestamp,
    },
    /// The circuit is half open: one message at a time tries whether the service is back.
    Trial,
}

impl Outlook {
    /// Whether what waits counts as parked.
    pub fn parks(self) -> bool {
        matches!(
            self,
            Self::NoInstance { .. } | Self::Left | Self::CircuitOpen { .. }
        )
    }
}
