use super::*;
use crate::domain::timestamp::Timestamp;
use crate::hub::access::{Principal, Role};
use proptest::prelude::*;

fn shop() -> Principal {
    Principal {
        name: Some(ServiceName::parse("shop").unwrap()),
        role: Role::Service,
    }
}

fn read_by(caller: &Principal, text: &str) -> (Vec<ReadFrame>, bool) {
    let context = RequestContext::of(caller, Timestamp::from_millis(1_000_000));
    read(text, &context)
}

fn only(text: &str) -> ReadFrame {
    let (mut frames, is_array) = read_by(&shop(), text);
    assert!(!is_array, "{text}");
    assert_eq!(frames.len(), 1, "{text}");
    frames.remove(0)
}

fn asked(text: &str) -> SocketRequest {
    let frame = only(text);
    frame.ask.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Texts, the code with which each is refused, and the field of which it is said.
const WRONG: [(&str, &str, &str); 36] = [
    ("", "INVALID_MESSAGE", "body"),
    ("nonsense", "INVALID_MESSAGE", "body"),
    ("{", "INVALID_MESSAGE", "body"),
    ("[1", "INVALID_MESSAGE", "body"),
    ("[]", "INVALID_MESSAGE", "body"),
    ("{}", "INVALID_MESSAGE", "type"),
    (r#"{"type":7}"#, "INVALID_MESSAGE", "type"),
    (r#"{"type":"dance"}"#, "INVALID_MESSAGE", "type"),
    (
        r#"{"type":"ping","type":"ping"}"#,
        "INVALID_MESSAGE",
        "type",
    ),
    (r#"{"type":"ping","ref":{}}"#, "INVALID_MESSAGE", "ref"),
    (r#"{"type":"ping","ref":true}"#, "INVALID_MESSAGE", "ref"),
    (
        r#"{"type":"subscribe"}"#,
        "INVALID_SUBSCRIPTION",
        "event_types",
    ),
    (
        r#"{"type":"subscribe","event_types":[]}"#,
        "INVALID_SUBSCRIPTION",
        "event_types",
    ),
    (
        r#"{"type":"subscribe","event_types":["a.b*"]}"#,
        "INVALID_SUBSCRIPTION",
        "event_types",
    ),
    (
        r##"{"type":"subscribe","event_types":"#"}"##,
        "INVALID_SUBSCRIPTION",
        "event_types",
    ),
    (
        r##"{"type":"subscribe","event_types":["#"],"from_sequence":-1}"##,
        "INVALID_SUBSCRIPTION",
        "from_sequence",
    ),
    (
        r##"{"type":"subscribe","event_types":["#"],"subscription":""}"##,
        "INVALID_SUBSCRIPTION",
        "subscription",
    ),
    (
        r##"{"type":"subscribe","event_types":["#"],"service":"a b"}"##,
        "INVALID_SUBSCRIPTION",
        "service",
    ),
    (
        r#"{"type":"unsubscribe","event_types":[1]}"#,
        "INVALID_SUBSCRIPTION",
        "event_types",
    ),
    (r#"{"type":"publish"}"#, "INVALID_MESSAGE", "event"),
    (
        r#"{"type":"publish","event":1}"#,
        "INVALID_MESSAGE",
        "event",
    ),
    (
        r#"{"type":"publish","event":{"payload":1}}"#,
        "INVALID_MESSAGE",
        "event_type",
    ),
    (r#"{"type":"send"}"#, "INVALID_MESSAGE", "message"),
    (
        r#"{"type":"send","message":[]}"#,
        "INVALID_MESSAGE",
        "message",
    ),
    (
        r#"{"type":"send","message":{"destination":"x"}}"#,
        "INVALID_MESSAGE",
        "payload",
    ),
    (
        r#"{"type":"consume","prefetch":0}"#,
        "INVALID_REQUEST",
        "prefetch",
    ),
    (
        r#"{"type":"consume","prefetch":10001}"#,
        "INVALID_REQUEST",
        "prefetch",
    ),
    (
        r#"{"type":"consume","lease":0}"#,
        "INVALID_REQUEST",
        "lease",
    ),
    (
        r#"{"type":"consume","instance_id":""}"#,
        "INVALID_REQUEST",
        "instance_id",
    ),
    (r#"{"type":"ack"}"#, "INVALID_REQUEST", "leases"),
    (r#"{"type":"ack","leases":[]}"#, "INVALID_REQUEST", "leases"),
    (
        r#"{"type":"ack","leases":["x"]}"#,
        "INVALID_REQUEST",
        "leases",
    ),
    (
        r#"{"type":"ack","sequence":0}"#,
        "INVALID_REQUEST",
        "sequence",
    ),
    (
        r#"{"type":"ack","sequence":1,"leases":[]}"#,
        "INVALID_REQUEST",
        "sequence",
    ),
    (r#"{"type":"nack"}"#, "INVALID_REQUEST", "leases"),
    (
        r#"{"type":"nack","leases":[],"delay":-1}"#,
        "INVALID_REQUEST",
        "delay",
    ),
];

#[test]
fn what_is_wrong_is_named_with_its_field() {
    for (text, code, field) in WRONG {
        let Err(error) = only(text).ask else {
            panic!("{text} was taken");
        };
        assert_eq!(error.code().name(), code, "{text}");
        let told = error.to_string();
        assert!(told.starts_with(&format!("{field}: ")), "{text}: {told}");
    }
}

#[test]
fn every_type_that_is_listed_is_known() {
    for kind in names_of::<ClientFrame<'_>>() {
        let Err(error) = only(&format!(r#"{{"type":"{kind}","leases":0}}"#)).ask else {
            continue;
        };
        assert!(!error.to_string().starts_with("type:"), "{kind}: {error}");
    }
}

#[test]
fn a_consumer_may_leave_out_everything() {
    let SocketRequest::Consume(consume) = asked(r#"{"type":"consume"}"#) else {
        panic!("not a consumer");
    };
    assert_eq!(consume.service.as_str(), "shop");
    assert_eq!(consume.prefetch, 100);
    assert_eq!(consume.lease, None);
    assert_eq!(consume.instance_id, None);
}

#[test]
fn a_reference_comes_back_as_it_was_given() {
    for reference in [r#""a\u0041""#, "7", "-1.50e3"] {
        let frame = only(&format!(r#"{{"type":"ping","ref":{reference}}}"#));
        assert_eq!(frame.reference.unwrap().0.get(), reference);
    }
    assert!(only(r#"{"type":"ping","ref":null}"#).reference.is_none());
}

#[test]
fn one_bad_frame_of_an_array_leaves_the_others() {
    let (frames, is_array) = read_by(&shop(), r#" [{"type":"ping"},7,{"type":"ping"}]"#);
    assert!(is_array);
    let good: Vec<_> = frames.iter().map(|frame| frame.ask.is_ok()).collect();
    assert_eq!(good, [true, false, true]);
    let many = vec![r#"{"type":"ping"}"#; MOST_FRAMES + 1].join(",");
    assert!(read_by(&shop(), &format!("[{many}]")).0[0].ask.is_err());
}

#[test]
fn depth_is_bounded_whatever_lies_around() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        let message = format!(r#"{{"destination":"x","payload":{open}{close}}}"#);
        format!(r#"[{{"type":"send","message":{message}}}]"#)
    };
    assert!(read_by(&shop(), &nested(64)).0[0].ask.is_ok());
    assert!(read_by(&shop(), &nested(65)).0[0].ask.is_err());
    assert!(read_by(&shop(), &nested(100_000)).0[0].ask.is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,300}") {
        read_by(&shop(), &text);
    }

    #[test]
    fn no_json_makes_it_panic(
        kind in prop::sample::select(names_of::<ClientFrame<'_>>()),
        field in prop::sample::select(vec![
            "ref", "service", "event_types", "from_sequence", "subscription", "max_rate", "payload", "event",
            "message", "instance_id", "prefetch", "lease", "leases", "sequence", "delay",
        ]),
        value in prop::sample::select(vec![
            "null", "1e999", "-0", "\"\"", "[]", "{}", "[[]]", "[\"\\ud800\"]", "18446744073709551616",
        ]),
    ) {
        read_by(&shop(), &format!(r#"{{"type":"{kind}","{field}":{value}}}"#));
    }
}

/// What is said of a frame: what is asked, or what is wrong.
fn told(frame: &ReadFrame) -> String {
    let reference = frame.reference.as_ref().map(|reference| reference.0.get());
    match &frame.ask {
        Ok(asked) => format!("{reference:?} {asked:?}, {:?}", frame.ignored),
        Err(error) => format!("{reference:?} {:?} {error}", error.code()),
    }
}

/// It is read in one go if it does; what is said of it is the same.
#[test]
fn it_makes_no_difference_whether_the_type_stands_first() {
    for fields in [
        r#""ref":1"#,
        r#""ref":null"#,
        r#""ref":1,"ref":2"#,
        r#""ref":null,"ref":2"#,
        r#""type":"ping""#,
        r#""service":"billing","ref":"a""#,
        r#""ref":5,"service":"billing","event_types":[]"#,
        r##""event_types":["a.#"],"from_sequence":1,"subscription":"s""##,
        r##""event_types":["a.#"],"max_rate":10,"ref":1"##,
        r##""event_types":["a.#"],"max_rate":1001,"ref":1"##,
        r##""event_types":["a.#"],"payload":"head","ref":1"##,
        r##""event_types":["a.#"],"payload":"all","ref":1"##,
        r##""event_types":["#"],"event_types":["#"],"ref":1"##,
        r#""event":{"id":"0190-e","event_type":"a","payload":1,"colour":2},"ref":1"#,
        r#""event":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","event_type":"a","payload":1},"ref":1"#,
        r#""event":null,"ref":1"#,
        r#""message":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","destination":"x","payload":1}"#,
        r#""prefetch":3,"lease":1,"instance_id":"i""#,
        r#""leases":["00000000-0000-7000-8000-000000000001"],"ref":1"#,
        r#""leases":null,"sequence":1,"ref":1"#,
        r#""sequence":1,"delay":5,"reason":"r""#,
        r#""sequence":1,"delay":-5,"reason":"r","ref":1"#,
        r#""colour":1,"ref":1"#,
    ] {
        for frame_type in names_of::<ClientFrame<'_>>().iter().chain(&["dance"]) {
            let first = only(&format!(r#"{{"type":"{frame_type}",{fields}}}"#));
            let last = only(&format!(r#"{{{fields},"type":"{frame_type}"}}"#));
            assert_eq!(told(&first), told(&last), "{frame_type} {fields}");
        }
    }
}
