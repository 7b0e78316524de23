//! What one sends to `/v1/services` and `/registry`.

use utoipa::ToSchema;

use super::values::LocalPath;
use crate::domain::ids::{InstanceId, Label, ServiceName};
use crate::domain::message::Payload;

/// An instance of a service. Unknown fields are ignored; null means that a field is not given.
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
    /// Another name for `service`, read if `service` is not given.
    pub name: Option<ServiceName>,
    pub version: Option<Label>,
    /// Where messages are pushed to: plain `http`, without query or credentials. Without it the
    /// service pulls.
    #[schema(
        max_length = 2000,
        pattern = "^http://",
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
    /// Needs a `url`. Without it the hub judges by deliveries.
    pub health_check: Option<HealthCheckInput>,
    /// How many messages the instance takes at once.
    #[schema(default = 128, minimum = 1, maximum = 10_000)]
    pub max_in_flight: Option<u32>,
    /// Anything, shown to those who look the service up.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Payload>,
}

/// A route an instance says it serves.
#[derive(ToSchema)]
pub struct Endpoint {
    pub path: String,
    #[schema(required = false)]
    pub methods: Vec<String>,
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
    /// Seconds between two checks; `service_check_interval` if not given.
    #[schema(minimum = 0.001, maximum = 3_153_600_000_f64)]
    pub interval: Option<f64>,
    /// Seconds to wait for an answer; `service_timeout` if not given.
    #[schema(minimum = 0.001, maximum = 3_153_600_000_f64)]
    pub timeout: Option<f64>,
}
