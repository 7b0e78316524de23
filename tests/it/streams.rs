//! Streams: their versions, their events, and what these add up to.

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{Client, TestHub, eventually};

fn publish(hub: &Client, stream: &str, payload: &str) {
    let stream = json!(stream);
    let body = format!(r#"{{"event_type":"e","stream_id":{stream},"payload":{payload}}}"#);
    hub.ask("POST", "/v1/events", body.as_bytes()).is(201);
}

#[test]
fn a_stream_tells_its_version_and_its_events() {
    let hub = TestHub::start();
    for n in 1..=5 {
        publish(&hub, "hero", &n.to_string());
        publish(&hub, "town", "0");
    }
    let stream = hub.get("/v1/streams/hero").is(200);
    assert_eq!(
        (&stream["version"], &stream["count"]),
        (&json!(5), &json!(5))
    );
    assert!(text(&stream["first_at"]) <= text(&stream["last_at"]));
    let versions = |query: &str| {
        let page = hub.get(&format!("/v1/streams/hero/events?{query}")).is(200);
        let events = array(&page["events"]);
        assert!(events.iter().all(|event| event["stream_id"] == "hero"));
        let versions = events
            .iter()
            .map(|event| event["stream_version"].as_u64().unwrap());
        (versions.collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    assert_eq!(versions(""), (vec![1, 2, 3, 4, 5], Value::Null));
    assert_eq!(versions("from_version=4"), (vec![4, 5], Value::Null));
    assert_eq!(versions("limit=2"), (vec![1, 2], json!("3")));
    assert_eq!(versions("limit=2&cursor=5"), (vec![5], Value::Null));
    assert_eq!(versions("from_version=9"), (vec![], Value::Null));
    for path in ["", "/events", "/state", "/snapshots/latest"] {
        hub.get(&format!("/v1/streams/nobody{path}"))
            .refuses(404, "NOT_FOUND");
    }
    hub.post("/v1/streams/nobody/snapshots", &json!({}))
        .refuses(404, "NOT_FOUND");
}

#[test]
fn any_printable_name_is_a_stream() {
    let hub = TestHub::start();
    for (name, path) in [
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("%2F", "%252F"),
        ("für", "f%C3%BCr"),
        ("a b+c", "a%20b+c"),
        ("q?#[]", "q%3F%23%5B%5D"),
        ("\"x\"", "%22x%22"),
    ] {
        publish(&hub, name, r#"{"a":1}"#);
        let stream = hub.get(&format!("/v1/streams/{path}")).is(200);
        assert_eq!(stream["stream_id"], name);
        let events = hub.get(&format!("/v1/streams/{path}/events")).is(200);
        assert_eq!(events["events"][0]["stream_id"], name);
        hub.ask("POST", &format!("/v1/streams/{path}/snapshots"), b"")
            .is(201);
        let latest = hub.get(&format!("/v1/streams/{path}/snapshots/latest"));
        assert_eq!(latest.is(200)["stream_id"], name);
        let state = hub.get(&format!("/v1/streams/{path}/state")).is(200);
        assert_eq!(state["state"], json!({"a": 1}));
    }
    for path in ["%00", "a%0Ab", &"x".repeat(201)] {
        let answer = hub.get(&format!("/v1/streams/{path}"));
        assert_eq!(
            answer.refuses(400, "INVALID_REQUEST")["field"],
            "stream_id",
            "{path}"
        );
    }
    // No text at all.
    assert!((400..500).contains(&hub.get("/v1/streams/%FF").status));
}

#[test]
fn a_state_is_what_the_payloads_add_up_to_as_they_were_written() {
    let hub = TestHub::start();
    for payload in [
        r#"{"a":1e400, "b":{"x":1}}"#,
        r#"[{"a":"no object"}]"#,
        r#"{"b":{"y": 2.0},"c":1,"c":2}"#,
        r#"null"#,
    ] {
        publish(&hub, "s", payload);
    }
    let state = |query: &str| {
        let answer = hub.get(&format!("/v1/streams/s/state{query}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert_eq!(
        state("?at_version=2"),
        r#"{"stream_id":"s","version":2,"state":{"a":1e400,"b":{"x":1}}}"#
    );
    let last = r#"{"stream_id":"s","version":4,"state":{"a":1e400,"b":{"y": 2.0},"c":2}}"#;
    assert_eq!(state(""), last);
    let taken = hub.ask("POST", "/v1/streams/s/snapshots", br#"{"version":2}"#);
    assert!(
        taken.body.contains(r#""state":{"a":1e400,"b":{"x":1}}"#),
        "{}",
        taken.body
    );
    assert_eq!(state(""), last);

    // From here on it begins with what somebody says.
    let given = br#"{"state":{"z": 1e400,"a":0}, "version":3}"#;
    hub.ask("POST", "/v1/streams/s/snapshots", given);
    let latest = hub.get("/v1/streams/s/snapshots/latest");
    assert_eq!(latest.status, 200);
    assert!(
        latest.body.contains(r#""state":{"z": 1e400,"a":0}"#),
        "{}",
        latest.body
    );
    assert_eq!(
        state(""),
        r#"{"stream_id":"s","version":4,"state":{"z":1e400,"a":0}}"#
    );
}

#[test]
fn a_version_a_stream_has_not_reached_is_named_as_it_was_given() {
    let hub = TestHub::start();
    for n in 1..=4 {
        publish(&hub, "s", &n.to_string());
    }
    for (answer, field) in [
        (
            hub.post("/v1/streams/s/snapshots", &json!({"version": 5})),
            "version",
        ),
        (hub.get("/v1/streams/s/state?at_version=5"), "at_version"),
    ] {
        let message = text(&answer.json()["error"]["message"]);
        assert_eq!(message, format!("{field}: the stream is at 4"));
        let details = answer.refuses(409, "VERSION_CONFLICT");
        assert_eq!(
            (&details["field"], &details["current_version"]),
            (&json!(field), &json!(4))
        );
        assert!(details.get("expected_version").is_none());
    }
}

#[test]
fn a_snapshot_is_taken_by_itself_and_outlives_a_kill() {
    let mut hub = TestHub::with(&[("snapshot_interval", "3")]);
    for n in 1..=7 {
        publish(&hub, "s", &format!(r#"{{"k{n}":{n}}}"#));
    }
    eventually("the sixth event has a snapshot", || {
        let latest = hub.get("/v1/streams/s/snapshots/latest");
        latest.status == 200 && latest.json()["version"] == 6
    });
    hub.kill9();
    let hub = hub.restart();
    let latest = hub.get("/v1/streams/s/snapshots/latest").is(200);
    assert_eq!(latest["version"], 6);
    assert_eq!(
        latest["state"],
        json!({"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6})
    );
}

#[test]
fn a_wrong_question_about_a_stream_is_refused_with_its_field() {
    let hub = TestHub::start();
    publish(&hub, "s", "1");
    hub.get("/v1/streams/s/snapshots/latest")
        .refuses(404, "NOT_FOUND");
    for (query, field) in [
        ("events?from_version=-1", "from_version"),
        ("events?limit=1001", "limit"),
        ("events?cursor=0", "cursor"),
        ("state?at_version=0", "at_version"),
        ("state?at_version=x", "at_version"),
    ] {
        let answer = hub.get(&format!("/v1/streams/s/{query}"));
        assert_eq!(
            answer.refuses(400, "INVALID_REQUEST")["field"],
            field,
            "{query}"
        );
    }
    for (body, field) in [
        (&b"["[..], "body"),
        (br#"{"state":5}"#, "state"),
        (br#"{"state":"{}"}"#, "state"),
        (br#"{"version":0}"#, "version"),
        (br#"{"version":1.5}"#, "version"),
        (br#"{"state":{},"state":{}}"#, "state"),
    ] {
        let answer = hub.ask("POST", "/v1/streams/s/snapshots", body);
        assert_eq!(answer.refuses(400, "INVALID_REQUEST")["field"], field);
    }
}

#[test]
fn streams_and_types_are_listed_as_soon_as_they_are_acknowledged() {
    let hub = TestHub::start();
    for (stream, event_type) in [
        ("order-1", "order.placed"),
        ("order-2", "order.paid"),
        ("user-1", "user.seen"),
    ] {
        let event = json!({"event_type": event_type, "stream_id": stream, "payload": 1});
        hub.post("/v1/events", &event).is(201);
        let found = hub.get(&format!("/v1/streams?prefix={stream}")).is(200);
        let entry = &array(&found["streams"])[0];
        assert_eq!(entry["stream_id"], stream);
        assert_eq!([&entry["version"], &entry["count"]], [&json!(1), &json!(1)]);
        let found = hub.get(&format!("/v1/streams/{stream}")).is(200);
        assert_eq!(entry["last_at"], found["last_at"]);
    }
    let page = |query: &str| {
        let page = hub
            .get(&format!("/v1/streams?prefix=order-&{query}"))
            .is(200);
        (
            text(&page["streams"][0]["stream_id"]),
            page["next_cursor"].clone(),
        )
    };
    assert_eq!(page("limit=1"), ("order-1".to_owned(), json!("order-1")));
    let last = page("limit=1&cursor=order-1");
    assert_eq!(last, ("order-2".to_owned(), Value::Null));
    let found = hub.get("/v1/event-types?prefix=order.").is(200);
    let types = array(&found["event_types"]);
    let names: Vec<_> = types.iter().map(|one| text(&one["event_type"])).collect();
    assert_eq!(names, ["order.paid", "order.placed"]);
}
