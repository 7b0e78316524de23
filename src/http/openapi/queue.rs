//! What one asks `/v1/queue`.

use utoipa::IntoParams;

use crate::api::message::PriorityInput;
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;

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
    #[param(required = false, value_type = PriorityInput)]
    pub priority: Priority,
}
