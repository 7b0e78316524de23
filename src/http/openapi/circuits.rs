//! What one asks of `/v1/services/{service}/next`.

use utoipa::IntoParams;

use crate::domain::ids::MessageType;

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NextQuery {
    /// Only instances that take messages of this type.
    #[param(required = false, rename = "type")]
    pub message_type: MessageType,
}
