use super::*;
use crate::domain::ids::{ContentType, ServiceName};
use crate::hub::access::{Principal, Role};

fn read_as(text: &str, name: Option<&str>) -> Result<Offer, HubError> {
    let name = name.map(|name| ServiceName::parse(name).unwrap());
    let caller = Principal {
        name,
        role: Role::Operator,
    };
    let now = Timestamp::from_millis(1_000_000);
    read(text, &RequestContext::of(&caller, now)).map(|(offer, _)| offer)
}

fn with(field: &str) -> Result<Offer, HubError> {
    read_as(
        &format!(r#"{{"destination":"d","source":"s","payload":1,{field}}}"#),
        None,
    )
}

fn field_of(result: Result<Offer, HubError>) -> String {
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
fn the_least_message_gets_its_defaults() {
    let offer = read_as(r#"{"destination":"d","payload":null}"#, Some("shop")).unwrap();
    let message = &offer.message;
    assert_eq!(message.source.as_str(), "shop");
    assert_eq!(message.message_type.as_str(), "service_message");
    assert_eq!(message.priority, Priority::Normal);
    assert_eq!(message.payload, Payload::parse("null").unwrap());
    assert_eq!(message.extras, None);
    assert!(message.id.is_generated());
    assert!(!offer.or_reject);
}

#[test]
fn every_wrong_field_is_named() {
    for (json, field) in [
        (r#""id":"x""#, "id"),
        (r#""id":5"#, "id"),
        (r#""priority":0"#, "priority"),
        (r#""priority":6"#, "priority"),
        (r#""priority":1.5"#, "priority"),
        (r#""priority":"urgent""#, "priority"),
        (r#""priority":[1]"#, "priority"),
        (r#""ttl":0"#, "ttl"),
        (r#""ttl":-1"#, "ttl"),
        (r#""ttl":1e400"#, "ttl"),
        (r#""ttl":"5""#, "ttl"),
        (r#""ttl":1e300"#, "ttl"),
        (r#""deadline":"tomorrow""#, "deadline"),
        (r#""deliver_at":1"#, "deliver_at"),
        (r#""delay":-0.1"#, "delay"),
        (r#""delay":1,"deliver_at":"2030-01-01T00:00:00Z""#, "delay"),
        (r#""ordering_key":"""#, "ordering_key"),
        (r#""headers":{"a":1}"#, "headers"),
        (r#""headers":{"a":"1","a":"2"}"#, "headers"),
        (r#""correlation_id":7"#, "correlation_id"),
        (r#""type":"\ud800""#, "type"),
        (r#""type":"""#, "type"),
        (r#""type":"a","message_type":"b""#, "message_type"),
        (r#""type":"a","message_type":1"#, "message_type"),
        (r#""reply_to":"a b""#, "reply_to"),
        (r#""timestamp":"x""#, "timestamp"),
        (r#""on_unavailable":"drop""#, "on_unavailable"),
        (r#""topic":"a""#, "topic"),
        (r#""correlation_id":"..""#, "correlation_id"),
        (r#""type":"a\u202eb""#, "type"),
        (r#""reply_to":".""#, "reply_to"),
        (r#""reply_mode":"wait""#, "reply_mode"),
        (r#""in_reply_to":null"#, "in_reply_to"),
    ] {
        assert_eq!(field_of(with(json)), field, "{json}");
    }
    assert_eq!(
        field_of(read_as(r#"{"source":"s","payload":1}"#, None)),
        "destination"
    );
    assert_eq!(
        field_of(read_as(r#"{"destination":"d","payload":1}"#, None)),
        "source"
    );
    assert_eq!(
        field_of(read_as(r#"{"destination":"d"}"#, Some("s"))),
        "payload"
    );
    for body in ["", "[]", "5", "{", "\u{feff}{}", r#"{"a":}"#] {
        assert_eq!(field_of(read_as(body, Some("s"))), "body", "{body}");
    }
}

#[test]
fn an_alias_that_says_the_same_is_no_contradiction() {
    let message_type = |fields| with(fields).unwrap().message.message_type.to_string();
    assert_eq!(message_type(r#""type":"a","message_type":"\u0061""#), "a");
    assert_eq!(message_type(r#""type":null,"message_type":"b""#), "b");
    assert_eq!(message_type(r#""type":"a","message_type":null"#), "a");
}

#[test]
fn payloads_are_kept_byte_for_byte() {
    let text = r#"{"destination":"d","payload": {"a": 1e400, "a":"\ud800" } ,"unknown":[1]}"#;
    let offer = read_as(text, Some("s")).unwrap();
    let expected = Payload::parse(r#"{"a": 1e400, "a":"\ud800" }"#).unwrap();
    assert_eq!(offer.message.payload, expected);
}

#[test]
fn times_count_from_acceptance() {
    let message = with(r#""ttl":1.5,"delay":2"#).unwrap().message;
    assert_eq!(message.expires_at, Some(Timestamp::from_millis(1_001_500)));
    assert_eq!(
        message.deliver_at(),
        Some(Timestamp::from_millis(1_002_000))
    );
    assert_eq!(
        with(r#""deliver_at":"1970-01-01T00:00:01Z""#)
            .unwrap()
            .message
            .deliver_at(),
        None
    );
}

#[test]
fn same_content_has_the_same_fingerprint() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let print = |rest: &str| {
        let text = format!(r#"{{"id":"{id}","destination":"d","source":"s",{rest}}}"#);
        read_as(&text, None).unwrap().message.fingerprint().unwrap()
    };
    let first = print(r#""payload":{"a":1,"b":[2]}"#);
    assert_eq!(
        first,
        print(r#""payload":{ "b":[2 ],"a":1},"timestamp":"2026-01-01T00:00:00Z""#)
    );
    assert_eq!(
        first,
        print(r#""payload":{"a":1,"b":[2]},"headers":{"x":"y"},"priority":3"#)
    );
    assert_ne!(first, print(r#""payload":{"a":1,"b":[3]}"#));
    assert_ne!(first, print(r#""payload":{"a":1,"b":[2]},"ttl":5"#));
    assert_ne!(first, print(r#""payload":{"a":1,"b":[2]},"priority":1"#));
}

/// They are kept with messages: another one would make a reuse of each repeat.
#[test]
fn the_fingerprints_of_earlier_versions_stay() {
    for (index, (rest, expected)) in [
        ("", "9f8e0def-087c-5e9a-bf81-9ade04bac892"),
        (
            r#","type":"\u0061","priority":"high","correlation_id":"c","headers":{"x":"y"}"#,
            "6d120d9d-28a0-51c8-a83b-1f92be38b72c",
        ),
        (
            r#","reply_to":"\u0061","ttl":5e0,"deadline":"2026-01-01T00:00:00+01:00","delay":0.50,"ordering_key":"k","on_unavailable":"\u0071ueue""#,
            "5a3f74c0-8ffe-5e08-85f4-fb08a64225ba",
        ),
        (
            r#","reply_to":null,"ttl":null,"deadline":null,"deliver_at":"2030-01-01T00:00:00Z","ordering_key":null,"on_unavailable":null,"unknown":1"#,
            "a6b46e88-aa89-5b5f-aa37-c4aa0efcd7aa",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("01890a5d-ac96-774b-bcce-b302099a805{}", index + 1);
        let text = format!(
            r#"{{"id":"{id}","destination":"d","source":"s","payload":{{"b" : 1e400,"a":[ ]}}{rest}}}"#
        );
        let offer = read_as(&text, None).unwrap();
        let print = offer.message.fingerprint().unwrap();
        assert_eq!(print.0.to_string(), expected, "{text}");
    }
}

#[test]
fn bytes_are_taken_in_place_of_json() {
    let read = |fields: &str| {
        let text = format!(r#"{{"destination":"d","source":"s",{fields}}}"#);
        read_as(&text, None)
    };
    let payload = |fields: &str| read(fields).unwrap().message.payload.clone();
    let png = ContentType::parse("image/png").unwrap();
    for (fields, expected) in [
        (
            r#""payload_base64":"AP8\u003d""#,
            Payload::raw(vec![0, 0xff], None),
        ),
        (
            r#""payload_base64":"","content_type":"image/png""#,
            Payload::raw(Vec::new(), Some(png)),
        ),
        (
            r#""payload_base64":"e30=","content_type":null"#,
            Payload::raw(b"{}".to_vec(), None),
        ),
        (
            r#""payload":1,"payload_base64":null"#,
            Payload::parse("1").unwrap(),
        ),
    ] {
        assert_eq!(payload(fields), expected, "{fields}");
    }
    for (fields, field) in [
        (r#""payload":1,"payload_base64":"AP8=""#, "payload_base64"),
        (r#""payload_base64":"AP8""#, "payload_base64"),
        (r#""payload_base64":"A P8=""#, "payload_base64"),
        (r#""payload_base64":"_-8=""#, "payload_base64"),
        (r#""payload_base64":5"#, "payload_base64"),
        (r#""content_type":"text/plain""#, "payload"),
        (r#""payload_base64":"","content_type":"""#, "content_type"),
        (
            r#""payload_base64":"","content_type":"a\nb""#,
            "content_type",
        ),
        (r#""payload_base64":null"#, "payload"),
    ] {
        assert_eq!(field_of(read(fields)), field, "{fields}");
    }
}

#[test]
fn a_repeat_of_bytes_has_the_same_bytes_and_content_type() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let print = |rest: &str| {
        let text = format!(r#"{{"id":"{id}","destination":"d","source":"s",{rest}}}"#);
        read_as(&text, None).unwrap().message.fingerprint().unwrap()
    };
    let first = print(r#""payload_base64":"e30=""#);
    assert_eq!(
        first,
        print(r#""content_type":null,"payload_base64":"e30\u003d""#)
    );
    assert_ne!(first, print(r#""payload_base64":"e30K""#));
    assert_ne!(first, print(r#""payload":{}"#));
    let json = print(r#""payload_base64":"e30=","content_type":"application/json""#);
    assert_ne!(first, json);
}

#[test]
fn what_is_said_of_json_is_left_out_and_named() {
    let caller = Principal {
        name: None,
        role: Role::Operator,
    };
    let context = RequestContext::of(&caller, Timestamp::from_millis(0));
    let text = r#"{"destination":"d","source":"s","payload":1,"content_type":"application/json"}"#;
    let (offer, ignored) = read(text, &context).unwrap();
    assert_eq!(ignored.first(), Some("content_type"));
    assert!(matches!(offer.message.payload, Payload::Json(_)));
}

#[test]
fn a_delay_of_null_is_no_delay() {
    let extras = |fields: &str| {
        let message = with(fields).unwrap().message;
        message.extras.as_deref().unwrap().is_delayed
    };
    assert!(!extras(
        r#""deliver_at":"2030-01-01T00:00:00Z","delay":null"#
    ));
    assert!(extras(r#""delay":5"#));
}

#[test]
fn what_bytes_are_shown_as_can_be_sent_on() {
    let text = r#"{"destination":"d","source":"s","payload":null,"payload_base64":"AP8=","content_type":"image/png"}"#;
    let message = read_as(text, None).unwrap().message;
    let raw = message.payload.as_raw().unwrap();
    assert_eq!(&raw.bytes[..], b"\0\xff");
    assert_eq!(raw.content_type.as_ref().unwrap().as_str(), "image/png");
}
