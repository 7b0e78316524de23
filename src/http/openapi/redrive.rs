//! What one sends to `/v1/dlq/redrive`.

use utoipa::ToSchema;

use crate::domain::fact::DeadReason;
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;

/// Which dead messages to send again, and how fast; letters of events are not among them. May be
/// left out: all of them.
#[derive(ToSchema)]
#[schema(example = json!({"filter": {"destination": "billing", "reason": "rejected"}, "rate": 50}))]
pub struct RedriveInput {
    pub filter: Option<RedriveFilter>,
    /// Messages per second, with fractions.
    #[schema(default = 200, exclusive_minimum = 0, maximum = 100_000)]
    pub rate: Option<f64>,
    /// Only count what matches.
    #[schema(default = false)]
    pub dry_run: Option<bool>,
}

/// Dead messages that match everything given.
#[derive(ToSchema)]
pub struct RedriveFilter {
    pub destination: Option<ServiceName>,
    pub source: Option<ServiceName>,
    pub reason: Option<DeadReason>,
    #[schema(min_length = 1, max_length = 200)]
    pub correlation_id: Option<String>,
    /// Settled then or later.
    pub since: Option<Timestamp>,
    /// Settled before.
    pub until: Option<Timestamp>,
}
