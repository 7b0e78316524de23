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

#[test]
fn a_forced_open_circuit_parks_until_it_is_forced_to_close() {
    let hub = hub_with("3600");
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let asked = json!({"state": "open", "reason": "maintenance", "reset_timeout": 600});
    let circuit = hub.put("/circuit/billing", &asked).is(200);
    assert_eq!(circuit["state"], "OPEN");
    assert_eq!(circuit["reason"], "maintenance");
    assert_eq!(circuit["forced"]["by"], "shop");
    assert!(circuit["forced"]["since"].is_string());
    assert_eq!(circuit["reset_timeout"], 600.0);
    for path in ["/circuit/billing", "/v1/circuits/billing"] {
        assert_eq!(hub.get(path).is(200), circuit);
    }
    let ids: Vec<_> = (0..20).map(|n| hub.send_to("billing", n)).collect();
    assert!(ids.iter().all(|id| hub.state(id) == "parked"));
    let reject = json!({"destination": "billing", "payload": 1, "on_unavailable": "reject"});
    let refused = hub.send(&reject);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((590..=600).contains(&seconds), "{seconds}");
    refused.refuses(503, "CIRCUIT_OPEN");
    assert_eq!(service.count(), 0);
    let circuit = hub.force_circuit("billing", "CLOSED");
    assert_eq!(
        (&circuit["state"], &circuit["window"]),
        (&json!("CLOSED"), &json!(1))
    );
    eventually("all is delivered", || hub.in_state("delivered") == 20.0);
    assert!(hub.circuit("billing")["window"].as_u64() > Some(8));
    for (to, count) in [("OPEN", 1.0), ("CLOSED", 1.0)] {
        let series = format!("{{service=\"billing\",to=\"{to}\"}}");
        let series = format!("message_hub_circuit_transitions_total{series}");
        assert_eq!(hub.metric(&series), count);
    }
    hub.assert_conservation();
}

#[test]
fn a_forced_open_circuit_is_tried_after_its_own_time() {
    let hub = hub_with("3600");
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let asked = json!({"state": "OPEN", "reason": "a moment", "reset_timeout": 0.2});
    hub.put("/v1/circuits/billing", &asked).is(200);
    let id = hub.send_to("billing", 1);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    let circuit = hub.circuit("billing");
    assert_eq!(circuit["state"], "HALF_OPEN");
    assert_eq!(circuit["reason"], "reset_timeout is over");
    assert_eq!(circuit["forced"], json!(null));
    assert_eq!(circuit["reset_timeout"], 3600.0);
    let id = hub.send_to("billing", 2);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(hub.circuit("billing")["reason"], "2 trials succeeded");
}

#[test]
fn a_circuit_says_why_it_opened() {
    let hub = hub_with("3600");
    let service = FakeService::answering(Reply::Status(503));
    hub.register_at("billing", &service.url());
    assert_eq!(hub.circuit("billing")["reason"], json!(null));
    hub.send_to("billing", 1);
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    let circuit = hub.circuit("billing");
    let reason = "5 failed attempts in a row, the last: HTTP 503";
    assert!(text(&circuit["reason"]).starts_with(reason), "{circuit}");
    assert_eq!(circuit["recent_failures"], 5);
    assert_eq!(circuit["failure_rate"], 1.0);
}

#[test]
fn a_service_that_only_pulls_has_a_circuit() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let circuit = hub.get("/circuit/billing").is(200);
    assert_eq!(circuit["state"], "CLOSED");
    assert_eq!(circuit["window"], 0);
    assert_eq!(hub.force_circuit("billing", "OPEN")["state"], "OPEN");
    let id = hub.send_to("billing", 1);
    let lease = hub.pull_one("billing");
    assert_eq!(lease["id"], id, "whoever pulls is not kept from it");
}

#[test]
fn wrong_wishes_for_a_circuit_are_refused_with_their_field() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let long = "x".repeat(501);
    for (body, field) in [
        (json!({"reason": "x"}), "state"),
        (json!({"state": "AJAR", "reason": "x"}), "state"),
        (json!({"state": 1, "reason": "x"}), "state"),
        (json!({"state": "OPEN"}), "reason"),
        (json!({"state": "OPEN", "reason": ""}), "reason"),
        (json!({"state": "OPEN", "reason": "a\nb"}), "reason"),
        (json!({"state": "OPEN", "reason": long}), "reason"),
        (
            json!({"state": "OPEN", "reason": "x", "reset_timeout": 0}),
            "reset_timeout",
        ),
        (
            json!({"state": "OPEN", "reason": "x", "reset_timeout": "1"}),
            "reset_timeout",
        ),
        (json!({"state": "OPEN", "reason": "x", "else": 1}), "else"),
        (json!([]), "body"),
    ] {
        let details = hub.put("/v1/circuits/billing", &body);
        let details = details.refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    assert_eq!(hub.circuit("billing")["state"], "CLOSED");
    let good = json!({"state": "Half_Open", "reason": "r".repeat(500)});
    hub.put("/v1/circuits/nobody", &good)
        .refuses(404, "NOT_FOUND");
    hub.get("/v1/circuits/nobody").refuses(404, "NOT_FOUND");
    let circuit = hub.put("/v1/circuits/billing", &good).is(200);
    assert_eq!(circuit["state"], "HALF_OPEN");
}

#[test]
fn only_operators_see_and_force_circuits() {
    let hub = TestHub::with(&[
        (
            "service_keys",
            "{shop: [s3cret-of-shop-1], boss: [s3cret-of-boss-1]}",
        ),
        ("operators", "[boss]"),
    ]);
    let shop = hub.client().named("shop", "s3cret-of-shop-1");
    let boss = hub.client().named("boss", "s3cret-of-boss-1");
    shop.register_puller("shop");
    let asked = json!({"state": "OPEN", "reason": "x"});
    shop.put("/circuit/shop", &asked)
        .refuses(403, "AUTH_FAILED");
    shop.get("/circuit/shop").refuses(403, "AUTH_FAILED");
    let circuit = boss.put("/circuit/shop", &asked).is(200);
    assert_eq!(circuit["forced"]["by"], "boss");
    // Whose turn it is anybody may know.
    shop.get("/v1/services/shop/next")
        .refuses(503, "SERVICE_UNAVAILABLE");
}

#[test]
fn a_forced_circuit_stays_forced_over_a_restart() {
    let mut hub = hub_with("3600");
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let before = hub.force_circuit("billing", "OPEN");
    hub.kill9();
    let hub = hub.restart();
    let kept = || {
        let circuit = hub.circuit("billing");
        let fields = ["state", "reason", "forced", "open_until"];
        fields.iter().all(|field| circuit[*field] == before[*field])
    };
    eventually("the circuit is as it was", kept);
    let id = hub.send_to("billing", 1);
    assert_eq!(hub.state(&id), "parked");
    hub.force_circuit("billing", "CLOSED");
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(service.count(), 1);
}
