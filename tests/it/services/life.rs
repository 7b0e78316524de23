//! How instances live: heartbeats, health checks, draining, the end.

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::wire::Answer;
use crate::support::{Client, FakeService, Reply, TestHub, eventually};

fn heartbeat(hub: &Client, instance: &str) -> Answer {
    let path = format!("/v1/services/billing/instances/{instance}/heartbeat");
    hub.post(&path, &json!({}))
}

fn drain(hub: &Client, instance: &str) -> Answer {
    let path = format!("/v1/services/billing/instances/{instance}/drain");
    hub.post(&path, &json!({}))
}

fn health(hub: &Client) -> Value {
    hub.get("/v1/services/billing/health").is(200)
}

#[test]
fn an_instance_that_falls_silent_is_unhealthy_and_then_gone() {
    let hub = TestHub::with(&[("instance_expiry", "4")]);
    let puller = json!({"service": "billing", "instance_id": "a", "ttl": 0.3});
    hub.register(&puller).is(201);
    let alive = heartbeat(&hub, "a").is(200);
    assert_eq!(alive["service"], "billing");
    assert_eq!(alive["instance_id"], "a");
    assert_eq!(alive["status"], "healthy");
    assert!(alive["expires_at"].is_string());
    let instance = || health(&hub)["instances"][0].clone();
    eventually("it is unhealthy", || instance()["status"] == "unhealthy");
    assert_eq!(instance()["cause"], "no heartbeat for 0.3 s");
    assert!(instance()["since"].is_string());
    assert_eq!(instance()["out_of_rotation"], "unhealthy");
    assert_eq!(health(&hub)["status"], "unhealthy");
    assert_eq!(health(&hub)["available"], 0);
    let series = "message_hub_service_health_changes_total{service=\"billing\",to=\"unhealthy\"}";
    assert_eq!(hub.metric(series), 1.0);
    eventually("two heartbeats heal it", || {
        heartbeat(&hub, "a").is(200)["status"] == "healthy"
    });
    eventually("it is removed", || {
        array(&health(&hub)["instances"]).is_empty()
    });
    heartbeat(&hub, "a").refuses(404, "NOT_FOUND");
    assert!(
        hub.log()
            .contains("unhealthy and without a sign of life: deregistered")
    );
}

#[test]
fn a_heartbeat_without_a_ttl_never_expires() {
    let hub = TestHub::start();
    hub.register(&json!({"service": "billing", "instance_id": "a"}))
        .is(201);
    assert_eq!(heartbeat(&hub, "a").is(200)["expires_at"], Value::Null);
    heartbeat(&hub, "b").refuses(404, "NOT_FOUND");
    let nobody = "/v1/services/mail/instances/a/heartbeat";
    hub.post(nobody, &json!({})).refuses(404, "NOT_FOUND");
}

#[test]
fn a_health_endpoint_that_hangs_delays_nobody_else() {
    let hub = TestHub::start();
    let (stuck, fine) = (FakeService::answering(Reply::Hang), FakeService::start());
    for (name, service) in [("stuck", &stuck), ("fine", &fine)] {
        let check = json!({"endpoint": "/alive", "interval": 0.1, "timeout": 60});
        hub.register(&json!({
            "service": "billing", "instance_id": name, "url": service.url(), "health_check": check,
        }))
        .is(201);
    }
    stuck.wait_for(1);
    fine.wait_for(10);
    assert_eq!(stuck.count(), 1);
    let view = health(&hub);
    assert_eq!(view["available"], 2);
    let instances = array(&view["instances"]);
    assert_eq!(instances[0]["status"], "healthy");
    assert_eq!(instances[0]["cause"], "health check answered");
    assert_eq!(instances[1]["status"], "unknown");
    assert_eq!(instances[1]["cause"], Value::Null);
}

#[test]
fn why_an_instance_is_unhealthy_is_told() {
    let hub = TestHub::with(&[("unhealthy_threshold", "2")]);
    let service = FakeService::answering(Reply::Status(503));
    let check = json!({"endpoint": "/alive", "interval": 0.1});
    hub.register(&json!({"service": "billing", "url": service.url(), "health_check": check}))
        .is(201);
    eventually("it is unhealthy", || health(&hub)["status"] == "unhealthy");
    let cause = text(&health(&hub)["instances"][0]["cause"]);
    assert!(cause.starts_with("health check failed: "), "{cause}");
    assert!(cause.contains("503"), "{cause}");
    assert!(hub.log().contains("health changed"));
    let gauge = "message_hub_service_instances{health=\"unhealthy\",service=\"billing\"}";
    assert_eq!(hub.metric(gauge), 1.0);
}

#[test]
fn what_answered_410_is_out_of_rotation_until_it_registers() {
    let hub = TestHub::with(&[("base_retry_delay", "0.01")]);
    let service = FakeService::start().then([Reply::Status(410)]);
    hub.register_at("billing", &service.url());
    hub.send_to("billing", 1);
    let instance = || health(&hub)["instances"][0].clone();
    eventually("it is gone", || instance()["out_of_rotation"] == "gone");
    assert_eq!(health(&hub)["available"], 0);
    hub.register(&json!({"service": "billing", "url": service.url()}))
        .is(200);
    assert_eq!(instance()["out_of_rotation"], Value::Null);
    assert_eq!(health(&hub)["available"], 1);
}

fn payloads(service: &FakeService) -> Vec<u64> {
    let received = service.received();
    let payloads = received
        .iter()
        .map(|request| request.json()["payload"].as_u64());
    payloads.map(|payload| payload.expect("a number")).collect()
}

#[test]
fn a_draining_instance_finishes_what_it_has_and_gets_nothing_new() {
    let hub = TestHub::start();
    let slow = Reply::After(Duration::from_millis(50), 200);
    let (leaving, staying) = (FakeService::answering(slow), FakeService::start());
    for (name, service) in [("leaving", &leaving), ("staying", &staying)] {
        hub.register(&json!({
            "service": "billing", "instance_id": name, "url": service.url(), "max_in_flight": 4,
        }))
        .is(201);
    }
    let batch = |numbers: Range<u64>| {
        let message = |number| json!({"destination": "billing", "payload": number});
        let messages: Vec<_> = numbers.map(message).collect();
        let results = array(&hub.batch(&json!(messages)).is(202)["results"]);
        let ids = results.into_iter().map(|result| text(&result["id"]));
        ids.collect::<Vec<_>>()
    };
    let mut ids = batch(0..50);
    leaving.wait_for(1);
    let drained = drain(&hub, "leaving").is(200);
    assert_eq!(drained["service"], "billing");
    assert_eq!(drained["instance_id"], "leaving");
    ids.extend(batch(1000..1050));
    for id in &ids {
        eventually("it is delivered", || hub.state(id) == "delivered");
        assert_eq!(hub.message(id)["delivery_attempts"], 1);
    }
    let mut arrived = payloads(&leaving);
    assert!(arrived.iter().all(|payload| *payload < 1000), "{arrived:?}");
    arrived.extend(payloads(&staying));
    assert_eq!(arrived.len(), 100);
    let again = drain(&hub, "leaving").is(200);
    assert_eq!(again["draining_since"], drained["draining_since"]);
    drain(&hub, "nobody").refuses(404, "NOT_FOUND");
    let view = hub.service("billing").is(200);
    assert_eq!(view["status"], "healthy");
    assert_eq!(view["available"], 1);
}

#[test]
fn who_comes_and_goes_is_logged_once() {
    let hub = TestHub::start();
    hub.register(&json!({"service": "billing", "instance_id": "a"}))
        .is(201);
    hub.register(&json!({"service": "billing", "instance_id": "a"}))
        .is(200);
    drain(&hub, "a").is(200);
    hub.delete("/v1/services/billing/instances/a").is(204);
    hub.delete("/v1/services/billing").is(204);
    let hub = hub.restart();
    for news in [
        "INFO registered service=billing instance=a",
        "INFO draining service=billing instance=a",
        "INFO deregistered service=billing instance=a",
        "INFO deregistered with all its instances service=billing",
    ] {
        let log = hub.log();
        let told = log.lines().filter(|line| line.contains(news)).count();
        assert_eq!(told, 1, "{news} in {log}");
    }
}
