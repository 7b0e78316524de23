//! Hand-over by HTTP push: what is sent, and what each answer means.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

/// Three attempts, a few milliseconds apart, and no circuit in the way.
fn quick_hub() -> TestHub {
    TestHub::with(&[
        ("base_retry_delay", "0.02"),
        ("max_retry_delay", "0.5"),
        ("max_retry_attempts", "3"),
        ("message_timeout", "0.3"),
        ("circuit_breaker_failure_threshold", "1000"),
    ])
}

fn send_through(hub: &TestHub, service: &FakeService) -> String {
    hub.register_at("billing", &service.url());
    hub.send_to("billing", json!({"amount": 5}))
}

fn wait_for_state(hub: &TestHub, id: &str, state: &str) -> Value {
    eventually(&format!("the message is {state}"), || {
        hub.state(id) == state
    });
    hub.message(id)
}

#[test]
fn a_push_carries_the_message_whole() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register(&json!({"service": "billing", "url": service.url(), "message_endpoint": "/in"}))
        .is(201);
    let traced =
        hub.with_header("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let message = json!({
        "destination": "billing", "payload": {"amount": 5}, "type": "invoice", "priority": "high",
        "correlation_id": "c-1", "reply_to": "shop", "headers": {"tenant": "7"}, "ttl": 60,
    });
    let id = id_of(&traced.send_waiting(20_000, &message).is(200));
    let request = service.received().remove(0);
    assert_eq!(request.head.first_line, "POST /in HTTP/1.1");
    assert_eq!(request.header("x-message-id"), Some(&*id));
    assert_eq!(request.header("x-correlation-id"), Some("c-1"));
    assert_eq!(request.header("x-hub-attempt"), Some("1/5"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("x-request-id").is_some());
    let traceparent = request.header("traceparent").unwrap();
    assert!(traceparent.contains("0af7651916cd43dd8448eb211c80319c"));
    let body = request.json();
    assert_eq!(body["id"], json!(id));
    assert_eq!(body["type"], "invoice");
    assert_eq!(body["source"], "shop");
    assert_eq!(body["destination"], "billing");
    assert_eq!(body["reply_to"], "shop");
    assert_eq!(body["priority"], "HIGH");
    assert_eq!(body["payload"], json!({"amount": 5}));
    assert_eq!(body["headers"], json!({"tenant": "7"}));
    assert_eq!(body["attempt"], 1);
    assert_eq!(body["max_attempts"], 5);
    assert!(body["expires_at"].is_string());
    assert!(body["timestamp"].is_string());
}

#[test]
fn any_success_delivers() {
    let hub = quick_hub();
    let service = FakeService::start().then([Reply::Status(202), Reply::Status(204)]);
    hub.register_at("billing", &service.url());
    for _ in 0..3 {
        let message = json!({"destination": "billing", "payload": 1});
        let id = id_of(&hub.send_waiting(20_000, &message).is(200));
        let view = hub.message(&id);
        assert_eq!(view["state"], "delivered");
        assert_eq!(view["delivery_attempts"], 1);
    }
    assert_eq!(service.count(), 3);
    hub.assert_conservation();
}

#[test]
fn a_permanent_refusal_is_a_dead_letter_at_once() {
    for status in [400, 404, 422, 301] {
        let hub = quick_hub();
        let service = FakeService::answering(Reply::Status(status));
        let id = send_through(&hub, &service);
        wait_for_state(&hub, &id, "dead");
        let dead_letter = hub.dead_letter(&id).is(200);
        assert_eq!(dead_letter["reason"], "rejected");
        assert_eq!(dead_letter["delivery_attempts"], 1);
        assert_eq!(dead_letter["attempts"][0]["status_code"], status);
        assert_eq!(service.count(), 1);
        // What speaks of the address counts for the circuit.
        let failures = u32::from(status == 404);
        assert_eq!(hub.circuit("billing")["failure_count"], failures);
    }
}

#[test]
fn failures_are_retried_until_the_attempts_are_spent() {
    let hub = quick_hub();
    let service = FakeService::answering(Reply::Status(500));
    let id = send_through(&hub, &service);
    wait_for_state(&hub, &id, "dead");
    let dead_letter = hub.dead_letter(&id).is(200);
    assert_eq!(dead_letter["reason"], "attempts_exhausted");
    assert_eq!(dead_letter["delivery_attempts"], 3);
    assert_eq!(array(&dead_letter["attempts"]).len(), 3);
    let received = service.received();
    let attempts: Vec<_> = received
        .iter()
        .map(|one| one.header("x-hub-attempt"))
        .collect();
    assert_eq!(attempts, [Some("1/3"), Some("2/3"), Some("3/3")]);
    // 20 ms, then 40 ms; a part of up to a tenth may come on top.
    assert!(received[1].at - received[0].at >= Duration::from_millis(20));
    assert!(received[2].at - received[1].at >= Duration::from_millis(40));
    assert_eq!(hub.metric("message_hub_retries_total"), 2.0);
    hub.assert_conservation();
}

#[test]
fn every_passing_failure_is_retried() {
    for reply in [
        Reply::Status(408),
        Reply::Status(425),
        Reply::Status(429),
        Reply::Status(503),
        Reply::Hang,
        Reply::Reset,
        Reply::Garbage,
        Reply::After(Duration::from_secs(2), 200),
    ] {
        let hub = quick_hub();
        let service = FakeService::start().then([reply.clone()]);
        let id = send_through(&hub, &service);
        let view = wait_for_state(&hub, &id, "delivered");
        assert_eq!(view["delivery_attempts"], 2, "{reply:?}");
        assert_eq!(view["attempts"][0]["outcome"], "failed", "{reply:?}");
        assert!(view["attempts"][0]["error"].is_string(), "{reply:?}");
    }
}

#[test]
fn a_service_that_is_not_there_is_retried() {
    let hub = quick_hub();
    let gone = FakeService::start();
    let address = gone.address();
    drop(gone);
    hub.register_at("billing", &format!("http://{address}"));
    let id = hub.send_to("billing", 1);
    let view = wait_for_state(&hub, &id, "dead");
    assert!(text(&view["last_error"]).contains("connect"), "{view}");
    assert_eq!(view["delivery_attempts"], 3);
}

#[test]
fn a_receiver_may_say_when_to_come_back() {
    let hub = TestHub::with(&[("base_retry_delay", "0.01"), ("max_retry_delay", "60")]);
    let service = FakeService::start().then([Reply::With(503, &["retry-after: 40"])]);
    let id = send_through(&hub, &service);
    let view = wait_for_state(&hub, &id, "retrying");
    let at = |field: &Value| text(field).parse::<jiff::Timestamp>().unwrap();
    let wait = at(&view["next_attempt"]).duration_since(at(&view["last_attempt"]));
    assert!(wait.as_secs() >= 39, "{wait}");
    assert_eq!(service.count(), 1);
}

#[test]
fn a_receiver_cannot_put_off_beyond_the_longest_delay() {
    let hub = quick_hub();
    let service = FakeService::start().then([Reply::With(429, &["retry-after: 4000000000"])]);
    let id = send_through(&hub, &service);
    wait_for_state(&hub, &id, "delivered");
}

#[test]
fn redirects_are_not_followed() {
    let hub = quick_hub();
    let service = FakeService::answering(Reply::With(307, &["location: /elsewhere"]));
    let id = send_through(&hub, &service);
    wait_for_state(&hub, &id, "dead");
    assert_eq!(hub.dead_letter(&id).is(200)["reason"], "rejected");
    assert_eq!(service.count(), 1);
}

#[test]
fn a_huge_answer_does_no_harm() {
    let hub = quick_hub();
    let service = FakeService::answering(Reply::Body(10 << 20));
    hub.register_at("billing", &service.url());
    let before = hub.memory();
    for _ in 0..5 {
        let message = json!({"destination": "billing", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
    }
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

#[test]
fn another_instance_takes_over_within_the_attempt() {
    let hub = quick_hub();
    let (bad, good) = (
        FakeService::answering(Reply::Status(500)),
        FakeService::start(),
    );
    hub.register_at("billing", &bad.url());
    hub.register_at("billing", &good.url());
    for _ in 0..4 {
        let message = json!({"destination": "billing", "payload": 1});
        let id = id_of(&hub.send_waiting(20_000, &message).is(200));
        assert_eq!(hub.message(&id)["delivery_attempts"], 1);
    }
    assert_eq!(good.count(), 4);
    assert!(bad.count() > 0);
    for request in good.received() {
        assert_eq!(request.header("x-hub-attempt"), Some("1/3"));
    }
}

#[test]
fn an_instance_that_is_gone_leaves_rotation() {
    let hub = quick_hub();
    let (gone, good) = (
        FakeService::answering(Reply::Status(410)),
        FakeService::start(),
    );
    hub.register_at("billing", &gone.url());
    hub.register_at("billing", &good.url());
    for _ in 0..4 {
        let message = json!({"destination": "billing", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
    }
    assert_eq!(gone.count(), 1);
    gone.now_answers(Reply::Status(200));
    hub.register(&json!({"service": "billing", "url": gone.url()}))
        .is(200);
    eventually("it is back in rotation", || {
        let message = json!({"destination": "billing", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
        gone.count() > 1
    });
}

#[test]
fn a_message_waits_for_who_only_failed_when_another_is_gone() {
    let hub = quick_hub();
    let (failing, gone) = (
        FakeService::answering(Reply::Status(503)),
        FakeService::answering(Reply::Status(410)),
    );
    hub.register_at("billing", &failing.url());
    hub.register_at("billing", &gone.url());
    let id = hub.send_to("billing", 1);
    eventually("both were tried", || {
        failing.count() >= 1 && gone.count() >= 1
    });
    failing.now_answers(Reply::Status(200));
    wait_for_state(&hub, &id, "delivered");
    assert_eq!(gone.count(), 1);
}

#[test]
fn the_last_instance_that_is_gone_rejects() {
    let hub = quick_hub();
    let gone = FakeService::answering(Reply::Status(410));
    let id = send_through(&hub, &gone);
    wait_for_state(&hub, &id, "dead");
    assert_eq!(hub.dead_letter(&id).is(200)["reason"], "rejected");
    let next = hub.send_to("billing", 2);
    wait_for_state(&hub, &next, "parked");
    assert_eq!(gone.count(), 1);
}

#[test]
fn an_attempt_never_outlasts_the_message() {
    let hub = TestHub::with(&[("message_timeout", "30")]);
    let service = FakeService::answering(Reply::Hang);
    hub.register_at("billing", &service.url());
    let message = json!({"destination": "billing", "payload": 1, "ttl": 0.2});
    let id = id_of(&hub.send(&message).is(202));
    wait_for_state(&hub, &id, "expired");
    assert_eq!(service.count(), 1);
    hub.assert_conservation();
}

#[test]
fn an_instance_gets_no_more_at_once_than_it_takes() {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Hang);
    hub.register(&json!({"service": "billing", "url": service.url(), "max_in_flight": 2}))
        .is(201);
    let messages: Vec<_> = (0..10)
        .map(|n| json!({"destination": "billing", "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    service.wait_for(2);
    let status = hub.queue_status("service=billing").is(200);
    assert_eq!(status["in_flight"], 2);
    assert_eq!(status["total_size"], 8);
    assert_eq!(service.count(), 2);
}

#[test]
fn pending_retries_survive_a_restart() {
    let mut hub = TestHub::with(&[("base_retry_delay", "1")]);
    let service = FakeService::start().then([Reply::Status(500)]);
    let id = send_through(&hub, &service);
    wait_for_state(&hub, &id, "retrying");
    hub.kill9();
    let hub = hub.restart();
    let view = wait_for_state(&hub, &id, "delivered");
    assert_eq!(view["delivery_attempts"], 2);
    let received = service.received();
    assert_eq!(received[1].header("x-hub-attempt"), Some("2/5"));
}
