//! What one asks `/v1/queue/status`.

use utoipa::IntoParams;

use crate::domain::ids::ServiceName;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// Only this destination.
    #[param(required = false)]
    pub service: ServiceName,
}
