//! What one asks of `/v1/subscriptions`.

use utoipa::IntoParams;

use crate::domain::ids::ServiceName;
use crate::domain::subscription::SubscriptionId;

/// Which subscriptions, and which part of the list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubscriptionSearch {
    #[param(required = false)]
    pub service: ServiceName,
    /// How many items at most. A page of large ones has fewer, about 4 MiB: what counts is whether
    /// there is a `next_cursor`.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the subscription it ended with.
    #[param(required = false)]
    pub cursor: SubscriptionId,
}
