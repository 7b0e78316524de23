//! An event as a client publishes it, alone, in a batch or in a frame.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body;
use super::field::{BodyField, even_null, field, text};
use super::problem::Problem;
use super::texts::{AnyText, Id, NewCorrelation, NewSegment, NewService, NewStream, PointInTime};
use super::unknown::Ignored;
use crate::domain::event::{Event, EventExtras, EventId, ExpectedVersion, StreamPlace};
use crate::domain::ids::EventType;
use crate::domain::json_text::JsonText;
use crate::domain::offer::EventOffer;
use crate::domain::pattern;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::logic::canonical::event_fingerprint;

const SUBJECT: Subject = Subject::Message;

/// What an event may ask for in a later version.
const PROMISED: [&str; 4] = ["transaction_id", "schema_version", "sensitive", "subject"];

/// An event to publish. Unknown fields are left out and named in the answer; a known field of the
/// wrong type is refused, and `null` means that it is not given, except for `payload`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventInput, example = json!({
    "event_type": "billing.invoice.paid",
    "source": "billing",
    "stream_id": "invoice-4711",
    "expected_version": 3,
    "payload": {"amount": 12.5}
}))]
pub(crate) struct EventBody {
    /// What happened, by convention `service.resource.action`. Subscribers choose by it.
    event_type: NewEventType,
    /// Required; give null if there is nothing to say. Nested at most 64 levels deep.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = JsonText, required = true)]
    payload: Option<JsonText>,
    /// Makes publishing safe to repeat: a known id with the same content is answered with the
    /// place of the event it was first given to. Made by the hub if not given.
    #[schema(value_type = Option<EventId>)]
    id: Option<Id>,
    /// Any string; it says nothing.
    #[serde(rename = "type")]
    #[schema(default = "event", value_type = Option<String>)]
    _kind: Option<AnyText>,
    /// The header `X-Service-Name` if not given; one of them is required.
    source: Option<NewService>,
    /// The header `X-Correlation-ID` if not given, else the event's id.
    correlation_id: Option<NewCorrelation>,
    /// What led to it: the id of a message or an event, mostly.
    causation_id: Option<NewSegment>,
    /// The stream it belongs to, whose events are counted from 1.
    stream_id: Option<NewStream>,
    /// How many events the stream must have before this one: 0 for a new stream, -1 for any but a
    /// new one. Only with `stream_id`.
    #[schema(value_type = Option<i64>, minimum = -1)]
    expected_version: Option<ExpectedVersionNumber>,
    /// Kept with the event, byte for byte.
    metadata: Option<JsonText>,
    /// The publisher's own time, passed on; nothing is timed by it.
    timestamp: Option<PointInTime>,
}

/// Which can be subscribed to, listed and replayed by its name.
pub(crate) struct NewEventType(EventType);

impl BodyField for NewEventType {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let event_type = EventType::given_interned(&text(json)?).map_err(Problem::new)?;
        pattern::check_type(event_type.as_str()).map_err(Problem::new)?;
        Ok(Self(event_type))
    }
}

field!(NewEventType, as EventType);

struct ExpectedVersionNumber(ExpectedVersion);

impl BodyField for ExpectedVersionNumber {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = || {
            Problem::new(
                "must be a whole number: -1 for any existing stream, 0 for a new one, \
                 else the version of its last event, at most 9223372036854775807",
            )
        };
        match serde_json::from_str::<i64>(json.get()) {
            Ok(-1) => Ok(Self(ExpectedVersion::Existing)),
            Ok(number) => u64::try_from(number)
                .map(|version| Self(ExpectedVersion::Exactly(version)))
                .map_err(|_| problem()),
            Err(_) => Err(problem()),
        }
    }
}

field!(ExpectedVersionNumber);

/// Reads one event.
///
/// # Errors
/// 400 with the field.
pub(crate) fn read(
    text: &str,
    context: &RequestContext<'_>,
) -> Result<(EventOffer, Ignored), HubError> {
    let (body, ignored) = body::data::<EventBody>(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    Ok((body.offer(context)?, ignored))
}

impl EventBody {
    fn offer(self, context: &RequestContext<'_>) -> Result<EventOffer, HubError> {
        let now = context.now;
        if self.expected_version.is_some() && self.stream_id.is_none() {
            let problem = "needs a stream_id";
            return Err(HubError::invalid(SUBJECT, "expected_version", problem));
        }
        let mut event = Event {
            id: match self.id {
                Some(Id(id)) => EventId(id),
                None => context.generate_event_id(),
            },
            sequence: 0,
            event_type: self.event_type.0,
            source: context.principal.acting_for(
                SUBJECT,
                "source",
                self.source.map(|name| name.0),
            )?,
            published_at: now,
            stream: self.stream_id.map(|id| StreamPlace {
                id: id.0,
                version: 0,
            }),
            correlation_id: self
                .correlation_id
                .map(|id| id.0)
                .or_else(|| context.correlation_id.cloned()),
            causation_id: self.causation_id.map(|id| id.0),
            payload: self.payload.ok_or_else(|| {
                let problem = "is required; give null if there is none";
                HubError::invalid(SUBJECT, "payload", problem)
            })?,
            extras: None,
        };
        let extras = EventExtras {
            metadata: self.metadata,
            timestamp: self.timestamp.map(|time| time.0),
            traceparent: context.traceparent.cloned(),
            fingerprint: None,
        };
        event.extras = (extras != EventExtras::default()).then(|| Box::new(extras));
        if self.id.is_some() {
            let fingerprint = event_fingerprint(&event);
            event.extras.get_or_insert_default().fingerprint = Some(fingerprint);
        }
        Ok(EventOffer {
            event,
            expected_version: self.expected_version.map(|number| number.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CorrelationId, Label, ServiceName};
    use crate::domain::timestamp::Timestamp;
    use crate::hub::access::{Principal, Role};

    fn caller(name: Option<&str>) -> Principal {
        Principal {
            name: name.map(|name| ServiceName::parse(name).unwrap()),
            role: Role::Operator,
        }
    }

    fn read_as(text: &str, caller: &Principal) -> Result<EventOffer, HubError> {
        let context = RequestContext::of(caller, Timestamp::from_millis(1_000_000));
        read(text, &context).map(|(offer, _)| offer)
    }

    fn with(field: &str) -> Result<EventOffer, HubError> {
        let text = format!(r#"{{"event_type":"a.b","source":"s","payload":1,{field}}}"#);
        read_as(&text, &caller(None))
    }

    fn field_of(result: Result<EventOffer, HubError>) -> String {
        match result {
            Err(HubError::Invalid {
                field,
                subject: Subject::Message,
                ..
            }) => field,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn the_least_event_gets_its_defaults() {
        let shop = caller(Some("shop"));
        let offer = read_as(r#"{"event_type":"a.b","payload":null}"#, &shop).unwrap();
        let event = &offer.event;
        assert_eq!(event.source.as_str(), "shop");
        assert_eq!(event.payload.as_json(), "null");
        assert_eq!((&event.extras, &event.stream), (&None, &None));
        assert_eq!(event.correlation_id(), event.id.to_string());
        assert!(event.id.is_generated());
        assert_eq!(offer.expected_version, None);
    }

    #[test]
    fn every_field_is_taken_as_it_is() {
        let caller = caller(Some("shop"));
        let (header, trace) = (
            CorrelationId::parse("header").unwrap(),
            Label::parse("t").unwrap(),
        );
        let context = RequestContext {
            correlation_id: Some(&header),
            traceparent: Some(&trace),
            ..RequestContext::of(&caller, Timestamp::from_millis(5))
        };
        let text = r#"{"type":"event","event_type":"a.b","source":"mail","stream_id":"ä 1",
            "causation_id":"cause","metadata": {"x": 1e400,"x":2} ,"payload":[ 1 ],
            "timestamp":"1970-01-01T00:00:01Z","expected_version":-1,"unknown":{}}"#;
        let (offer, ignored) = read(text, &context).unwrap();
        assert_eq!(ignored.first(), Some("unknown"));
        let event = &offer.event;
        assert_eq!(event.source.as_str(), "mail");
        assert_eq!(event.stream.as_ref().unwrap().id.as_str(), "ä 1");
        assert_eq!(event.correlation_id(), "header");
        assert_eq!(event.causation_id.as_ref().unwrap().as_str(), "cause");
        assert_eq!(event.payload.as_json(), "[ 1 ]");
        assert_eq!(event.timestamp(), Timestamp::from_millis(1000));
        assert_eq!(event.published_at, Timestamp::from_millis(5));
        let extras = event.extras.as_deref().unwrap();
        let metadata = extras.metadata.as_ref().unwrap();
        assert_eq!(metadata.as_json(), r#"{"x": 1e400,"x":2}"#);
        assert_eq!(extras.traceparent, Some(trace));
        assert_eq!(extras.fingerprint, None);
        assert_eq!(offer.expected_version, Some(ExpectedVersion::Existing));
    }

    /// Members of an event that is right otherwise, and the field of which that is said.
    const WRONG_MEMBERS: [(&str, &str); 18] = [
        (r#""id":"x""#, "id"),
        (r#""id":5"#, "id"),
        (r#""type":5"#, "type"),
        (r#""type":["event"]"#, "type"),
        (r#""correlation_id":7"#, "correlation_id"),
        (r#""causation_id":"""#, "causation_id"),
        (r#""stream_id":"a\n""#, "stream_id"),
        (r#""expected_version":1"#, "expected_version"),
        (
            r#""stream_id":"s","expected_version":-2"#,
            "expected_version",
        ),
        (
            r#""stream_id":"s","expected_version":1.0"#,
            "expected_version",
        ),
        (
            r#""stream_id":"s","expected_version":"1""#,
            "expected_version",
        ),
        (
            r#""stream_id":"s","expected_version":1e400"#,
            "expected_version",
        ),
        (r#""timestamp":"x""#, "timestamp"),
        (r#""payload":2"#, "payload"),
        (r#""stream_id":"..""#, "stream_id"),
        (r#""correlation_id":".""#, "correlation_id"),
        (r#""transaction_id":"x""#, "transaction_id"),
        (r#""sensitive":true"#, "sensitive"),
    ];

    /// Whole events, and the field of which it is said what is wrong.
    const WRONG_EVENTS: [(&str, &str); 12] = [
        (r#"{"source":"s","payload":1}"#, "event_type"),
        (
            r#"{"event_type":null,"source":"s","payload":1}"#,
            "event_type",
        ),
        (
            r#"{"event_type":"","source":"s","payload":1}"#,
            "event_type",
        ),
        (r#"{"event_type":7,"source":"s","payload":1}"#, "event_type"),
        (
            r#"{"event_type":"a,b","source":"s","payload":1}"#,
            "event_type",
        ),
        (
            r#"{"event_type":"a.*","source":"s","payload":1}"#,
            "event_type",
        ),
        (r#"{"event_type":"a","payload":1}"#, "source"),
        (r#"{"event_type":"a","source":"a b","payload":1}"#, "source"),
        (r#"{"event_type":"a","source":"s"}"#, "payload"),
        ("[]", "body"),
        ("", "body"),
        (r#"{"event_type":}"#, "body"),
    ];

    #[test]
    fn every_wrong_field_is_named() {
        for (json, field) in WRONG_MEMBERS {
            assert_eq!(field_of(with(json)), field, "{json}");
        }
        for (text, field) in WRONG_EVENTS {
            assert_eq!(field_of(read_as(text, &caller(None))), field, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_named() {
        let long = "x".repeat(201);
        let stream = with(&format!(r#""stream_id":"{long}""#));
        assert_eq!(field_of(stream), "stream_id");
        let text = format!(r#"{{"event_type":"{long}","source":"s","payload":1}}"#);
        assert_eq!(field_of(read_as(&text, &caller(None))), "event_type");
    }

    #[test]
    fn same_content_has_the_same_fingerprint() {
        let print = |rest: &str| {
            let id = "01890a5d-ac96-774b-bcce-b302099a8057";
            let offer = with(&format!(r#""id":"{id}","stream_id":"x",{rest}"#)).unwrap();
            offer.event.fingerprint().unwrap()
        };
        let first = print(r#""metadata":{"a":1,"b":[2]}"#);
        for same in [
            r#""metadata":{ "b":[2 ],"a":1},"timestamp":"2026-01-01T00:00:00Z""#,
            r#""metadata":{"a":1,"b":[2]},"expected_version":3,"type":"event""#,
        ] {
            assert_eq!(first, print(same), "{same}");
        }
        for other in [
            r#""metadata":{"a":1,"b":[3]}"#,
            r#""type":"event""#,
            r#""metadata":{"a":1,"b":[2]},"causation_id":"c""#,
            r#""metadata":{"a":1,"b":[2]},"correlation_id":"c""#,
        ] {
            assert_ne!(first, print(other), "{other}");
        }
    }
}
