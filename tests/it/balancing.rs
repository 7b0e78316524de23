//! Several instances of one service: who gets what, and what happens when one of them goes.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{FakeService, Reply, TestHub, eventually};

fn hub_with(strategy: &str) -> TestHub {
    TestHub::with(&[
        ("load_balancing_strategy", strategy),
        ("base_retry_delay", "0.01"),
    ])
}

/// Registers these as instances `0`, `1`, …
fn register(hub: &TestHub, services: &[&FakeService]) {
    for (id, service) in services.iter().enumerate() {
        let id = id.to_string();
        hub.register(&json!({"service": "billing", "instance_id": id, "url": service.url()}))
            .is(201);
    }
}

/// Sends messages one after the other, each when the one before is delivered.
fn deliver(hub: &TestHub, count: usize) {
    for n in 0..count {
        let message = json!({"destination": "billing", "payload": n});
        hub.send_waiting(20_000, &message).is(200);
    }
}

#[test]
fn when_one_of_two_instances_dies_the_other_gets_everything() {
    let hub = hub_with("health_aware");
    let (dying, other) = (FakeService::start(), FakeService::start());
    register(&hub, &[&dying, &other]);
    let batch = |first: u64| {
        let message = |n| json!({"destination": "billing", "payload": n});
        let messages: Vec<_> = (first..first + 300).map(message).collect();
        hub.batch(&json!(messages)).is(202);
    };
    batch(0);
    dying.wait_for(5);
    drop(dying);
    batch(300);
    eventually("all is delivered", || hub.in_state("delivered") == 600.0);
    let received = other.received();
    let payloads = received
        .iter()
        .filter_map(|one| one.json()["payload"].as_u64());
    let late: BTreeSet<_> = payloads.filter(|n| *n >= 300).collect();
    assert_eq!(late.len(), 300);
    assert!(hub.dead_letters("").is_empty());
    assert_eq!(hub.circuit("billing")["state"], "CLOSED");
    hub.assert_conservation();
}

#[test]
fn round_robin_takes_turns() {
    let hub = hub_with("round_robin");
    let services = [FakeService::start(), FakeService::start()];
    register(&hub, &services.each_ref());
    deliver(&hub, 8);
    assert_eq!(services.each_ref().map(FakeService::count), [4, 4]);
}

#[test]
fn least_connections_passes_over_the_busy() {
    let hub = hub_with("least_connections");
    let services = [FakeService::answering(Reply::Hang), FakeService::start()];
    register(&hub, &services.each_ref());
    hub.send_to("billing", "hangs");
    services[0].wait_for(1);
    deliver(&hub, 6);
    assert_eq!(services.each_ref().map(FakeService::count), [1, 6]);
}

#[test]
fn weighted_is_fair_among_equals() {
    let hub = hub_with("weighted");
    let services = [
        FakeService::start(),
        FakeService::start(),
        FakeService::start(),
    ];
    register(&hub, &services.each_ref());
    deliver(&hub, 9);
    assert_eq!(services.each_ref().map(FakeService::count), [3, 3, 3]);
}

#[test]
fn random_takes_any() {
    let hub = hub_with("random");
    let services = [FakeService::start(), FakeService::start()];
    register(&hub, &services.each_ref());
    let picks: Vec<_> = (0..200).map(|_| hub.next_instance("billing")).collect();
    let of = |id: &str| picks.iter().filter(|pick| *pick == id).count();
    assert_eq!(of("0") + of("1"), 200);
    // One in 10^27 sees less than that of a fair coin.
    assert!(of("0").min(of("1")) > 20, "{picks:?}");
    assert!(
        picks.windows(2).any(|pair| pair[0] == pair[1]),
        "not in turn"
    );
}

#[test]
fn health_aware_leaves_out_who_fails() {
    let hub = hub_with("health_aware");
    let services = [
        FakeService::answering(Reply::Status(500)),
        FakeService::start(),
    ];
    register(&hub, &services.each_ref());
    deliver(&hub, 30);
    assert_eq!(services[1].count(), 30);
    // It failed as often as it takes to be seen as failing.
    assert!(services[0].count() <= 6, "{}", services[0].count());
}

#[test]
fn next_goes_round_and_passes_over_the_unhealthy() {
    let hub = TestHub::with(&[
        ("unhealthy_threshold", "1"),
        ("healthy_threshold", "1"),
        ("load_balancing_strategy", "round_robin"),
    ]);
    let services = [FakeService::start(), FakeService::start()];
    let check = json!({"endpoint": "/alive", "interval": 0.1, "timeout": 5});
    for (id, service) in services.iter().enumerate() {
        let id = id.to_string();
        let url = service.url();
        hub.register(
            &json!({"service": "billing", "instance_id": id, "url": url, "health_check": check}),
        )
        .is(201);
    }
    let first = hub.get("/v1/services/billing/next").is(200);
    let expected = json!({"service": "billing", "instance_id": "0", "url": services[0].url()});
    assert_eq!(first, expected);
    let picks: Vec<_> = (0..3).map(|_| hub.next_instance("billing")).collect();
    assert_eq!(picks, ["1", "0", "1"]);
    services[0].now_answers(Reply::Status(500));
    let is_passed_over = || (0..4).all(|_| hub.next_instance("billing") == "1");
    eventually("only the other is left", is_passed_over);
    services[0].now_answers(Reply::Status(200));
    eventually("it is back", || hub.next_instance("billing") == "0");
}

#[test]
fn next_says_who_is_not_there() {
    let hub = TestHub::start();
    hub.get("/v1/services/billing/next")
        .refuses(404, "NOT_FOUND");
    hub.register_puller("billing");
    hub.get("/v1/services/billing/next")
        .refuses(503, "SERVICE_UNAVAILABLE");
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    let typed = hub.get("/v1/services/billing/next?type=order.paid");
    assert_eq!(typed.is(200)["url"], service.url());
    let long = format!("/v1/services/billing/next?type={}", "x".repeat(201));
    let details = hub.get(&long).refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "type");
    assert_eq!(service.count(), 0, "nothing is sent");
}
