//! An event as a client publishes it, checked field by field.

use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::fields::unknown::Ignored;
use super::fields::{self, Field};
use super::message_input::source;
use crate::domain::event::{Event, EventExtras, EventId, ExpectedVersion, StreamPlace};
use crate::domain::ids::{CorrelationId, EventType, Label, StreamId};
use crate::domain::offer::EventOffer;
use crate::domain::pattern;
use crate::hub::error::{HubError, Subject};
use crate::hub::request::RequestContext;
use crate::logic::canonical::event_fingerprint;
use crate::logic::own_events::is_own_type;

const SUBJECT: Subject = Subject::Message;

/// What an event may ask for in a later version.
const PROMISED: [&str; 4] = ["transaction_id", "schema_version", "sensitive", "subject"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type", deserialize_with = "fields::raw")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    source: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    correlation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    causation_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    stream_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    expected_version: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    timestamp: Option<&'a RawValue>,
}

/// Reads one event.
///
/// # Errors
/// 400 with the field; 403 if it claims another source than the caller.
pub fn read(text: &str, context: &RequestContext<'_>) -> Result<(EventOffer, Ignored), HubError> {
    let (body, ignored): (Body<'_>, _) = fields::noting(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    let given = |name, json| Field::given(SUBJECT, name, json);
    check_kind(given("type", body.kind))?;
    let id = given("id", body.id)
        .map(|field| field.parse::<Uuid>("a UUID"))
        .transpose()?;
    let now = context.now;
    let correlation_id = given("correlation_id", body.correlation_id)
        .map(|field| field.name(CorrelationId::given_segment))
        .transpose()?;
    let stream_id = given("stream_id", body.stream_id)
        .map(|field| field.name(StreamId::given_segment))
        .transpose()?;
    let causation_id = given("causation_id", body.causation_id)
        .map(|field| field.name(Label::given_segment))
        .transpose()?;
    let payload = body.payload.ok_or_else(|| {
        let problem = "is required; give null if there is none";
        HubError::invalid(SUBJECT, "payload", problem)
    })?;
    let payload = Field {
        subject: SUBJECT,
        name: "payload",
        json: payload,
    };
    let mut event = Event {
        id: id.map_or_else(|| context.generate_event_id(), EventId),
        sequence: 0,
        event_type: event_type(&Field::required(SUBJECT, "event_type", body.event_type)?)?,
        source: source(given("source", body.source), context.principal)?,
        published_at: now,
        stream: stream_id.map(|id| StreamPlace { id, version: 0 }),
        correlation_id: correlation_id.or_else(|| context.correlation_id.cloned()),
        causation_id,
        payload: payload.json(),
        extras: None,
    };
    let expected_version = given("expected_version", body.expected_version);
    let expected_version = expected_version
        .map(|field| expected(&field, &event))
        .transpose()?;
    event.extras = extras(&body, context)?;
    if id.is_some() {
        let fingerprint = event_fingerprint(&event);
        event.extras.get_or_insert_default().fingerprint = Some(fingerprint);
    }
    let offer = EventOffer {
        event,
        expected_version,
    };
    Ok((offer, ignored))
}

fn extras(
    body: &Body<'_>,
    context: &RequestContext<'_>,
) -> Result<Option<Box<EventExtras>>, HubError> {
    let given = |name, json| Field::given(SUBJECT, name, json);
    let extras = EventExtras {
        metadata: given("metadata", body.metadata).map(|field| field.json()),
        timestamp: given("timestamp", body.timestamp)
            .map(|field| field.time())
            .transpose()?,
        traceparent: context.traceparent.cloned(),
        fingerprint: None,
    };
    Ok((extras != EventExtras::default()).then(|| Box::new(extras)))
}

/// Which can be subscribed to, listed and replayed by its name, and is not the hub's own.
fn event_type(field: &Field<'_>) -> Result<EventType, HubError> {
    let event_type = field.name(EventType::given_interned)?;
    pattern::check_type(event_type.as_str()).map_err(|error| field.wrong(error))?;
    if is_own_type(event_type.as_str()) {
        return Err(HubError::Denied {
            field: "event_type",
            problem: format!("event_type: only the hub itself publishes {event_type}"),
        });
    }
    Ok(event_type)
}

/// Any word will do: what kind of event it is says `event_type`.
fn check_kind(field: Option<Field<'_>>) -> Result<(), HubError> {
    match field {
        Some(field) => field.text().map(drop),
        None => Ok(()),
    }
}

fn expected(field: &Field<'_>, event: &Event) -> Result<ExpectedVersion, HubError> {
    if event.stream.is_none() {
        return Err(field.wrong("needs a stream_id"));
    }
    let problem = "must be a whole number: -1 for any existing stream, 0 for a new one, \
                   else the version of its last event, at most 9223372036854775807";
    match serde_json::from_str::<i64>(field.json.get()) {
        Ok(-1) => Ok(ExpectedVersion::Existing),
        Ok(number) => u64::try_from(number)
            .map(ExpectedVersion::Exactly)
            .map_err(|_| field.wrong(problem)),
        Err(_) => Err(field.wrong(problem)),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;
    use crate::domain::ids::ServiceName;
    use crate::domain::timestamp::Timestamp;
    use crate::hub::access::Principal;

    fn caller(name: Option<&str>) -> Principal {
        Principal {
            name: name.map(|name| ServiceName::parse(name).unwrap()),
            is_operator: true,
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

    #[test]
    fn every_wrong_field_is_named() {
        let long = "x".repeat(201);
        let (long_stream, long_type) = (
            format!(r#""stream_id":"{long}""#),
            format!(r#""event_type":"{long}""#),
        );
        for (json, field) in [
            (r#""id":"x""#, "id"),
            (r#""id":5"#, "id"),
            (r#""type":5"#, "type"),
            (r#""type":["event"]"#, "type"),
            (r#""correlation_id":7"#, "correlation_id"),
            (r#""causation_id":"""#, "causation_id"),
            (r#""stream_id":"a\n""#, "stream_id"),
            (long_stream.as_str(), "stream_id"),
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
        ] {
            assert_eq!(field_of(with(json)), field, "{json}");
        }
        for (text, field) in [
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
        ] {
            assert_eq!(field_of(read_as(text, &caller(None))), field, "{text}");
        }
        let text = format!(r#"{{{long_type},"source":"s","payload":1}}"#);
        assert_eq!(field_of(read_as(&text, &caller(None))), "event_type");
    }

    #[test]
    fn nobody_publishes_as_the_hub() {
        for text in [
            r#"{"event_type":"a","source":"message-hub","payload":1}"#,
            r#"{"event_type":"a","source":"Message-Hub","payload":1}"#,
            r#"{"event_type":"service.health_changed","source":"s","payload":1}"#,
            r#"{"event_type":"message.dead_lettered","source":"s","payload":1}"#,
            r#"{"event_type":"subscription.failing","source":"s","payload":1}"#,
        ] {
            let Err(error) = read_as(text, &caller(None)) else {
                panic!("{text} is let through");
            };
            assert_eq!(error.status_code().as_u16(), 403, "{text}");
        }
    }

    #[test]
    fn nobody_publishes_for_another() {
        let shop = Principal {
            is_operator: false,
            ..caller(Some("shop"))
        };
        let text = r#"{"event_type":"a","source":"mail","payload":1}"#;
        assert!(matches!(read_as(text, &shop), Err(HubError::Forbidden(_))));
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
