//! What one sends to `receive` and `/v1/leases`, and a message as its destination gets it.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use crate::domain::ids::{Label, LeaseToken, MessageId, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::message::Priority;
use crate::domain::timestamp::Timestamp;

/// How many messages, and for how long. May be left out.
#[derive(ToSchema)]
pub struct ReceiveInput {
    /// How many messages at most; fewer if they are large (about 4 MiB).
    #[schema(default = 10, minimum = 1, maximum = 1000)]
    pub max: Option<u16>,
    /// Milliseconds to wait for a first message.
    #[schema(default = 0, minimum = 0, maximum = 60_000)]
    pub wait_ms: Option<u32>,
    /// Seconds until the messages are given to somebody else.
    #[schema(default = 30, minimum = 0.001, maximum = 43_200)]
    pub lease: Option<f64>,
}

#[derive(ToSchema)]
pub struct AckInput {
    /// All of them or, if one is stale, none.
    #[schema(min_items = 1, max_items = 10_000)]
    pub leases: Vec<LeaseToken>,
}

#[derive(ToSchema)]
pub struct NackInput {
    /// All of them or, if one is stale, none.
    #[schema(min_items = 1, max_items = 10_000)]
    pub leases: Vec<LeaseToken>,
    /// Seconds until the next attempt, cut at `max_retry_delay`; the usual backoff if not given.
    #[schema(minimum = 0, maximum = 3_153_600_000_f64)]
    pub delay: Option<f64>,
    /// Kept with the attempt.
    pub reason: Option<Label>,
}

#[derive(ToSchema)]
pub struct ExtendInput {
    /// All of them or, if one is stale, none.
    #[schema(min_items = 1, max_items = 10_000)]
    pub leases: Vec<LeaseToken>,
    /// Seconds from now.
    #[schema(default = 30, minimum = 0.001, maximum = 43_200)]
    pub lease: Option<f64>,
}

/// A message as its destination gets it.
#[derive(ToSchema)]
pub struct HandedMessage {
    pub id: MessageId,
    #[schema(rename = "type")]
    pub message_type: MessageType,
    pub source: ServiceName,
    pub destination: ServiceName,
    pub correlation_id: String,
    pub reply_to: Option<ServiceName>,
    pub payload: JsonText,
    /// The sender's own time if it gave one, else when the hub took the message.
    pub timestamp: Timestamp,
    pub priority: Priority,
    pub headers: Option<BTreeMap<String, String>>,
    /// 1 for the first.
    pub attempt: u32,
    /// As many may fail.
    pub max_attempts: u32,
    /// How often it was handed out to consumers since the last attempt, this time included.
    pub hand_outs: u32,
    pub deadline: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// A message with the lease it is handed out under.
#[derive(ToSchema)]
pub struct LeasedMessage {
    #[schema(inline)]
    #[serde(flatten)]
    pub message: HandedMessage,
    pub lease: LeaseToken,
}
