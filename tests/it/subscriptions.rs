//! Callback subscriptions: every event arrives, in order, whatever happens to anybody else.

mod circuits;
mod dead_letters;
mod failures;
mod life;
mod verified;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::fake_service::Received;
use crate::support::{FakeService, Reply, TestHub, eventually};

/// One that does not wait long before it tries again.
fn hub() -> TestHub {
    TestHub::with(&QUICK)
}

const QUICK: [(&str, &str); 3] = [
    ("base_retry_delay", "0.01"),
    ("max_retry_delay", "0.05"),
    ("circuit_breaker_failure_threshold", "1000"),
];

/// Publishes so many events with their numbers as payloads.
#[track_caller]
fn publish(hub: &TestHub, event_type: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let event = json!({"event_type": event_type, "payload": number});
        hub.post("/v1/events", &event).is(201);
    }
}

fn payloads(received: &[Received]) -> Vec<u64> {
    let payloads = received.iter().map(|one| one.json()["payload"].clone());
    payloads.filter_map(|payload| payload.as_u64()).collect()
}

#[test]
fn events_arrive_in_order_and_say_all_of_themselves() {
    let hub = hub();
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &format!("{}/in?a=b", service.url()));
    let event = json!({
        "event_type": "order.paid", "payload": {"n": 1}, "stream_id": "order-7",
        "correlation_id": "talk", "source": "shop",
    });
    let published = hub.post("/v1/events", &event).is(201);
    publish(&hub, "order.sent", 2..=20);
    let received = service.wait_for(20);
    let first = received[0].json();
    assert_eq!(first["id"], published["id"]);
    for (field, value) in [
        ("type", json!("event")),
        ("event_type", json!("order.paid")),
        ("source", json!("shop")),
        ("payload", json!({"n": 1})),
        ("correlation_id", json!("talk")),
        ("sequence", published["sequence"].clone()),
        ("stream_id", json!("order-7")),
        ("stream_version", json!(1)),
        ("attempt", json!(1)),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    assert!(first.get("replay").is_none() && first["timestamp"].is_string());
    assert_eq!(received[0].header("x-hub-attempt"), Some("1/5"));
    assert_eq!(received[0].header("x-correlation-id"), Some("talk"));
    assert_eq!(payloads(&received[1..]), (2..=20).collect::<Vec<_>>());
    eventually("the position follows", || hub.subscription(&id)["lag"] == 0);
    let view = hub.subscription(&id);
    assert_eq!(view["position"], received[19].json()["sequence"]);
    assert_eq!(
        (&view["state"], &view["in_flight"]),
        (&json!("active"), &json!(0))
    );
}

#[test]
fn only_what_matches_and_comes_after_is_sent() {
    let hub = hub();
    publish(&hub, "order.paid", [1]);
    let (some, all) = (FakeService::start(), FakeService::start());
    hub.subscribed("some", "order.#", &some.url());
    let asked = json!({
        "service": "all", "event_types": ["order.*"], "callback_url": all.url(), "from_sequence": 1,
    });
    hub.subscribe(&asked).is(201);
    publish(&hub, "invoice.sent", [2]);
    publish(&hub, "order.item.added", [3]);
    publish(&hub, "order.sent", [4]);
    assert_eq!(payloads(&some.wait_for(2)), [3, 4]);
    assert_eq!(payloads(&all.wait_for(2)), [1, 4]);
}

#[test]
fn a_subscription_begins_anywhere_up_to_the_next_event() {
    let hub = hub();
    publish(&hub, "order.paid", 1..=2);
    let service = FakeService::start();
    let mut asked = json!({
        "service": "all", "event_types": ["order.*"], "callback_url": service.url(),
        "from_sequence": 4,
    });
    let refused = hub.subscribe(&asked);
    assert!(
        refused.body.contains("is beyond the newest event (2)"),
        "{}",
        refused.body
    );
    let details = refused.refuses(400, "INVALID_SUBSCRIPTION");
    assert_eq!(details["field"], "from_sequence");
    asked["from_sequence"] = json!(0);
    hub.subscribe(&asked).is(201);
    assert_eq!(payloads(&service.wait_for(2)), [1, 2]);
    let next = FakeService::start();
    asked["callback_url"] = json!(next.url());
    asked["from_sequence"] = json!(3);
    hub.subscribe(&asked).is(201);
    publish(&hub, "order.paid", [3]);
    assert_eq!(payloads(&next.wait_for(1)), [3]);
}

#[test]
fn every_delivery_is_signed() {
    let hub = hub();
    let service = FakeService::start().then([Reply::Status(500)]);
    let asked = json!({"service": "billing", "event_types": ["#"], "callback_url": service.url()});
    let made = hub.subscribe(&asked).is(201);
    publish(&hub, "order.paid", [1]);
    let received = service.wait_for(2);
    for one in &received {
        let (id, at) = (one.header("webhook-id"), one.header("webhook-timestamp"));
        let signed = format!("{}.{}.{}", id.unwrap(), at.unwrap(), one.body);
        let expected = signature(made["secret"].as_str().unwrap(), &signed);
        assert_eq!(one.header("webhook-signature"), Some(expected.as_str()));
    }
    assert_eq!(
        received[0].header("webhook-id"),
        received[1].header("webhook-id")
    );
    assert_eq!(received[1].json()["attempt"], 2);
}

/// HMAC-SHA256 as RFC 2104 defines it, written as Standard Webhooks want it.
fn signature(secret: &str, signed: &str) -> String {
    let mut key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|one| one ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36), signed.as_bytes()].concat());
    let outer = Sha256::digest([&pad(0x5c)[..], &inner[..]].concat());
    format!("v1,{}", STANDARD.encode(outer))
}

#[test]
fn events_it_does_not_want_are_no_lag() {
    let hub = hub();
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &service.url());
    publish(&hub, "order.paid", 1..=2);
    service.wait_for(2);
    publish(&hub, "image.made", 3..=5);
    eventually("all are done", || hub.subscription(&id)["lag"] == 0);
    assert_eq!(hub.metric("message_hub_subscription_lag_max"), 0.0);
}

#[test]
fn several_may_be_under_way_at_once() {
    let hub = hub();
    let service = FakeService::answering(Reply::Hang);
    let asked = json!({
        "service": "billing", "event_types": ["#"], "callback_url": service.url(), "max_in_flight": 3,
    });
    let id = hub.subscribe(&asked).is(201)["subscription_id"].clone();
    publish(&hub, "order.paid", 1..=5);
    service.wait_for(3);
    let view = hub.subscription(id.as_str().unwrap());
    assert_eq!(
        (&view["in_flight"], &view["position"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(service.count(), 3);
}

#[test]
fn a_wrong_subscription_names_its_field() {
    let hub = hub();
    let good = json!({
        "service": "billing", "event_types": ["a"], "callback_url": "http://127.0.0.1:9/",
    });
    for (field, value) in [
        ("event_types", json!([])),
        ("event_types", json!(["a..b"])),
        ("callback_url", json!("https://169.254.169.254/")),
        ("callback_url", json!("http://169.254.169.254/")),
        ("secret", json!("short")),
        ("max_in_flight", json!(0)),
        ("from_sequence", json!("first")),
        ("durable", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let refused = hub.subscribe(&bad).refuses(400, "INVALID_SUBSCRIPTION");
        assert_eq!(refused["field"], field);
    }
    hub.get("/v1/subscriptions/7")
        .refuses(400, "INVALID_REQUEST");
    let nobody = "/v1/subscriptions/00000000-0000-7000-8000-000000000000";
    hub.get(nobody).refuses(404, "NOT_FOUND");
    hub.delete(nobody).refuses(404, "NOT_FOUND");
    hub.patch(nobody, &json!({})).refuses(404, "NOT_FOUND");
    let asked = json!({"subscription_id": "x"});
    hub.post("/unsubscribe", &asked)
        .refuses(400, "INVALID_SUBSCRIPTION");
}

fn state(hub: &TestHub, id: &str) -> Value {
    hub.subscription(id)["state"].clone()
}
