//! What the hub says over a socket.

use bytestring::ByteString;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, json};

use super::answers::Slip;
use super::frames::Reference;
use crate::api;
use crate::api::status::word;
use crate::api::unknown::Ignored;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{EventType, LeaseToken, MessageId, ServiceName, StreamId};
use crate::domain::message::State;
use crate::domain::moment::Moment;
use crate::domain::pattern::Pattern;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::HubError;
use crate::logic::push::Envelope;
use crate::logic::queues::leases::Leased;

#[derive(Serialize)]
struct EventFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    event: EventBody<'a>,
}

#[derive(Serialize)]
struct EventBody<'a> {
    id: EventId,
    #[serde(rename = "type")]
    event_type: &'a EventType,
    data: &'a RawValue,
    source: &'a ServiceName,
    timestamp: Timestamp,
    sequence: Sequence,
    correlation_id: String,
    stream_id: Option<&'a StreamId>,
    stream_version: Option<u64>,
    attempt: u32,
}

/// An event on its way to a subscriber.
pub(crate) fn event(event: &Event, attempt: u32) -> ByteString {
    let stream = event.stream.as_ref();
    render(&EventFrame {
        kind: "event",
        event: EventBody {
            id: event.id,
            event_type: &event.event_type,
            data: event.payload.as_raw(),
            source: &event.source,
            timestamp: event.timestamp(),
            sequence: event.sequence,
            correlation_id: event.correlation_id(),
            stream_id: stream.map(|place| &place.id),
            stream_version: stream.map(|place| place.version),
            attempt,
        },
    })
}

#[derive(Serialize)]
struct MessageFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Envelope<'a>,
    lease: LeaseToken,
}

/// A message on its way to a consumer.
pub(crate) fn message(leased: &Leased, max_attempts: u32, now: Moment) -> ByteString {
    render(&MessageFrame {
        kind: "message",
        message: Envelope::handed_out(&leased.delivery, max_attempts, now),
        lease: leased.token,
    })
}

#[derive(Serialize)]
struct Accepted<'a, Id> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
    id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<&'a StreamId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_version: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// What became of a message that was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    durability: &'a str,
    #[serde(skip_serializing_if = "Ignored::is_empty")]
    ignored: &'a Ignored,
}

pub(crate) fn sent(
    slip: &Slip,
    id: MessageId,
    known: Option<State>,
    durability: &str,
) -> ByteString {
    render(&Accepted {
        kind: "accepted",
        reference: slip.reference.as_deref(),
        id,
        sequence: None,
        stream_id: None,
        stream_version: None,
        duplicate: known.is_some(),
        status: known.map(|state| word(state.status())),
        durability,
        ignored: &slip.ignored,
    })
}

/// `event` is `None` for a repeat of an event that is kept no longer.
pub(crate) fn published(
    slip: &Slip,
    id: EventId,
    event: Option<&Event>,
    duplicate: bool,
    durability: &str,
) -> ByteString {
    let stream = event.and_then(|event| event.stream.as_ref());
    render(&Accepted {
        kind: "accepted",
        reference: slip.reference.as_deref(),
        id,
        sequence: event.map(|event| event.sequence),
        stream_id: stream.map(|place| &place.id),
        stream_version: stream.map(|place| place.version),
        duplicate,
        status: None,
        durability,
        ignored: &slip.ignored,
    })
}

#[derive(Serialize)]
struct Subscribed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
    event_types: &'a [Pattern],
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Sequence>,
}

/// `event_types`: all that are subscribed now; `newest`: of the log.
pub(crate) fn subscribed(
    reference: Option<&Reference>,
    event_types: &[Pattern],
    newest: Sequence,
) -> ByteString {
    render(&Subscribed {
        kind: "subscribed",
        reference: reference.map(|reference| &**reference),
        event_types,
        sequence: Some(newest),
    })
}

/// `event_types`: those that are left.
pub(crate) fn unsubscribed(reference: Option<&Reference>, event_types: &[Pattern]) -> ByteString {
    render(&Subscribed {
        kind: "unsubscribed",
        reference: reference.map(|reference| &**reference),
        event_types,
        sequence: None,
    })
}

#[derive(Serialize)]
struct Short<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
}

pub(crate) fn ok(reference: &Reference) -> ByteString {
    render(&Short {
        kind: "ok",
        reference: Some(reference),
    })
}

pub(crate) fn pong(reference: Option<&Reference>) -> ByteString {
    render(&Short {
        kind: "pong",
        reference: reference.map(|reference| &**reference),
    })
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
    error: serde_json::Value,
}

pub(crate) fn error(reference: Option<&Reference>, error: &HubError, now: Timestamp) -> ByteString {
    let mut about = Map::new();
    about.insert("timestamp".to_owned(), json!(now));
    if let Some(seconds) = error.retry_after() {
        about.insert("retry_after".to_owned(), json!(seconds));
    }
    render(&Failed {
        kind: "error",
        reference: reference.map(|reference| &**reference),
        error: api::error::body(error, about),
    })
}

fn render(frame: &impl Serialize) -> ByteString {
    let text = serde_json::to_string(frame);
    text.expect("names, numbers and checked JSON are JSON")
        .into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::json_text::JsonText;
    use crate::hub::error::Subject;
    use crate::logic::journal::samples as facts;
    use crate::websocket::answers::Answers;
    use std::sync::Arc;

    fn slip(reference: Option<Reference>) -> Slip {
        Slip {
            place: Answers::place(1, 0),
            reference,
            ignored: Ignored::default(),
        }
    }

    /// One text of each type.
    pub(crate) fn samples() -> Vec<(&'static str, ByteString)> {
        let reference: Reference = serde_json::from_str("7").unwrap();
        let given = Some(&reference);
        let slip = slip(Some(reference.clone()));
        let patterns = [Pattern::parse("a.#").unwrap()];
        let mut sample = facts::event(1, 2);
        sample.payload = JsonText::new(RawValue::from_string("[1]".to_owned()).unwrap());
        let problem = HubError::invalid(Subject::Message, "type", "is wrong");
        let leased = Leased {
            delivery: crate::logic::queues::Delivery {
                outlived: None,
                message: Arc::new(facts::message(1, "{}")),
                attempt: 1,
                hand_outs: 1,
            },
            token: LeaseToken(uuid::Uuid::from_u128(1)),
        };
        vec![
            ("subscribed", subscribed(given, &patterns, 9)),
            ("unsubscribed", unsubscribed(None, &patterns)),
            ("event", event(&sample, 1)),
            (
                "accepted",
                published(&slip, sample.id, Some(&sample), false, "disk"),
            ),
            ("message", message(&leased, 5, Timestamp::default().into())),
            ("ok", ok(&reference)),
            ("pong", pong(None)),
            ("error", error(given, &problem, Timestamp::from_millis(1))),
        ]
    }

    #[test]
    fn an_answer_has_only_what_is_known() {
        let known = Some(State::Delivered);
        let text = sent(&slip(None), MessageId(uuid::Uuid::nil()), known, "os");
        assert_eq!(
            text,
            r#"{"type":"accepted","id":"00000000-0000-0000-0000-000000000000","duplicate":true,"status":"delivered","durability":"os"}"#
        );
    }
}
