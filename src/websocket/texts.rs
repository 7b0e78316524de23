//! What the hub says over a socket.

use bytestring::ByteString;
use serde_json::{Map, Value, json};

use super::answers::Slip;
use super::api::Reference;
use super::api::server::{AcceptedId, PushedEvent, ServerFrame};
use crate::api;
use crate::api::status::word;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::MessageId;
use crate::domain::message::State;
use crate::domain::moment::Moment;
use crate::domain::pattern::Pattern;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::HubError;
use crate::logic::event_sampling::SkippedEvents;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};
use crate::logic::push::Envelope;
use crate::logic::queues::leases::Leased;

/// An event on its way to a subscriber, with as much of its payload as is wanted.
pub(crate) fn event(event: &Event, attempt: u32, detail: PayloadDetail) -> ByteString {
    let stream = event.stream.as_ref();
    let is = |wanted| detail == wanted;
    let head = is(PayloadDetail::Head).then(|| PayloadHead::of_json(&event.payload));
    render(&ServerFrame::Event {
        event: PushedEvent {
            id: event.id,
            event_type: &event.event_type,
            data: is(PayloadDetail::Full).then(|| event.payload.as_raw()),
            payload_bytes: head.as_ref().map(|head| head.bytes),
            payload_head: head.and_then(|head| head.text),
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

/// Events that were left out.
pub(crate) fn skipped(skipped: SkippedEvents) -> ByteString {
    render(&ServerFrame::Skipped {
        count: skipped.count,
        through: skipped.through,
    })
}

/// A message on its way to a consumer.
pub(crate) fn message(leased: &Leased, max_attempts: u32, now: Moment) -> ByteString {
    render(&ServerFrame::Message {
        message: Envelope::handed_out(&leased.delivery, max_attempts, now),
        lease: leased.token,
    })
}

pub(crate) fn sent(
    slip: &Slip,
    id: MessageId,
    known: Option<State>,
    durability: &str,
) -> ByteString {
    render(&ServerFrame::Accepted {
        reference: slip.reference.as_ref(),
        id: AcceptedId::Message(id),
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
    render(&ServerFrame::Accepted {
        reference: slip.reference.as_ref(),
        id: AcceptedId::Event(id),
        sequence: event.map(|event| event.sequence),
        stream_id: stream.map(|place| &place.id),
        stream_version: stream.map(|place| place.version),
        duplicate,
        status: None,
        durability,
        ignored: &slip.ignored,
    })
}

/// `event_types`: all that are subscribed now; `newest`: of the log.
pub(crate) fn subscribed(
    reference: Option<&Reference>,
    event_types: &[Pattern],
    newest: Sequence,
) -> ByteString {
    render(&ServerFrame::Subscribed {
        reference,
        event_types,
        sequence: newest,
    })
}

/// `event_types`: those that are left.
pub(crate) fn unsubscribed(reference: Option<&Reference>, event_types: &[Pattern]) -> ByteString {
    render(&ServerFrame::Unsubscribed {
        reference,
        event_types,
    })
}

pub(crate) fn ok(reference: &Reference) -> ByteString {
    render(&ServerFrame::Ok { reference })
}

pub(crate) fn pong(reference: Option<&Reference>) -> ByteString {
    render(&ServerFrame::Pong { reference })
}

pub(crate) fn error(reference: Option<&Reference>, error: &HubError, now: Timestamp) -> ByteString {
    let mut about = Map::new();
    about.insert("timestamp".to_owned(), json!(now));
    if let Some(seconds) = error.retry_after() {
        about.insert("retry_after".to_owned(), json!(seconds));
    }
    render(&ServerFrame::Error {
        reference,
        error: api::error::body(error, about),
    })
}

pub(crate) fn watching(reference: Option<&Reference>) -> ByteString {
    render(&ServerFrame::Watching { reference })
}

/// A frame in which what `changed` stands beside its other fields, of which some may be among it.
pub(crate) fn lifted(frame: &ServerFrame<'_>) -> ByteString {
    let mut value = json!(frame);
    if let Some(fields) = value.as_object_mut()
        && let Some(Value::Object(changed)) = fields.remove(CHANGED)
    {
        fields.extend(changed);
    }
    value.to_string().into()
}

/// The field whose members stand in its place.
pub(crate) const CHANGED: &str = "changed";

pub(crate) fn render(frame: &ServerFrame<'_>) -> ByteString {
    let text = serde_json::to_string(frame);
    text.expect("names, numbers and checked JSON are JSON")
        .into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::api::unknown::Ignored;
    use crate::domain::ids::{ContentType, JobId, LeaseToken, ServiceName};
    use crate::domain::json_text::JsonText;
    use crate::domain::message::Message;
    use crate::domain::payload::Payload;
    use crate::domain::redrive::RedriveJob;
    use crate::domain::refusal::Refusal;
    use crate::hub::error::Subject;
    use crate::logic::journal::samples as facts;
    use crate::logic::queues::Delivery;
    use crate::logic::stats::Sample;
    use crate::websocket::answers::Answers;
    use serde_json::value::RawValue;
    use std::sync::Arc;

    fn slip(reference: Option<Reference>) -> Slip {
        Slip {
            place: Answers::place(1, 0),
            reference,
            ignored: Ignored::default(),
        }
    }

    /// Texts of each type, with all they may have and with as little.
    pub(crate) fn samples() -> Vec<ByteString> {
        let reference: Reference = serde_json::from_str("7").unwrap();
        let given = Some(&reference);
        let patterns = [Pattern::parse("a.#").unwrap()];
        let mut texts = vec![
            subscribed(given, &patterns, 9),
            subscribed(None, &[], 0),
            unsubscribed(None, &patterns),
            unsubscribed(given, &[]),
            skipped(SkippedEvents {
                count: 1,
                through: 3,
            }),
            ok(&reference),
            pong(None),
            pong(given),
        ];
        texts.extend(watched(given));
        let payloads = [Payload::parse("{}").unwrap(), bytes()];
        texts.extend(payloads.map(handed));
        texts.extend(accepted(&reference));
        texts.extend(problems().map(|problem| error(given, &problem, Timestamp::default())));
        texts.push(error(None, &HubError::Internal, Timestamp::default()));
        texts
    }

    /// What is told to who watches.
    fn watched(given: Option<&Reference>) -> Vec<ByteString> {
        let shop = ServiceName::parse("shop").unwrap();
        let (at, job) = (Timestamp::default(), JobId(uuid::Uuid::nil()));
        let sample = Sample {
            cpu: Some(0.5),
            ..Sample::default()
        };
        let changed = |name: &str, value| Map::from_iter([(name.to_owned(), value)]);
        let service_changed = |removed, changed| ServerFrame::ServiceChanged {
            service: &shop,
            removed,
            changed,
        };
        vec![
            watching(given),
            watching(None),
            render(&ServerFrame::Stats {
                at,
                sample: &sample,
            }),
            lifted(&ServerFrame::OverviewChanged {
                changed: changed("status", json!("healthy")),
            }),
            lifted(&service_changed(false, changed("queued", json!(3)))),
            lifted(&service_changed(true, Map::new())),
            render(&ServerFrame::JobChanged {
                job: RedriveJob::begun(job, at, 2.0).into(),
            }),
        ]
    }

    fn bytes() -> Payload {
        Payload::raw(vec![0xff], ContentType::parse("image/png").ok())
    }

    fn handed(payload: Payload) -> ByteString {
        let delivery = Delivery {
            outlived: None,
            message: Arc::new(Message {
                payload,
                ..facts::message(1, "{}")
            }),
            attempt: 1,
            hand_outs: 1,
        };
        let token = LeaseToken(uuid::Uuid::from_u128(1));
        message(&Leased { delivery, token }, 5, Timestamp::default().into())
    }

    /// Of events, and what is said of events and messages that were taken.
    fn accepted(reference: &Reference) -> Vec<ByteString> {
        let (mut named, none) = (slip(Some(reference.clone())), slip(None));
        named.ignored.add("colour");
        let mut sample = facts::event(1, 2);
        sample.payload = JsonText::new(RawValue::from_string("[1]".to_owned()).unwrap());
        let alone = Event {
            stream: None,
            ..sample.clone()
        };
        let id = MessageId(uuid::Uuid::nil());
        let mut texts = vec![
            event(&sample, 1, PayloadDetail::Full),
            event(&alone, 2, PayloadDetail::Full),
            event(&sample, 1, PayloadDetail::Head),
            event(&alone, 1, PayloadDetail::None),
            published(&named, sample.id, Some(&sample), false, "disk"),
            published(&none, sample.id, None, true, "os"),
            sent(&named, id, None, "disk"),
        ];
        let known = [State::Queued, State::Delivered, State::Dead];
        texts.extend(known.map(|state| sent(&none, id, Some(state), "os")));
        texts
    }

    fn problems() -> [HubError; 5] {
        let stale = vec![LeaseToken(uuid::Uuid::nil())];
        let (expected, current) = (-1, 2);
        [
            HubError::invalid(Subject::Message, "type", "is wrong"),
            Refusal::StaleLeases { stale }.into(),
            Refusal::EventsGone { oldest: 3 }.into(),
            Refusal::VersionConflict { expected, current }.into(),
            Refusal::Stopping.into(),
        ]
    }

    #[test]
    fn of_a_payload_an_event_has_what_was_asked_for() {
        let long = format!("\"{}\"", "x".repeat(600));
        let mut sample = facts::event(1, 2);
        sample.payload = JsonText::parse(&long).unwrap();
        let pushed = |detail| {
            let text: Value = serde_json::from_str(&event(&sample, 1, detail)).unwrap();
            let event = &text["event"];
            let members = ["data", "payload_head", "payload_bytes"];
            members.map(|member| event.get(member).cloned())
        };
        let (head, bytes) = (json!(&long[..512]), json!(602));
        let whole = json!(&long[1..601]);
        assert_eq!(pushed(PayloadDetail::Full), [Some(whole), None, None]);
        assert_eq!(pushed(PayloadDetail::Head), [None, Some(head), Some(bytes)]);
        assert_eq!(pushed(PayloadDetail::None), [None, None, None]);
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
