//! What one asks of `/v1/services` and `/registry`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::ids::{InstanceId, ServiceName};

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

/// A route an instance says it serves.
#[derive(ToSchema)]
pub struct Endpoint {
    pub path: String,
    #[schema(required = false)]
    pub methods: Vec<String>,
}
