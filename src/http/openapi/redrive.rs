//! What one sends to `/v1/dlq/redrive`.

use utoipa::ToSchema;

use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

/// Which dead letters to send again, and how fast. May be left out: all of them.
#[derive(ToSchema)]
#[schema(example = json!({"filter": {"destination": "billing", "reason": "rejected"}, "rate": 50}))]
pub struct RedriveInput {
    #[schema(required = false)]
    pub filter: RedriveFilter,
    /// Dead letters per second, with fractions.
    #[schema(default = 200, exclusive_minimum = 0, maximum = 100_000)]
    pub rate: Option<f64>,
    /// Only count what matches.
    #[schema(default = false, required = false)]
    pub dry_run: bool,
}

/// Which dead letters to delete, and how fast.
#[derive(ToSchema)]
#[schema(example = json!({"filter": {"destination": "billing", "until": "2026-06-01T00:00:00Z"}}))]
pub struct DeleteInput {
    pub filter: RedriveFilter,
    /// Dead letters per second, with fractions.
    #[schema(default = 2000, exclusive_minimum = 0, maximum = 100_000)]
    pub rate: Option<f64>,
    /// Only count what matches.
    #[schema(default = false, required = false)]
    pub dry_run: bool,
}

/// Dead letters, of messages and of events, that match everything given: just those that the list
/// shows for it.
#[derive(ToSchema)]
pub struct RedriveFilter {
    /// Of events: the subscriber.
    #[schema(required = false)]
    pub destination: ServiceName,
    #[schema(required = false)]
    pub source: ServiceName,
    #[schema(required = false)]
    pub reason: DeadReason,
    #[schema(min_length = 1, max_length = 200, required = false)]
    pub correlation_id: String,
    /// Events that this subscription did not get, and no messages.
    #[schema(required = false)]
    pub subscription_id: SubscriptionId,
    /// Settled then or later.
    #[schema(required = false)]
    pub since: Timestamp,
    /// Settled before.
    #[schema(required = false)]
    pub until: Timestamp,
}
