//! What the hub says over a socket, type by type, as it is written.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Reference;
use crate::api::error_schema::ErrorBody;
use crate::api::job::JobView;
use crate::api::overview::OverviewDetails;
use crate::api::service_row::ServiceRowDetails;
use crate::api::unknown::Ignored;
use crate::domain::event::{EventId, Sequence};
use crate::domain::ids::{EventType, LeaseToken, MessageId, ServiceName, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::pattern::Pattern;
use crate::domain::timestamp::Timestamp;
use crate::logic::push::Envelope;
use crate::logic::stats::Sample;

/// One frame. What the hub does not know or has nothing to say of is left out, unless it may be
/// null.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerFrame<'a> {
    /// All types that are subscribed now, and the newest event of this moment
    Subscribed {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
        event_types: &'a [Pattern],
        sequence: Sequence,
    },
    /// The types that are left
    Unsubscribed {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
        event_types: &'a [Pattern],
    },
    /// An event
    Event { event: PushedEvent<'a> },
    /// Events were left out, as more came than `max_rate`; once a second at most
    Skipped {
        /// Since the last one of these
        count: u64,
        /// The last event that was left out
        through: Sequence,
    },
    /// The event or message is on disk
    Accepted {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
        #[schema(value_type = String, format = "uuid")]
        id: AcceptedId,
        /// Of an event: its place among all, unless it is kept no longer
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = u64, required = false)]
        sequence: Option<Sequence>,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = StreamId, required = false)]
        stream_id: Option<&'a StreamId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = u64, required = false)]
        stream_version: Option<u64>,
        /// The id was known with the same content
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        duplicate: bool,
        /// What became of a message that was known
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = String, required = false, pattern = "^(accepted|delivered|failed)$")]
        status: Option<&'static str>,
        #[schema(pattern = "^(disk|os)$")]
        durability: &'a str,
        /// Fields of it that the hub does not know and left out
        #[serde(skip_serializing_if = "Ignored::is_empty")]
        #[schema(value_type = Vec<String>, required = false)]
        ignored: &'a Ignored,
    },
    /// A message to handle, and to settle with ack or nack
    Message {
        /// As POST /v1/services/{service}/receive answers it
        message: Envelope<'a>,
        lease: LeaseToken,
    },
    /// What was asked with a ref is done
    Ok {
        #[serde(rename = "ref")]
        #[schema(inline, value_type = Reference)]
        reference: &'a Reference,
    },
    /// The hub is there
    Pong {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
    },
    /// From now on what is watched is told: each second what changed, as one array
    Watching {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
    },
    /// How the hub is, and what happened in the last second
    Stats { at: Timestamp, sample: &'a Sample },
    /// Those members of the overview that changed; at first all but the sample
    #[serde(rename = "overview_changed")]
    OverviewChanged {
        /// Stand in the frame itself.
        #[schema(value_type = OverviewDetails)]
        changed: Map<String, Value>,
    },
    /// Those fields of the row of a service that changed; at first all
    #[serde(rename = "service_changed")]
    ServiceChanged {
        service: &'a ServiceName,
        /// There is no row of it any more
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        removed: bool,
        /// Stand in the frame itself.
        #[schema(value_type = ServiceRowDetails)]
        changed: Map<String, Value>,
    },
    /// A job that changed; at first each that is under way
    #[serde(rename = "job_changed")]
    JobChanged { job: JobView },
    /// What was asked is not done, or something went wrong
    Error {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        #[schema(inline, value_type = Reference, required = false)]
        reference: Option<&'a Reference>,
        #[schema(value_type = ErrorBody)]
        error: Value,
    },
}

/// Of what was published or sent.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum AcceptedId {
    Event(EventId),
    Message(MessageId),
}

/// An event as it is pushed over a socket.
#[derive(Serialize, ToSchema)]
pub(crate) struct PushedEvent<'a> {
    pub id: EventId,
    #[serde(rename = "type")]
    pub event_type: &'a EventType,
    /// Its payload, byte for byte; left out if less was asked for
    #[schema(value_type = JsonText, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
    /// How the payload begins: at most 512 bytes, and whole characters. In place of `data` after a
    /// subscribe with `"payload":"head"`
    #[schema(value_type = String, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_head: Option<String>,
    /// How long all of it is, beside `payload_head`
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<usize>,
    pub source: &'a ServiceName,
    /// The publisher's own time if it gave one, else when the hub published it.
    pub timestamp: Timestamp,
    pub sequence: Sequence,
    pub correlation_id: String,
    #[schema(required)]
    pub stream_id: Option<&'a StreamId>,
    #[schema(required)]
    pub stream_version: Option<u64>,
    /// 1 for the first; higher if a client of the named subscription refused the event or was lost
    /// before it acknowledged it
    #[schema(minimum = 1)]
    pub attempt: u32,
}
