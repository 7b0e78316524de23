//! What one sends to `/v1/dlq`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::json_text::JsonText;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

/// What to change before the message is sent again. May be left out.
#[derive(ToSchema)]
pub struct ReprocessInput {
    /// The old one if not given.
    pub destination: Option<ServiceName>,
    /// The old one if not given; null is a payload.
    #[schema(required = false)]
    pub payload: JsonText,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeadLetterSearch {
    /// Of events: the subscriber.
    #[param(required = false)]
    pub destination: ServiceName,
    #[param(required = false)]
    pub source: ServiceName,
    #[param(required = false)]
    pub reason: DeadReason,
    #[param(required = false)]
    pub correlation_id: String,
    /// Events that this subscription did not get, and no messages.
    #[param(required = false)]
    pub subscription_id: SubscriptionId,
    /// Settled then or later.
    #[param(required = false)]
    pub since: Timestamp,
    /// Settled before.
    #[param(required = false)]
    pub until: Timestamp,
}
