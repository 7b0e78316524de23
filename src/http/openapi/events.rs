//! What one sends to `/v1/events`.

use utoipa::{IntoParams, ToSchema};

use crate::domain::event::EventId;
use crate::domain::ids::{CorrelationId, EventType, Label, ServiceName, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;

/// An event to publish. Unknown fields are left out and named in the answer; a known field of the wrong type is refused, and
/// `null` means that it is not given, except for `payload`.
#[derive(ToSchema)]
#[schema(example = json!({
    "event_type": "billing.invoice.paid",
    "source": "billing",
    "stream_id": "invoice-4711",
    "expected_version": 3,
    "payload": {"amount": 12.5}
}))]
pub struct EventInput {
    /// What happened, by convention `service.resource.action`. Subscribers choose by it.
    pub event_type: EventType,
    /// Required; give null if there is nothing to say. Nested at most 64 levels deep.
    pub payload: JsonText,
    /// Makes publishing safe to repeat: a known id with the same content is answered with the
    /// place of the event it was first given to. Made by the hub if not given.
    pub id: Option<EventId>,
    /// Any string; it says nothing.
    #[schema(rename = "type", default = "event")]
    pub kind: Option<String>,
    /// The header `X-Service-Name` if not given; one of them is required.
    pub source: Option<ServiceName>,
    /// The header `X-Correlation-ID` if not given, else the event's id.
    pub correlation_id: Option<CorrelationId>,
    /// What led to it: the id of a message or an event, mostly.
    pub causation_id: Option<Label>,
    /// The stream it belongs to, whose events are counted from 1.
    pub stream_id: Option<StreamId>,
    /// How many events the stream must have before this one: 0 for a new stream, -1 for any but a
    /// new one. Only with `stream_id`.
    #[schema(minimum = -1)]
    pub expected_version: Option<i64>,
    /// Kept with the event, byte for byte.
    pub metadata: Option<JsonText>,
    /// The publisher's own time, passed on; nothing is timed by it.
    pub timestamp: Option<Timestamp>,
}

/// What a request says for all events in it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct EventHeaders {
    /// The `source` of events that name none.
    #[param(required = false, rename = "X-Service-Name")]
    pub service_name: ServiceName,
    /// The `correlation_id` of events that name none.
    #[param(required = false, rename = "X-Correlation-ID")]
    pub correlation_id: CorrelationId,
    /// W3C trace context, kept with the events.
    #[param(required = false)]
    pub traceparent: String,
}
