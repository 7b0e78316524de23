//! What one sends to `/v1/subscriptions`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::event::Sequence;
use crate::domain::ids::ServiceName;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::SubscriptionId;

/// Which events to send where.
#[derive(ToSchema)]
#[schema(example = json!({"service": "billing", "event_types": ["order.*"], "callback_url": "http://10.0.0.5:8080/events"}))]
pub struct SubscriptionInput {
    /// The caller, by its `X-Service-Name`, if not given.
    pub service: Option<ServiceName>,
    #[schema(min_items = 1, max_items = 1000)]
    pub event_types: Vec<Pattern>,
    /// Plain http.
    #[schema(
        max_length = 2000,
        pattern = "^https?://",
        example = "http://10.0.0.5:8080/events"
    )]
    pub callback_url: String,
    /// Whether it outlives a restart of the hub.
    #[schema(default = true)]
    pub durable: Option<bool>,
    /// The first event that is meant, at most the next one to come; 0 and 1: the very first. What
    /// is published from now on if not given.
    #[schema(minimum = 0)]
    pub from_sequence: Option<Sequence>,
    /// What callbacks are signed with: `whsec_` and 24 to 64 bytes in base64. The hub makes one if
    /// not given.
    #[schema(pattern = "^whsec_")]
    pub secret: Option<String>,
    /// How many events may be under way at once. With 1 they are strictly in sequence.
    #[schema(default = 1, minimum = 1, maximum = 1000)]
    pub max_in_flight: Option<u32>,
}

/// What should be different; what is not given stays.
#[derive(ToSchema)]
#[schema(example = json!({"event_types": ["order.#"], "max_in_flight": 10}))]
pub struct SubscriptionChanges {
    #[schema(min_items = 1, max_items = 1000, required = false)]
    pub event_types: Vec<Pattern>,
    #[schema(max_length = 2000, pattern = "^https?://")]
    pub callback_url: Option<String>,
    #[schema(pattern = "^whsec_")]
    pub secret: Option<String>,
    #[schema(minimum = 1, maximum = 1000)]
    pub max_in_flight: Option<u32>,
}

/// Which subscription to end.
#[derive(ToSchema)]
pub struct UnsubscribeInput {
    pub subscription_id: SubscriptionId,
}

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
