//! How refusals read, and what is refused at the door.

mod wording;

use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::wire::Answer;

/// What the answer says is wrong.
fn words(answer: &Answer) -> String {
    let json = answer.json();
    json["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn of_a_long_text_a_refusal_repeats_little() {
    let hub = TestHub::start();
    let long = "q".repeat(900_000);
    let callback = "http://127.0.0.1:9/";
    for (path, body) in [
        (
            "/v1/subscriptions",
            json!({"service": "shop", "event_types": [long], "callback_url": callback}),
        ),
        (
            "/v1/events/replay",
            json!({"mode": "from_beginning", "event_types": [long]}),
        ),
        ("/v1/messages", json!({"destination": long, "payload": 1})),
        ("/v1/dlq/redrive", json!({long.as_str(): 1})),
        ("/v1/dlq/redrive", json!({"filter": {long.as_str(): 1}})),
    ] {
        let answer = hub.post(path, &body);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.len() < 1000, "{path}: {}", answer.body.len());
    }
    let long = &long[..20_000];
    for path in [
        format!("/v1/events?event_type={long}"),
        format!("/v1/{long}"),
        format!("/v1/messages/{long}"),
        format!("/v1/services/{long}"),
        format!("/v1/circuits/{long}"),
        format!("/v1/messages?{long}=1"),
        format!("/v1/messages?cursor={long}"),
    ] {
        let answer = hub.get(&path);
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        let start = &path[..20];
        assert!(answer.body.len() < 1000, "{start}: {}", answer.body.len());
    }
    let mut socket = hub.socket();
    socket.say(&json!({"type": "subscribe", "event_types": [long]}));
    assert!(socket.hear().to_string().len() < 1000);
    socket.say(&json!({"type": long}));
    assert!(socket.hear().to_string().len() < 1000);
}

#[test]
fn a_header_that_comes_once_is_refused_when_it_comes_twice() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let message = json!({"destination": "billing", "payload": 1});
    for (name, values) in [
        ("X-Correlation-ID", ["a", "b"]),
        ("X-Request-ID", ["a", "b"]),
        ("Content-Type", ["application/json", "application/x-ndjson"]),
        ("Sec-Fetch-Site", ["same-origin", "cross-site"]),
    ] {
        let [one, other] = values.map(|value| format!("{name}: {value}"));
        let twice = hub.with_header(&one).with_header(&other);
        let details = twice.send(&message).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], name);
    }
    let gzip = hub.with_header("content-encoding: identity");
    let gzip = gzip.with_header("content-encoding: gzip");
    assert_eq!(gzip.send(&message).status, 415);
    let plain = hub.with_header("content-encoding: identity");
    plain
        .with_header("x-any: 1")
        .with_header("x-any: 2")
        .send(&message)
        .is(202);
}

#[test]
fn two_names_of_one_field_must_not_differ() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let message = |other: &str| json!({"destination": "billing", "payload": 1, "type": "a", "message_type": other});
    hub.send(&message("a")).is(202);
    let details = hub.send(&message("b")).refuses(400, "INVALID_MESSAGE");
    assert_eq!(details["field"], "message_type");
}

#[test]
fn an_unknown_service_is_named_by_the_parameter_it_stands_in() {
    let hub = TestHub::start();
    for answer in [
        hub.get("/v1/queue/status?service=nope"),
        hub.delete("/v1/queue?service=nope"),
        hub.post("/v1/queue/pause", &json!({"service": "nope"})),
    ] {
        let details = answer.refuses(404, "SERVICE_NOT_FOUND");
        assert_eq!(details["field"], "service");
        assert_eq!(details["service"], "nope");
    }
    let details = hub.send(&json!({"destination": "nope", "payload": 1}));
    let details = details.refuses(404, "SERVICE_NOT_FOUND");
    assert_eq!(details["field"], "destination");
}

#[test]
fn a_frame_is_told_the_fields_of_its_own_type() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    for (frame, field, known) in [
        (
            json!({"type": "ack", "zzz": 1, "ref": 7}),
            "zzz",
            "known are leases, sequence",
        ),
        (json!({"type": "ping", "zzz": 1}), "zzz", "nothing is taken"),
        (json!({"typ": "ping"}), "typ", "did you mean type?"),
        (
            json!({"type": "pong", "zzz": 1}),
            "type",
            "must be one of subscribe",
        ),
    ] {
        socket.say(&frame);
        let answer = socket.hear();
        let error = &answer["error"];
        assert_eq!(error["details"]["field"], field, "{answer}");
        assert_eq!(answer["ref"], frame["ref"], "{answer}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(known), "{message}");
        assert!(!message.contains("prefetch"), "{message}");
    }
}

#[test]
fn the_hubs_own_name_and_types_are_nobody_elses() {
    let hub = TestHub::start();
    for name in ["message-hub", "Message-Hub"] {
        let body = json!({
            "service": name, "event_types": ["#"], "callback_url": "http://127.0.0.1:9/",
        });
        hub.post("/v1/subscriptions", &body)
            .refuses(403, "AUTH_FAILED");
        hub.set_quota(name, &json!({"send_rate": 1}))
            .refuses(403, "AUTH_FAILED");
        let own = hub.named(name, "");
        let mut socket = own.socket();
        socket.say(&json!({"type": "consume"}));
        assert_eq!(socket.hear()["error"]["code"], "AUTH_FAILED");
    }
    let event = json!({"event_type": "subscription.failing", "payload": 1});
    hub.post("/v1/events", &event).refuses(403, "AUTH_FAILED");
}

#[test]
fn what_others_read_shows_all_its_characters() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for hidden in ["a\u{202e}b", "a\u{2028}b", "a\u{200b}b", "a\0b", "a\nb", ""] {
        let force = json!({"state": "OPEN", "reason": hidden});
        let details = hub
            .put("/v1/circuits/billing", &force)
            .refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], "reason", "{hidden:?}");
        for (endpoint, field) in [
            (json!({"path": hidden}), "endpoints[1].path"),
            (
                json!({"path": "/a", "methods": ["GET", hidden]}),
                "endpoints[1].methods",
            ),
        ] {
            let endpoints = json!([{"path": "/orders/{id}", "methods": ["GET"]}, endpoint]);
            let registration = json!({"service": "mail", "endpoints": endpoints});
            let details = hub.register(&registration).refuses(400, "INVALID_REQUEST");
            assert_eq!(details["field"], field, "{hidden:?}");
        }
    }
    for (field, value) in [
        ("url", json!("http://127.0.0.1:9/a\u{202e}b")),
        ("message_endpoint", json!("/a\u{202e}b")),
        ("health_check", json!("/a\u{2028}b")),
    ] {
        let mut registration = json!({"service": "mail", "url": "http://127.0.0.1:9"});
        registration[field] = value;
        let details = hub.register(&registration).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field);
    }
}

#[test]
fn a_registration_that_is_too_large_is_told_by_which_limit() {
    let hub = TestHub::with(&[("limits", "{registration_bytes: 1024}")]);
    let large =
        json!({"service": "mail", "version": "1", "endpoints": [{"path": "/".repeat(2000)}]});
    let answer = hub.register(&large);
    assert!(
        words(&answer).contains("registration_bytes"),
        "{}",
        answer.body
    );
    let details = answer.refuses(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(
        (&details["limit"], &details["most"]),
        (&json!("registration_bytes"), &json!(1024))
    );
    assert_ne!(details["request_id"], Value::Null);
}
