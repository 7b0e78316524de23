//! One circuit for each origin of callbacks.

use serde_json::json;

use super::{payloads, publish, state};
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
fn an_origin_that_fails_is_left_alone_and_another_is_not() {
    let hub = hub_with("3600");
    let (bad, good) = (
        FakeService::answering(Reply::Status(500)),
        FakeService::start(),
    );
    let id = hub.subscribed("bad", "order.*", &bad.url());
    let name = format!("callback:{}", bad.url());
    assert_eq!(hub.circuit(&name)["state"], "CLOSED");
    publish(&hub, "order.paid", [1]);
    eventually("the circuit opens", || {
        hub.circuit(&name)["state"] == "OPEN"
    });
    eventually("the subscription waits", || {
        state(&hub, &id) == "circuit_open"
    });
    assert_eq!(bad.count(), 5);
    let view = hub.subscription(&id);
    assert_eq!(view["next_attempt"], hub.circuit(&name)["open_until"]);
    assert!(view["next_attempt"].is_string(), "{view}");
    hub.subscribed("good", "order.*", &good.url());
    publish(&hub, "order.paid", [2]);
    assert_eq!(payloads(&good.wait_for(1)), [2]);
    assert_eq!(bad.count(), 5);
}

#[test]
fn an_origin_that_recovers_gets_everything() {
    let hub = hub_with("0.1");
    let service = FakeService::answering(Reply::Status(503));
    for number in 0..5 {
        let url = format!("{}/{number}", service.url());
        hub.subscribed(&format!("s{number}"), "order.*", &url);
    }
    let name = format!("callback:{}", service.url());
    publish(&hub, "order.paid", 1..=20);
    eventually("the circuit opens", || {
        hub.circuit(&name)["state"] == "OPEN"
    });
    service.now_answers(Reply::Status(200));
    eventually("everybody is done", || {
        let all = hub.get("/v1/subscriptions").is(200);
        let all = all["subscriptions"].as_array().unwrap();
        all.iter()
            .all(|one| one["position"].as_u64() >= Some(20) && one["in_flight"] == 0)
    });
    assert_eq!(hub.circuit(&name)["state"], "CLOSED");
}

#[test]
fn a_circuit_can_be_forced_and_stays_so_over_a_restart() {
    let hub = hub_with("3600");
    let service = FakeService::start();
    hub.subscribed("billing", "order.*", &service.url());
    let name = format!("callback:{}", service.url());
    let encoded = name.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(hub.force_circuit(&encoded, "OPEN")["state"], "OPEN");
    publish(&hub, "order.paid", [1]);
    let hub = hub.restart();
    assert_eq!(hub.circuit(&name)["state"], "OPEN");
    assert_eq!(service.count(), 0);
    hub.force_circuit(&encoded, "CLOSED");
    assert_eq!(payloads(&service.wait_for(1)), [1]);
}

#[test]
fn a_circuit_goes_with_the_last_subscription_that_leads_there() {
    let hub = hub_with("3600");
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &service.url());
    let name = format!("callback:{}", service.url());
    let encoded = name.replace(':', "%3A").replace('/', "%2F");
    hub.force_circuit(&encoded, "OPEN");
    hub.delete(&format!("/v1/subscriptions/{id}")).is(204);
    let path = format!("/v1/circuits/{encoded}");
    hub.get(&path).refuses(404, "NOT_FOUND");
    eventually("its state is over in the journal, too", || {
        hub.journal()
            .iter()
            .any(|record| record.to_string().contains("leads there any more"))
    });
    let hub = hub.restart();
    hub.subscribed("billing", "order.*", &service.url());
    assert_eq!(hub.circuit(&name)["state"], "CLOSED");
    publish(&hub, "order.paid", [1]);
    assert_eq!(payloads(&service.wait_for(1)), [1]);
}

#[test]
fn a_circuit_nobody_needs_is_unknown() {
    let hub = hub_with("3600");
    let unknown = "/v1/circuits/callback%3Ahttp%3A%2F%2F127.0.0.1%3A9";
    hub.get(unknown).refuses(404, "NOT_FOUND");
    let asked = json!({"state": "OPEN", "reason": "maintenance"});
    hub.put(unknown, &asked).refuses(404, "NOT_FOUND");
}
