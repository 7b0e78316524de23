//! Circuits: a failing service is left alone, tried, and taken back.

use serde_json::json;

use crate::support::verbs::text;
use crate::support::{FakeService, Reply, TestHub, eventually};

fn hub_with(reset_timeout: &str) -> TestHub {
    TestHub::with(&[
        ("base_retry_delay", "0.01"),
        ("max_retry_delay", "0.05"),
        ("max_retry_attempts", "100"),
        ("circuit_breaker_reset_timeout", reset_timeout),
    ])
}

#[test]
fn opens_after_five_failures_and_parks_without_spending_attempts() {
    let hub = hub_with("3600");
    let service = FakeService::answering(Reply::Status(500));
    hub.register_at("billing", &service.url());
    assert_eq!(hub.circuit("billing")["state"], "CLOSED");
    let id = hub.send_to("billing", 1);
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    let circuit = hub.circuit("billing");
    assert_eq!(circuit["failure_count"], 5);
    assert!(circuit["open_until"].is_string());
    eventually("the message is parked", || hub.state(&id) == "parked");
    assert_eq!(hub.message(&id)["delivery_attempts"], 5);
    assert!(text(&hub.message(&id)["waiting_for"]).contains("circuit is open"));
    let next = hub.send_to("billing", 2);
    assert_eq!(hub.state(&next), "parked");
    assert_eq!(hub.message(&next)["delivery_attempts"], 0);
    assert_eq!(service.count(), 5);
    let reject = json!({"destination": "billing", "payload": 1, "on_unavailable": "reject"});
    let refused = hub.send(&reject);
    assert!(refused.header("retry-after").is_some());
    refused.refuses(503, "CIRCUIT_OPEN");
    assert_eq!(
        hub.metric("message_hub_circuit_state{service=\"billing\"}"),
        2.0
    );
    hub.assert_conservation();
}

#[test]
fn one_trial_at_a_time_decides_while_half_open() {
    let hub = hub_with("0.2");
    let service = FakeService::answering(Reply::Status(500));
    hub.register_at("billing", &service.url());
    let messages: Vec<_> = (0..20)
        .map(|n| json!({"destination": "billing", "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    service.now_answers(Reply::Hang);
    eventually("a trial is under way", || {
        hub.circuit("billing")["state"] == "HALF_OPEN" && hub.circuit("billing")["in_flight"] == 1
    });
    assert_eq!(hub.circuit("billing")["window"], 1);
}

#[test]
fn a_service_that_recovers_gets_everything() {
    let hub = hub_with("0.1");
    let service = FakeService::answering(Reply::Status(503));
    hub.register_at("billing", &service.url());
    let messages: Vec<_> = (0..200)
        .map(|n| json!({"destination": "billing", "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    service.now_answers(Reply::Status(200));
    eventually("all is delivered", || hub.in_state("delivered") == 200.0);
    assert_eq!(hub.circuit("billing")["state"], "CLOSED");
    hub.assert_conservation();
}

#[test]
fn a_failed_trial_opens_again() {
    let hub = hub_with("0.1");
    let service = FakeService::answering(Reply::Status(500));
    hub.register_at("billing", &service.url());
    hub.send_to("billing", 1);
    eventually("it was tried after it opened", || service.count() > 7);
    assert_ne!(hub.circuit("billing")["state"], "CLOSED");
}

#[test]
fn a_service_that_comes_back_from_nothing_is_found() {
    let hub = hub_with("0.1");
    let service = FakeService::start();
    let address = service.address();
    hub.register_at("billing", &service.url());
    drop(service);
    let id = hub.send_to("billing", 1);
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    let _back = FakeService::back_at(address);
    eventually("it is delivered", || hub.state(&id) == "delivered");
}
