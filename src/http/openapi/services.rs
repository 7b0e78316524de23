//! What one sends to `/v1/services` and `/registry`.

use utoipa::{IntoParams, ToSchema};

use super::values::LocalPath;
use crate::domain::ids::{InstanceId, Label, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::strategy::Strategy;

/// Which instances of a service.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InstancePageQuery {
    /// Only those whose ids come after this one: `instances_after` of an earlier answer.
    #[param(required = false)]
    pub after: InstanceId,
}

/// What is removed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RemoveQuery {
    #[param(pattern = "^[A-Za-z0-9._-]{1,100}$")]
    pub service: ServiceName,
    /// Only this instance.
    #[param(required = false)]
    pub instance_id: InstanceId,
}

/// An instance of a service. Unknown fields are left out and named in the answer; null means that a
/// field is not given.
#[derive(ToSchema)]
#[schema(example = json!({
    "service": "billing",
    "version": "1.0.0",
    "url": "http://10.0.0.5:8080",
    "health_check": {"endpoint": "/health", "interval": 30}
}))]
pub struct RegistrationInput {
    /// Required here or in the path; if in both, they must agree.
    pub service: Option<ServiceName>,
    /// Another name for `service`; if both are given, they must agree.
    pub name: Option<ServiceName>,
    pub version: Option<Label>,
    /// Where messages are pushed to: `http` or `https`, without query, fragment or credentials. Without it the
    /// service pulls.
    #[schema(
        max_length = 2000,
        pattern = "^https?://",
        example = "http://10.0.0.5:8080"
    )]
    pub url: Option<String>,
    /// What is registered again under the same id replaces what was there. Made of the `url` if not
    /// given, or `default` if there is none.
    pub instance_id: Option<InstanceId>,
    /// Where below `url` messages are posted.
    #[schema(default = "/messages")]
    pub message_endpoint: Option<LocalPath>,
    /// Routes the instance serves; shown, never called.
    pub endpoints: Option<Vec<Endpoint>>,
    /// Asked where there is a `url`. Without it the hub judges by heartbeats and deliveries.
    pub health_check: Option<HealthCheckInput>,
    /// Its share of the messages, compared with the other instances; 0: only if no other is left.
    #[schema(default = 1, minimum = 0, maximum = 1000)]
    pub weight: Option<u32>,
    /// The types of message it takes; all if empty or not given.
    #[schema(max_items = 100)]
    pub capabilities: Option<Vec<MessageType>>,
    /// How many messages the instance takes at once.
    #[schema(default = 128, minimum = 1, maximum = 10_000)]
    pub max_in_flight: Option<u32>,
    /// It promises a heartbeat at least every so many seconds, and is unhealthy without.
    #[schema(minimum = 0.1, maximum = 3_153_600_000_f64)]
    pub ttl: Option<f64>,
    /// Services it needs.
    #[schema(max_items = 100)]
    pub dependencies: Option<Vec<DependencyInput>>,
    /// Anything, shown to those who look the service up.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<JsonText>,
}

/// A route an instance says it serves.
#[derive(ToSchema)]
pub struct Endpoint {
    pub path: String,
    #[schema(required = false)]
    pub methods: Vec<String>,
}

/// A service that another one needs.
#[derive(ToSchema)]
pub struct DependencyInput {
    pub service: ServiceName,
    /// So many available instances, at least.
    #[schema(default = 1, minimum = 1, maximum = 10_000)]
    pub minimum_instances: Option<u32>,
    /// Without it the service that needs it is at most degraded.
    #[schema(default = true)]
    pub critical: Option<bool>,
    /// Only instances of exactly this version count.
    pub version: Option<Label>,
}

/// Dependencies to check.
#[derive(ToSchema)]
pub struct DependenciesInput {
    #[schema(max_items = 100)]
    pub dependencies: Vec<DependencyInput>,
}

/// How a service's next instance is chosen from now on.
#[derive(ToSchema)]
pub struct StrategyInput {
    /// Null: as configured for all.
    #[schema(required = true)]
    pub load_balancing_strategy: Option<Strategy>,
}

/// How to ask the instance whether it is well: a path below its `url`, or more.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum HealthCheckInput {
    Path(LocalPath),
    Object(HealthCheck),
}

#[derive(ToSchema)]
pub struct HealthCheck {
    pub endpoint: LocalPath,
    /// Seconds between two checks; `service_check_interval` if not given. At least
    /// `min_check_interval`.
    #[schema(minimum = 1, maximum = 3_153_600_000_f64)]
    pub interval: Option<f64>,
    /// Seconds to wait for an answer; `service_timeout` if not given.
    #[schema(minimum = 0.1, maximum = 3_153_600_000_f64)]
    pub timeout: Option<f64>,
}
