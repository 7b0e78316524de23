//! Payloads that are bytes: whatever they are, everybody who is shown the message gets them.

use serde_json::{Value, json};

use crate::support::fake_service::Reply;
use crate::support::verbs::id_of;
use crate::support::{FakeService, TestHub, eventually, postgres};

/// What is neither UTF-8 nor JSON.
const BYTES: &str = "AP8KIoA=";

fn bytes_to(destination: &str) -> Value {
    json!({"destination": destination, "payload_base64": BYTES, "content_type": "image/png"})
}

/// That these bytes are shown in the one way there is.
#[track_caller]
fn assert_shown(message: &Value) {
    assert!(message["payload"].is_null(), "{message}");
    assert!(message.as_object().unwrap().contains_key("payload"));
    assert_eq!(message["payload_base64"], BYTES, "{message}");
    assert_eq!(message["content_type"], "image/png", "{message}");
}

#[test]
fn bytes_reach_whoever_takes_them() {
    let hub = TestHub::with_puller("billing");
    let id = id_of(&hub.send(&bytes_to("billing")).is(202));
    assert_shown(&hub.message(&id));
    let leased = hub.pull_one("billing");
    assert_shown(&leased);
    hub.ack(&[&leased["lease"]]).is(200);
    assert_shown(&hub.message(&id));

    let mut socket = hub.socket();
    socket.consume("billing", 10);
    socket.say(&json!({"type": "send", "ref": 1, "message": bytes_to("billing")}));
    // Who consumes is not second to who sends.
    let heard = [socket.hear(), socket.hear()];
    let of_type = |wanted: &str| {
        let frame = heard.iter().find(|frame| frame["type"] == wanted);
        frame.unwrap_or_else(|| panic!("no {wanted} among {heard:?}"))
    };
    assert_eq!(of_type("accepted")["ref"], 1);
    assert_shown(&of_type("message")["message"]);

    let service = FakeService::start();
    hub.register_at("printer", &service.url());
    let mut correlated = bytes_to("printer");
    correlated["correlation_id"] = json!("order-7");
    let batch = hub.batch(&json!([correlated, {"destination": "printer", "payload": 1}]));
    assert_eq!(batch.is(202)["accepted"], 2);
    let pushed = service.wait_for(2);
    let pushed = pushed.iter().map(|one| one.json());
    let pushed: Vec<_> = pushed.filter(|one| one["payload"].is_null()).collect();
    assert_eq!(pushed.len(), 1);
    assert_shown(&pushed[0]);
    let conversation = hub.get("/v1/correlations/order-7").is(200);
    assert_shown(&conversation["items"][0]["message"]);
    hub.assert_conservation();
}

#[test]
fn bytes_of_json_are_shown_as_json_if_they_may_be_meant_so() {
    let hub = TestHub::with_puller("billing");
    // ` {"a": 1}`
    let base64 = "IHsiYSI6IDF9";
    for (content_type, is_json) in [
        (json!(null), true),
        (json!("application/vnd.order+json; v=1"), true),
        (json!("text/plain"), false),
    ] {
        let sent = json!({"destination": "billing", "payload_base64": base64, "content_type": content_type});
        hub.send(&sent).is(202);
        let leased = hub.pull_one("billing");
        let expected = match is_json {
            true => (json!({"a": 1}), json!(null)),
            false => (json!(null), json!(base64)),
        };
        let found = (leased["payload"].clone(), leased["payload_base64"].clone());
        assert_eq!(found, expected, "{content_type}");
        assert_eq!(leased["content_type"], content_type);
    }
}

#[test]
fn what_is_no_base64_is_refused_by_name() {
    let hub = TestHub::with_puller("billing");
    for (field, value) in [("payload_base64", "AP8"), ("content_type", "a\nb")] {
        let mut message = bytes_to("billing");
        message[field] = json!(value);
        let refused = hub.send(&message).is(400);
        assert_eq!(refused["error"]["details"]["field"], field);
        let refused = hub.batch(&json!([message, bytes_to("billing")])).is(202);
        assert_eq!(refused["accepted"], 1);
    }
    let mut both = bytes_to("billing");
    both["payload"] = json!(1);
    let mut socket = hub.socket();
    let refused = socket.ask(&json!({"type": "send", "ref": 1, "message": both}));
    assert_eq!(refused["error"]["details"]["field"], "payload_base64");
    let mut large = bytes_to("billing");
    large["payload_base64"] = json!("AAAA".repeat(1 << 18));
    let refused = hub.send(&large).is(413);
    assert_eq!(refused["error"]["code"], "PAYLOAD_TOO_LARGE");
}

#[test]
fn a_repeat_is_known_by_its_bytes_and_what_they_are() {
    let hub = TestHub::with_puller("billing");
    let with = |field: &str, value: &str| {
        let mut message = bytes_to("billing");
        message["id"] = json!("01890a5d-ac96-774b-bcce-b302099a8057");
        if !field.is_empty() {
            message[field] = json!(value);
        }
        message
    };
    hub.send(&with("", "")).is(202);
    let leased = hub.pull_one("billing");
    hub.ack(&[&leased["lease"]]).is(200);
    // Told by the window of ids, and after a start by what the journal has of it.
    let mut hub = hub;
    for _ in 0..2 {
        assert_eq!(hub.send(&with("", "")).is(200)["duplicate"], true);
        hub.send(&with("payload_base64", "AA==")).is(409);
        hub.send(&with("content_type", "image/gif")).is(409);
        hub.kill9();
        hub = hub.restart();
    }
}

/// Sends, lets die, kills, mends and moves on: bytes all the way.
fn goes_on_after_kills(settings: &[(&str, &str)]) {
    let mut hub = TestHub::with(settings);
    let service = FakeService::start();
    service.now_answers(Reply::Status(422));
    hub.register_at("printer", &service.url());
    hub.register_puller("billing");
    let dead = id_of(&hub.send(&bytes_to("printer")).is(202));
    let open = id_of(&hub.send(&bytes_to("billing")).is(202));
    let json = hub.send_to("billing", json!({"n": 1}));
    eventually("it is dead", || hub.state(&dead) == "dead");
    hub.kill9();
    hub = hub.restart();
    assert_shown(&hub.message(&open));
    assert_eq!(hub.message(&json)["payload"], json!({"n": 1}));
    assert_shown(&hub.dead_letter(&dead).is(200));
    assert_shown(&hub.dead_letters("")[0]);
    let listed = hub.messages("destination=billing").is(200);
    assert_shown(&listed["messages"][1]);

    service.now_answers(Reply::Status(200));
    hub.reprocess(&dead, &json!({})).is(202);
    assert_shown(&service.wait_for(2)[1].json());
    eventually("it arrives", || hub.state(&dead) == "delivered");
    hub.kill9();
    hub = hub.restart();
    assert_shown(&hub.message(&dead));
    let records = hub.journal();
    for (kind, id) in [("accepted", &open), ("redriven", &dead)] {
        let of_kind = |record: &&Value| record["kind"] == kind && record["body_base64"] == BYTES;
        let record = records.iter().rfind(of_kind).unwrap();
        let fact = &record["fact"];
        let message = fact.get("message").unwrap_or(fact);
        assert_eq!(message["id"], **id);
        assert!(message.get("payload").is_none(), "{record}");
        assert_eq!(fact["content_type"], "image/png");
    }
    hub.assert_conservation();
}

#[test]
fn bytes_outlive_kills() {
    goes_on_after_kills(&[]);
}

#[test]
fn bytes_outlive_kills_with_a_history_in_postgresql() {
    if let Some(url) = postgres::database() {
        goes_on_after_kills(&[("database_url", &url)]);
    }
}

#[test]
fn a_dead_letter_of_bytes_is_mended_with_json() {
    let hub = TestHub::with(&[("max_retry_attempts", "1")]);
    hub.register_puller("billing");
    let id = id_of(&hub.send(&bytes_to("billing")).is(202));
    let leased = hub.pull_one("billing");
    hub.nack(&[&leased["lease"]], 0.0).is(200);
    eventually("it is dead", || hub.state(&id) == "dead");
    hub.reprocess(&id, &json!({"payload": [7]})).is(202);
    let leased = hub.pull_one("billing");
    assert_eq!(leased["payload"], json!([7]));
    for message in [&leased, &hub.message(&id)] {
        let message = message.as_object().unwrap();
        let is_bytes = |name: &str| message.contains_key(name);
        assert!(!is_bytes("payload_base64") && !is_bytes("content_type"));
    }
}

#[test]
fn a_payload_alone_is_as_stored_and_never_a_page() {
    let hub = TestHub::with(&[("max_retry_attempts", "1")]);
    hub.register_puller("billing");
    let json = r#"{"a": 1,"a":"<script>"}"#;
    let body = format!(r#"{{"destination":"billing","payload":{json}}}"#);
    let id = id_of(&hub.ask("POST", "/v1/messages", body.as_bytes()).is(202));
    let page = json!({"destination": "billing", "payload_base64": "PGh0bWw+", "content_type": "text/html"});
    let page = id_of(&hub.send(&page).is(202));
    let nameless = json!({"destination": "billing", "payload_base64": "aGk="});
    let nameless = id_of(&hub.send(&nameless).is(202));
    let leased = hub.pull("billing", 3);
    let leases: Vec<_> = leased.iter().map(|one| &one["lease"]).collect();
    hub.nack(&leases, 0.0).is(200);
    for list in ["messages", "dlq"] {
        let answer = hub.get(&format!("/v1/{list}/{id}/payload"));
        assert_eq!((answer.status, &*answer.body), (200, json));
        assert_eq!(answer.head.header("content-type"), Some("application/json"));
        assert_eq!(answer.head.header("content-disposition"), None);
        let answer = hub.get(&format!("/v1/{list}/{page}/payload"));
        assert_eq!((answer.status, &*answer.body), (200, "<html>"));
        for (header, value) in [
            ("content-type", "text/html"),
            ("content-disposition", "attachment"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.head.header(header), Some(value), "{header}");
        }
        let policy = answer.head.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        let answer = hub.get(&format!("/v1/{list}/{nameless}/payload"));
        let media_type = answer.head.header("content-type");
        assert_eq!(media_type, Some("application/octet-stream"));
    }
}
