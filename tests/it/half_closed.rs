//! Clients that say no more once they have asked, and still listen: they get their answer, and wait
//! for nothing, since they may as well be gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::verbs::array;
use crate::support::wire::Answer;
use crate::support::{TestHub, eventually};

/// What waits for longer than this waits for its time.
const AT_ONCE: Duration = Duration::from_secs(10);

fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nx-service-name: shop\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Asks, says no more, and gives the answer; there is nothing behind it.
#[track_caller]
fn ask_and_be_silent(hub: &TestHub, request: &[u8]) -> Answer {
    let began = Instant::now();
    let mut connection = hub.connect().unwrap();
    connection.say(request).unwrap();
    let answer = connection.finish().unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    answer
}

#[test]
fn what_was_asked_is_answered() {
    let hub = TestHub::with_puller("billing");
    for bytes in [1, 40_000, 1_000_000] {
        let message = json!({"destination": "billing", "payload": "x".repeat(bytes)});
        ask_and_be_silent(&hub, &post("/v1/messages", &message)).is(202);
    }
    ask_and_be_silent(&hub, b"GET /health HTTP/1.0\r\n\r\n").is(200);
    let handed = ask_and_be_silent(&hub, &post("/v1/services/billing/receive", &json!({}))).is(200);
    assert_eq!(array(&handed["messages"]).len(), 3);
}

#[test]
fn a_body_that_ends_early_is_refused() {
    let hub = TestHub::with_puller("billing");
    let whole = post(
        "/v1/messages",
        &json!({"destination": "billing", "payload": 1}),
    );
    let half = &whole[..whole.len() - 1];
    let details = ask_and_be_silent(&hub, half).refuses(400, "INVALID_MESSAGE");
    assert_eq!(details["field"], "body");
}

#[test]
fn nobody_waits_for_them() {
    let hub = TestHub::with_puller("billing");
    let waiting = json!({"max": 10, "wait_ms": 60_000});
    let receive = post("/v1/services/billing/receive", &waiting);
    let nothing = ask_and_be_silent(&hub, &receive).is(200);
    assert_eq!(nothing["messages"], json!([]));
    let message = json!({"destination": "billing", "payload": 1});
    let accepted = ask_and_be_silent(&hub, &post("/v1/messages?wait_ms=60000", &message)).is(202);
    assert_eq!(accepted["status"], "accepted");
    // What is there when they ask is theirs.
    let handed = ask_and_be_silent(&hub, &receive).is(200);
    assert_eq!(handed["messages"][0]["id"], accepted["id"]);
    assert_eq!(handed["messages"][0]["attempt"], 1);
}

#[test]
fn their_connections_end() {
    let hub = TestHub::with_puller("billing");
    let waiting = post("/v1/services/billing/receive", &json!({"wait_ms": 60_000}));
    let upgrade =
        b"GET /events HTTP/1.1\r\nhost: hub\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for request in [
        b"".as_slice(),
        b"GET /health HTTP",
        b"GET /health HTTP/1.1\r\nhost: hub\r\n\r\n",
        &waiting,
        upgrade,
    ] {
        let began = Instant::now();
        let mut connection = hub.connect().unwrap();
        connection.say(request).unwrap();
        connection.leave();
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }
    eventually("only the one that asks is left", || {
        hub.metric("message_hub_connections") == 1.0
    });
    assert_eq!(hub.metric("message_hub_open_sockets"), 0.0);
}
