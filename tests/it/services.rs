//! `/v1/services` and `/registry`: who is there.

use serde_json::json;

use crate::support::verbs::{array, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

#[test]
fn all_routes_register_alike() {
    let hub = TestHub::start();
    let puller = json!({"service": "billing", "instance_id": "a", "version": "1.2"});
    let made = hub.post("/registry", &puller).is(201);
    assert_eq!(made["service"], "billing");
    assert_eq!(made["instance_id"], "a");
    assert!(made["status"].is_string());
    assert!(made["registered_at"].is_string());
    let again = hub.post("/v1/services/register", &puller);
    assert_eq!(again.is(200)["instance_id"], "a");
    let nameless = json!({"instance_id": "b"});
    hub.post("/v1/services/billing/instances", &nameless)
        .is(201);
    hub.post("/registry", &json!({"name": "mail"})).is(201);
    for path in [
        "/registry/billing",
        "/v1/services/billing",
        "/v1/services/billing/health",
    ] {
        let view = hub.get(path).is(200);
        assert_eq!(view["service"], "billing");
        assert_eq!(array(&view["instances"]).len(), 2, "{path}");
    }
    let all = hub.get("/v1/services").is(200);
    assert_eq!(all["count"], 2);
}

#[test]
fn wrong_registrations_are_refused_with_their_field() {
    let hub = TestHub::start();
    for (body, field) in [
        (json!({}), "service"),
        (json!({"service": "a b"}), "service"),
        (json!({"service": "x", "url": "ftp://x"}), "url"),
        (json!({"service": "x", "url": "not a url"}), "url"),
        (
            json!({"service": "x", "url": "http://h", "message_endpoint": "in"}),
            "message_endpoint",
        ),
        (json!({"service": "x", "health_check": "/health"}), "url"),
        (json!({"service": "x", "max_in_flight": 0}), "max_in_flight"),
    ] {
        let details = hub.register(&body).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    let other = json!({"service": "mail"});
    let details = hub.post("/v1/services/billing/instances", &other);
    assert_eq!(details.refuses(400, "INVALID_REQUEST")["field"], "service");
    assert_eq!(hub.get("/v1/services").is(200)["count"], 0);
}

#[test]
fn a_deregistered_service_is_gone_and_its_messages_wait() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    hub.delete("/v1/services/billing").is(204);
    hub.service("billing").refuses(404, "NOT_FOUND");
    hub.delete("/registry/billing").refuses(404, "NOT_FOUND");
    let id = hub.send_to("billing", 1);
    eventually("it is parked", || hub.state(&id) == "parked");
    assert!(text(&hub.message(&id)["waiting_for"]).contains("no instance"));
    assert_eq!(hub.message(&id)["delivery_attempts"], 0);
    hub.register_at("billing", &service.url());
    eventually("it is delivered", || hub.state(&id) == "delivered");
}

#[test]
fn an_instance_can_leave_alone() {
    let hub = TestHub::start();
    let (one, two) = (FakeService::start(), FakeService::start());
    for (id, service) in [("one", &one), ("two", &two)] {
        hub.register(&json!({"service": "billing", "instance_id": id, "url": service.url()}))
            .is(201);
    }
    hub.delete("/v1/services/billing/instances/one").is(204);
    hub.delete("/v1/services/billing/instances/one")
        .refuses(404, "NOT_FOUND");
    for _ in 0..3 {
        let message = json!({"destination": "billing", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
    }
    assert_eq!((one.count(), two.count()), (0, 3));
}

#[test]
fn registrations_survive_a_restart() {
    let mut hub = TestHub::start();
    let service = FakeService::start();
    let body = json!({
        "service": "billing", "instance_id": "a", "url": service.url(), "version": "1.2",
        "metadata": {"zone": "b"}, "endpoints": [{"path": "/messages", "methods": ["POST"]}],
    });
    hub.register(&body).is(201);
    let before = hub.service("billing").is(200);
    hub.kill9();
    let hub = hub.restart();
    let after = hub.service("billing").is(200);
    for field in [
        "instance_id",
        "url",
        "version",
        "metadata",
        "endpoints",
        "registered_at",
    ] {
        assert_eq!(
            after["instances"][0][field], before["instances"][0][field],
            "{field}"
        );
    }
    let message = json!({"destination": "billing", "payload": 1});
    hub.send_waiting(20_000, &message).is(200);
}

#[test]
fn probes_find_out_how_an_instance_is() {
    let hub = TestHub::with(&[("unhealthy_threshold", "2"), ("healthy_threshold", "1")]);
    let service = FakeService::start();
    let check = json!({"endpoint": "/alive", "interval": 0.1, "timeout": 1});
    hub.register(&json!({"service": "billing", "url": service.url(), "health_check": check}))
        .is(201);
    let status = || text(&hub.service("billing").is(200)["status"]);
    let probed = service.wait_for(1).remove(0);
    assert_eq!(probed.head.first_line, "GET /alive HTTP/1.1");
    eventually("it is healthy", || status() == "healthy");
    service.now_answers(Reply::Status(500));
    eventually("it is unhealthy", || status() == "unhealthy");
    let id = hub.send_to("billing", 1);
    eventually("its messages wait", || hub.state(&id) == "parked");
    service.now_answers(Reply::Status(200));
    eventually("it is healthy again", || status() == "healthy");
    eventually("what waited is delivered", || hub.state(&id) == "delivered");
    assert_eq!(hub.message(&id)["delivery_attempts"], 1);
}

#[test]
fn instances_take_turns() {
    let hub = TestHub::start();
    let services: Vec<_> = (0..3).map(|_| FakeService::start()).collect();
    for service in &services {
        hub.register_at("billing", &service.url());
    }
    for _ in 0..9 {
        let message = json!({"destination": "billing", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
    }
    for service in &services {
        assert_eq!(service.count(), 3);
    }
}
