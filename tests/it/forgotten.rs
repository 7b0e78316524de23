//! Services that come and go: what is left of them, and what comes back.

use serde_json::{Value, json};

use crate::support::verbs::array;
use crate::support::{FakeService, TestHub, eventually};

/// How many names have a queue, and how many a circuit.
fn kept(hub: &TestHub) -> (f64, f64) {
    let queues = hub.metric("message_hub_destinations");
    (queues, hub.metric("message_hub_circuits"))
}

fn deregister(hub: &TestHub, name: &str) {
    hub.delete(&format!("/v1/services/{name}")).is(204);
}

fn statistics(hub: &TestHub) -> Value {
    hub.queue_status("").is(200)["statistics"].clone()
}

#[test]
fn of_names_that_are_used_once_nothing_stays() {
    let hub = TestHub::start();
    let come_and_go = |names: std::ops::Range<usize>| {
        for n in names {
            let name = format!("build-{n}");
            hub.register_puller(&name);
            if n % 10 == 0 {
                hub.send_to(&name, n);
                let message = hub.pull_one(&name);
                hub.ack(&[&message["lease"]]).is(200);
            }
            deregister(&hub, &name);
        }
        eventually("nothing is left", || kept(&hub) == (0.0, 0.0));
    };
    // What the first ones take is taken once.
    come_and_go(0..100);
    let before = hub.memory();
    come_and_go(100..600);
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} bytes for 500 names");
    assert!(!hub.get("/metrics").body.contains("build-"));
    let sum = statistics(&hub);
    assert_eq!(
        (&sum["messages_enqueued"], &sum["messages_dequeued"]),
        (&json!(60), &json!(60))
    );
    let hub = hub.restart();
    assert_eq!(kept(&hub), (0.0, 0.0));
    // That they were known is all.
    let id = hub.send_to("build-7", 1);
    eventually("it waits", || hub.state(&id) == "parked");
    let nobody = json!({"destination": "build-x", "payload": 1});
    hub.send(&nobody).refuses(404, "SERVICE_NOT_FOUND");
    assert_eq!(hub.pull_one("build-7")["id"], id.as_str());
}

#[test]
fn who_comes_back_at_any_moment_misses_nothing() {
    let hub = TestHub::start();
    let service = FakeService::start();
    for round in 0..60_usize {
        hub.register_at("billing", &service.url());
        hub.send_to("billing", round);
        service.wait_for(round + 1);
        deregister(&hub, "billing");
        if round % 3 == 0 {
            eventually("it is gone", || kept(&hub) == (0.0, 0.0));
        }
    }
    let id = hub.send_to("billing", 60);
    hub.register_at("billing", &service.url());
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(service.count(), 61);
    let sum = statistics(&hub);
    assert_eq!(
        (&sum["messages_enqueued"], &sum["messages_dequeued"]),
        (&json!(61), &json!(61))
    );
}

#[test]
fn what_waits_or_was_decided_keeps_a_name_that_left() {
    let hub = TestHub::start();
    for name in ["waiting", "paused", "limited", "forced"] {
        hub.register_puller(name);
    }
    let id = hub.send_to("waiting", 1);
    hub.pause_queue(&json!({"service": "paused"})).is(200);
    hub.set_quota("limited", &json!({"max_in_flight": 1}))
        .is(200);
    hub.force_circuit("forced", "OPEN");
    for name in ["waiting", "paused", "limited", "forced"] {
        deregister(&hub, name);
    }
    let hub = hub.restart();
    let names = || {
        let status = hub.queue_status("").is(200);
        let names = status["services"].as_object().unwrap().keys();
        names.cloned().collect::<Vec<_>>()
    };
    eventually("the four are there", || {
        names() == ["forced", "limited", "paused", "waiting"]
    });
    hub.cancel(&id).is(200);
    hub.resume_queue(&json!({"service": "paused"})).is(200);
    hub.delete_quota("limited").is(204);
    eventually("one is left", || names() == ["forced"]);
    assert_eq!(hub.metric("message_hub_circuits"), 1.0);
}

#[test]
fn a_service_without_instances_is_deregistered_after_a_while() {
    let hub = TestHub::with(&[("instance_expiry", "1")]);
    let registration = json!({"service": "billing", "instance_id": "a"});
    hub.register(&registration).is(201);
    let id = hub.send_to("billing", 1);
    hub.delete("/v1/services/billing/instances/a").is(204);
    let view = hub.service("billing").is(200);
    assert!(array(&view["instances"]).is_empty());
    let hub = hub.restart();
    eventually("nobody is expected", || {
        let waits = hub.message(&id)["waiting_for"].clone();
        waits.as_str().unwrap().contains("nobody asks")
    });
    hub.service("billing").is(200);
    hub.cancel(&id).is(200);
    eventually("it is gone", || hub.service("billing").status == 404);
    assert_eq!(kept(&hub), (0.0, 0.0));
    assert!(hub.log().contains("no instance for so long"));
    hub.register(&registration).is(201);
    hub.service("billing").is(200);
}

/// Without anybody looking at the metrics in between.
#[test]
fn the_series_of_one_that_is_gone_are_for_another() {
    let hub = TestHub::with(&[("metrics_max_services", "1")]);
    let refused = |name: &str| {
        let message = json!({"destination": name, "payload": 1, "on_unavailable": "reject"});
        hub.send(&message).refuses(503, "SERVICE_UNAVAILABLE");
    };
    hub.register_puller("first");
    refused("first");
    deregister(&hub, "first");
    let mut round = 0;
    eventually("another has its own", || {
        round += 1;
        let name = format!("second-{round}");
        hub.register_puller(&name);
        refused(&name);
        let series = format!("refusals_total{{reason=\"no_instance\",service=\"{name}\"}} 1");
        let is_shown = hub.get("/metrics").body.contains(&series);
        deregister(&hub, &name);
        is_shown
    });
}
