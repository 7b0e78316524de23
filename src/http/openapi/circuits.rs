//! What one sends to `/v1/circuits`, and asks of `/v1/services/{service}/next`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::circuit::CircuitState;
use crate::domain::ids::MessageType;

/// The state a circuit should go into.
#[derive(ToSchema)]
#[schema(example = json!({"state": "OPEN", "reason": "database maintenance", "reset_timeout": 600}))]
pub struct CircuitInput {
    /// In upper or lower case. `OPEN` parks what waits until `reset_timeout` is over, then one message
    /// at a time is tried; `HALF_OPEN` begins with that; `CLOSED` lets messages through, one at
    /// first, then 2, 4, …
    pub state: CircuitState,
    /// Printable text, kept and shown with the circuit as long as it is in this state.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Seconds an `OPEN` circuit stays open; `circuit_breaker_reset_timeout` if not given.
    #[schema(minimum = 0.001, maximum = 3_153_600_000_f64)]
    pub reset_timeout: Option<f64>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NextQuery {
    /// Only instances that take messages of this type.
    #[param(required = false, rename = "type")]
    pub message_type: MessageType,
}
