//! `/v1/events`: publishing, one event or many.

mod atomic;
mod own;
mod repeats;
mod writers;

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::{TestHub, eventually};

fn event(payload: impl Into<Value>) -> Value {
    json!({"event_type": "order.paid", "payload": payload.into()})
}

/// An event of a stream that must be at `version` before it.
fn expecting(stream: &str, version: i64) -> Value {
    json!({
        "event_type": "order.paid", "payload": 1, "stream_id": stream,
        "expected_version": version,
    })
}

#[test]
fn every_address_takes_an_event_and_tells_its_place() {
    let hub = TestHub::start();
    for (sequence, path) in (1..).zip(["/v1/events", "/event", "/events"]) {
        let receipt = hub.post(path, &event(1)).is(201);
        assert_eq!(receipt["status"], "accepted");
        assert_eq!(receipt["sequence"], sequence);
        assert_eq!(receipt["durability"], "disk");
        assert_eq!(receipt["stream_id"], Value::Null);
        assert_eq!(receipt["stream_version"], Value::Null);
        let written = &hub.events_in_journal()[sequence - 1];
        assert_eq!(written["id"], receipt["id"]);
        assert_eq!(written["published_at"], receipt["timestamp"]);
    }
    let series = "message_hub_events_total{type=\"order.paid\"}";
    assert_eq!(hub.metric(series), 3.0);
}

#[test]
fn everything_that_is_said_is_kept() {
    let hub = TestHub::start();
    let body = r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","type":"event",
        "event_type":"order.paid","payload":{"a": 1e2,"a":"\u00e4"},"source":"mail",
        "correlation_id":"talk","causation_id":"cause","stream_id":"order 7",
        "expected_version":0,"metadata":[1 , 2],"timestamp":"2026-01-01T00:00:00Z",
        "unknown":{}}"#;
    let traced = hub.with_header("traceparent: 00-abc-def-01");
    let receipt = traced.ask("POST", "/v1/events", body.as_bytes()).is(201);
    assert_eq!(receipt["id"], "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_eq!(receipt["stream_id"], "order 7");
    assert_eq!(receipt["stream_version"], 1);
    let written = hub.events_in_journal().remove(0);
    for (field, value) in [
        ("type", json!("order.paid")),
        ("source", json!("mail")),
        ("correlation_id", json!("talk")),
        ("causation_id", json!("cause")),
        ("stream", json!({"id": "order 7", "version": 1})),
    ] {
        assert_eq!(written[field], value, "{field}");
    }
    let extras = &written["extras"];
    assert_eq!(extras["metadata"], json!([1, 2]));
    assert_eq!(extras["timestamp"], "2026-01-01T00:00:00.000Z");
    assert_eq!(extras["traceparent"], "00-abc-def-01");
}

#[test]
fn headers_stand_in_for_source_and_correlation() {
    let hub = TestHub::start();
    let correlated = hub.with_header("x-correlation-id: talk");
    correlated.publish(&event(1)).is(201);
    let written = hub.events_in_journal().remove(0);
    assert_eq!(written["source"], "shop");
    assert_eq!(written["correlation_id"], "talk");
    let details = hub.nameless().publish(&event(1));
    assert_eq!(details.refuses(400, "INVALID_MESSAGE")["field"], "source");
}

#[test]
fn wrong_events_are_refused_with_their_field() {
    let hub = TestHub::start();
    let long = "x".repeat(201);
    for (field, value) in [
        ("event_type", json!(null)),
        ("event_type", json!("")),
        ("event_type", json!(5)),
        ("event_type", json!("a\nb")),
        ("event_type", json!(long)),
        ("type", json!(5)),
        ("type", json!({})),
        ("id", json!("x")),
        ("source", json!("a b")),
        ("correlation_id", json!(long)),
        ("causation_id", json!([])),
        ("stream_id", json!("")),
        ("stream_id", json!(long)),
        ("expected_version", json!(1)),
        ("timestamp", json!("yesterday")),
    ] {
        let mut wrong = event(1);
        wrong[field] = value;
        let details = hub.publish(&wrong).refuses(400, "INVALID_MESSAGE");
        assert_eq!(details["field"], field, "{wrong}");
    }
    for version in [json!(-2), json!(1.5), json!("1"), json!(true)] {
        let mut wrong = expecting("a", 0);
        wrong["expected_version"] = version;
        let details = hub.publish(&wrong).refuses(400, "INVALID_MESSAGE");
        assert_eq!(details["field"], "expected_version", "{wrong}");
    }
    let without_payload = hub.publish(&json!({"event_type": "a"}));
    let details = without_payload.refuses(400, "INVALID_MESSAGE");
    assert_eq!(details["field"], "payload");
    let twice = hub.ask("POST", "/event", br#"{"event_type":"a","event_type":"b"}"#);
    assert_eq!(twice.refuses(400, "INVALID_MESSAGE")["field"], "event_type");
    let deep = format!(
        r#"{{"event_type":"a","payload":{}1{}}}"#,
        "[".repeat(65),
        "]".repeat(65)
    );
    hub.ask("POST", "/events", deep.as_bytes())
        .refuses(400, "INVALID_MESSAGE");
    let large = event("x".repeat(1 << 20));
    hub.publish(&large).refuses(413, "PAYLOAD_TOO_LARGE");
    assert!(hub.events_in_journal().is_empty());
    assert_eq!(hub.publish(&event(1)).is(201)["sequence"], 1);
}

#[test]
fn a_plain_get_of_the_socket_is_told_to_upgrade() {
    let hub = TestHub::start();
    let answer = hub.get("/events");
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    answer.refuses(426, "UPGRADE_REQUIRED");
}

#[test]
fn arrays_objects_and_lines_are_taken_alike() {
    let hub = TestHub::start();
    let mut second = event(2);
    second["stream_id"] = json!("a");
    let events = json!([event(1), second]);
    let lines = format!("{}\n\n{}\n", events[0], events[1]);
    let ndjson = hub.with_header("content-type: application/x-ndjson");
    let answers = [
        hub.publish_batch(&events),
        hub.publish_batch(&json!({"events": events})),
        ndjson.ask("POST", "/v1/events/batch", lines.as_bytes()),
    ];
    for (before, answer) in [0, 2, 4].into_iter().zip(answers) {
        let answer = answer.is(202);
        assert_eq!(
            (&answer["accepted"], &answer["rejected"]),
            (&json!(2), &json!(0))
        );
        for (index, result) in array(&answer["results"]).iter().enumerate() {
            assert_eq!(result["index"], index);
            assert_eq!(result["status"], "accepted");
            assert_eq!(result["sequence"], before + index + 1);
        }
        assert_eq!(answer["results"][0]["stream_version"], Value::Null);
        assert_eq!(answer["results"][1]["stream_version"], before / 2 + 1);
    }
}

#[test]
fn a_bad_item_does_not_fail_the_others() {
    let hub = TestHub::start();
    let mut bad = event(2);
    bad["id"] = json!("x");
    let items = json!([event(1), bad, 5, expecting("a", 3), event(4)]);
    let answer = hub.publish_batch(&items).is(202);
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(2), &json!(3))
    );
    let results = array(&answer["results"]);
    assert_eq!(results[0]["sequence"], 1);
    assert_eq!(results[1]["error"]["details"]["field"], "id");
    assert_eq!(results[2]["error"]["code"], "INVALID_MESSAGE");
    assert_eq!(results[3]["error"]["code"], "VERSION_CONFLICT");
    assert_eq!(results[3]["error"]["details"]["current_version"], 0);
    assert_eq!(results[4]["sequence"], 2);
}

#[test]
fn a_batch_without_any_success_is_an_error() {
    let hub = TestHub::start();
    let all_alike = hub.publish_batch(&json!([expecting("a", 1), expecting("b", 1)]));
    let details = all_alike.refuses(409, "VERSION_CONFLICT");
    assert_eq!(array(&details["results"]).len(), 2);
    let mixed = hub.publish_batch(&json!([expecting("a", 1), 5]));
    mixed.refuses(400, "INVALID_MESSAGE");
    for body in [
        json!(5),
        json!({}),
        json!([]),
        json!({"events": 1}),
        json!({"messages": [1]}),
    ] {
        let details = hub.publish_batch(&body).refuses(400, "INVALID_MESSAGE");
        assert!(
            ["body", "events", "messages"].contains(&&*text(&details["field"])),
            "{body}"
        );
    }
    let atomic = hub.publish_batch(&json!({"events": [event(1)], "atomic": "yes"}));
    assert_eq!(atomic.refuses(400, "INVALID_MESSAGE")["field"], "atomic");
    let many: Vec<_> = (0..10_001).map(|_| 1).collect();
    hub.publish_batch(&json!(many))
        .refuses(400, "INVALID_MESSAGE");
}

#[test]
fn with_keys_only_the_caller_publishes() {
    let hub = TestHub::with(&[("service_keys", "{shop: [s], mail: [m]}")]);
    let shop = hub.named("shop", "s");
    let mut of_mail = event(1);
    of_mail["source"] = json!("mail");
    for path in ["/v1/events", "/event", "/events"] {
        hub.named("shop", "m")
            .post(path, &event(1))
            .refuses(401, "AUTH_FAILED");
        shop.post(path, &of_mail).refuses(403, "AUTH_FAILED");
        shop.post(path, &event(1)).is(201);
    }
    let answer = shop.publish_batch(&json!([event(1), of_mail])).is(202);
    assert_eq!(answer["results"][1]["error"]["code"], "AUTH_FAILED");
}

#[test]
fn events_count_against_the_quota_of_their_source() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let quota = json!({"send_rate": 0.001, "send_burst": 3});
    hub.set_quota("shop", &quota).is(200);
    let named = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "event_type": "a", "payload": 1,
    });
    hub.publish(&named).is(201);
    for _ in 0..5 {
        assert_eq!(hub.publish(&named).is(200)["duplicate"], true);
        hub.publish(&expecting("a", 9))
            .refuses(409, "VERSION_CONFLICT");
        let failing = json!({"events": [event(1), expecting("a", 9)], "atomic": true});
        hub.publish_batch(&failing).refuses(409, "VERSION_CONFLICT");
    }
    hub.send_to("billing", 1);
    let over = json!({"events": [event(1), event(2)], "atomic": true});
    let details = hub.publish_batch(&over).refuses(429, "RATE_LIMITED");
    assert_eq!(
        (&details["index"], &details["service"]),
        (&json!(1), &json!("shop"))
    );
    hub.publish(&event(1)).is(201);
    let refused = hub.publish(&event(1));
    assert!(refused.header("retry-after").is_some());
    refused.refuses(429, "RATE_LIMITED");
    assert_eq!(hub.publish(&named).is(200)["duplicate"], true);
    hub.named("mail", "").publish(&event(1)).is(201);
}

#[test]
fn below_the_reserve_nothing_is_published_and_news_still_is() {
    let hub = TestHub::start();
    let named = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "event_type": "a", "payload": 1,
    });
    hub.publish(&named).is(201);
    let hub = hub.restart_with(&[("disk_reserve", "18446744073709551615")]);
    eventually("intake stops", || hub.publish(&event(1)).status == 507);
    let batch = json!([event(1), event(2)]);
    hub.publish_batch(&batch).refuses(507, "STORAGE_FULL");
    let atomic = json!({"events": batch, "atomic": true});
    hub.publish_batch(&atomic).refuses(507, "STORAGE_FULL");
    hub.publish(&named).is(200);
    hub.register_puller("billing");
    let hub = hub.restart_with(&[("disk_reserve", "0")]);
    let receipt = hub.publish(&event(1)).is(201);
    let events = hub.events_in_journal();
    let last = events.last().expect("there are events");
    assert_eq!(id_of(last), id_of(&receipt));
    let types: Vec<_> = events.iter().map(|event| text(&event["type"])).collect();
    assert!(
        types.contains(&"service.registered".to_owned()),
        "{types:?}"
    );
    for (sequence, event) in (1..).zip(&events) {
        assert_eq!(event["sequence"], sequence);
    }
}
