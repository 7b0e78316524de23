//! What one asks `/v1/queue`.

use utoipa::{IntoParams, ToSchema};

use super::values::PriorityInput;
use crate::domain::ids::ServiceName;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// Only this destination.
    #[param(required = false)]
    pub service: ServiceName,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClearQuery {
    pub service: ServiceName,
    /// Only this level.
    #[param(required = false)]
    pub priority: PriorityInput,
}

/// Which queue. May be left out.
#[derive(ToSchema)]
pub struct SwitchInput {
    /// The queues of all services if not given.
    #[schema(required = false)]
    pub service: ServiceName,
}
