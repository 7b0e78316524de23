//! A message as its destination gets it.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use crate::domain::ids::{ContentType, LeaseToken, MessageId, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::message::Priority;
use crate::domain::timestamp::Timestamp;

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
    /// Null if it is shown as `payload_base64`.
    pub payload: JsonText,
    /// The bytes of a payload that is no JSON, in standard base64.
    #[schema(required = false, content_encoding = "base64")]
    pub payload_base64: String,
    /// What the sender said that the bytes are; only of a payload that was sent as bytes.
    #[schema(required = false)]
    pub content_type: ContentType,
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
