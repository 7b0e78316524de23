//! What one asks of `/v1/dlq`.

use utoipa::IntoParams;

use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

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
