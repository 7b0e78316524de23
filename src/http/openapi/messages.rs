//! What one sends to `/v1/messages`.

use std::collections::BTreeMap;

use utoipa::{IntoParams, ToSchema};

use super::values::PriorityInput;
use crate::domain::attempt::AttemptOutcome;
use crate::domain::circuit::CircuitName;
use crate::domain::ids::{
    CorrelationId, InstanceId, JobId, Label, MessageId, MessageType, ServiceName,
};
use crate::domain::json_text::JsonText;
use crate::domain::message::{State, Status};
use crate::domain::timestamp::Timestamp;

/// A message to send. Unknown fields are left out and named in the answer; a known field of the wrong type is refused, and
/// `null` means that it is not given, except for `payload`.
#[derive(ToSchema)]
#[schema(example = json!({
    "destination": "billing",
    "source": "shop",
    "type": "invoice.create",
    "priority": "HIGH",
    "payload": {"order": 4711}
}))]
pub struct MessageInput {
    pub destination: ServiceName,
    /// Required; give null if there is nothing to say. Nested at most 64 levels deep.
    pub payload: JsonText,
    /// Makes sending safe to repeat: a known id with the same content is answered with what became
    /// of the message. Made by the hub if not given.
    pub id: Option<MessageId>,
    /// What kind of message it is.
    #[schema(default = "service_message")]
    pub r#type: Option<Label>,
    /// Another name for `type`, read if `type` is not given.
    pub message_type: Option<MessageType>,
    /// The header `X-Service-Name` if not given; one of them is required.
    pub source: Option<ServiceName>,
    /// The header `X-Correlation-ID` if not given, else the message's id.
    pub correlation_id: Option<CorrelationId>,
    /// Which service wants replies.
    pub reply_to: Option<ServiceName>,
    #[schema(default = "NORMAL")]
    pub priority: Option<PriorityInput>,
    /// Seconds, to the millisecond, from acceptance until the message expires. Never, if not given.
    #[schema(minimum = 0.001, maximum = 3_153_600_000_f64)]
    pub ttl: Option<f64>,
    /// Makes the message more urgent as it comes near; nothing expires by it.
    pub deadline: Option<Timestamp>,
    /// Not delivered before this time. Not together with `delay`.
    pub deliver_at: Option<Timestamp>,
    /// Seconds, to the millisecond, before which it is not delivered. Not together with `deliver_at`.
    #[schema(minimum = 0, maximum = 3_153_600_000_f64)]
    pub delay: Option<f64>,
    /// Messages with the same key to one destination are delivered one after the other.
    pub ordering_key: Option<Label>,
    /// Passed on with the message: at most 32.
    pub headers: Option<BTreeMap<String, String>>,
    /// The sender's own time, passed on; nothing is timed by it.
    pub timestamp: Option<Timestamp>,
    #[schema(default = "queue")]
    pub on_unavailable: Option<OnUnavailable>,
}

/// What to do if the circuit is open or no instance is available: keep the message, or refuse it
/// at once.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum OnUnavailable {
    Queue,
    Reject,
}

/// One try to hand a message to its destination.
#[derive(ToSchema)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
    /// Which instance it was tried with.
    #[schema(required = false)]
    pub instance: InstanceId,
    pub outcome: AttemptOutcome,
    /// What the instance answered, if it did.
    #[schema(required = false)]
    pub status_code: u16,
    pub duration_ms: u64,
    #[schema(required = false)]
    pub error: String,
}

/// What a request says for all messages in it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct MessageHeaders {
    /// The `source` of messages that name none.
    #[param(required = false, rename = "X-Service-Name")]
    pub service_name: ServiceName,
    /// The `correlation_id` of messages that name none.
    #[param(required = false, rename = "X-Correlation-ID")]
    pub correlation_id: CorrelationId,
    /// W3C trace context, passed on with the messages.
    #[param(required = false)]
    pub traceparent: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SendQuery {
    /// Milliseconds to hold the answer until the message is settled.
    #[param(required = false, minimum = 0, maximum = 60_000, default = 0)]
    pub wait_ms: u32,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageSearch {
    #[param(required = false)]
    pub source: ServiceName,
    #[param(required = false)]
    pub destination: ServiceName,
    #[param(required = false)]
    pub status: Status,
    #[param(required = false)]
    pub state: State,
    #[param(required = false)]
    pub correlation_id: String,
    /// Accepted then or later.
    #[param(required = false)]
    pub since: Timestamp,
    /// Accepted before.
    #[param(required = false)]
    pub until: Timestamp,
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most. A page of large ones has fewer, about 4 MiB: what counts is whether
    /// there is a `next_cursor`.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before.
    #[param(required = false, pattern = "^[0-9]{1,19}$")]
    pub cursor: String,
}

/// Which part of a list of what services have.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NamePageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the name it ended with.
    #[param(required = false)]
    pub cursor: ServiceName,
}

/// Which part of the list of circuits.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CircuitPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the name it ended with.
    #[param(required = false)]
    pub cursor: CircuitName,
}

/// Which part of the list of sockets.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SocketPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the id it ended with.
    #[param(required = false)]
    pub cursor: String,
}

/// Which part of the list of jobs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobPageQuery {
    /// How many items at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = 100)]
    pub limit: u16,
    /// The `next_cursor` of the page before: the job it ended with.
    #[param(required = false)]
    pub cursor: JobId,
}
