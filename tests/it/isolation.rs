//! One bad destination never slows another.

use serde_json::json;

use crate::support::{FakeService, Reply, TestHub, eventually};

#[test]
fn a_hanging_destination_leaves_the_others_alone() {
    let hub = TestHub::with(&[("message_timeout", "60")]);
    let (hanging, good) = (FakeService::answering(Reply::Hang), FakeService::start());
    hub.register_at("hanging", &hanging.url());
    hub.register_at("good", &good.url());
    let messages: Vec<_> = (0..1000)
        .map(|n| (["hanging", "good"][n % 2], n))
        .map(|(destination, n)| json!({"destination": destination, "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("all is delivered to the good one", || {
        hub.in_state("delivered") == 500.0
    });
    let message = json!({"destination": "good", "payload": 1});
    hub.send_waiting(20_000, &message).is(200);
    let status = hub.queue_status("service=hanging").is(200);
    assert_eq!(status["total_messages"], 500);
    hub.assert_conservation();
}

#[test]
fn a_failing_destination_opens_only_its_own_circuit() {
    let hub = TestHub::with(&[("base_retry_delay", "0.01"), ("max_retry_attempts", "100")]);
    let (bad, good) = (FakeService::answering(Reply::Reset), FakeService::start());
    hub.register_at("bad", &bad.url());
    hub.register_at("good", &good.url());
    for n in 0..20 {
        hub.send_to(["bad", "good"][n % 2], n);
    }
    eventually("the circuit opens", || {
        hub.circuit("bad")["state"] == "OPEN"
    });
    eventually("the good one has all", || hub.in_state("delivered") == 10.0);
    assert_eq!(hub.circuit("good")["state"], "CLOSED");
    assert_eq!(hub.circuit("good")["failure_count"], 0);
}

#[test]
fn a_full_lane_refuses_only_its_own_destination() {
    let hub = TestHub::with(&[("max_queue_size", "5")]);
    hub.register_puller("full");
    hub.register_puller("empty");
    for n in 0..5 {
        hub.send_to("full", n);
    }
    hub.send(&json!({"destination": "full", "payload": 1}))
        .refuses(429, "QUEUE_FULL");
    hub.send_to("empty", 1);
}
