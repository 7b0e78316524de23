//! `/v1/services` and `/registry`: who is there.

mod dependencies;
mod life;

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
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

/// The very bodies that the interface document shows.
#[test]
fn the_forms_of_the_interface_document_are_served() {
    let hub = TestHub::start();
    let body = json!({
        "service": "service_name",
        "version": "1.0.0",
        "endpoints": [{"path": "/api/v1/resource", "methods": ["GET", "POST"]}],
        "health_check": {"endpoint": "/health", "interval": 30},
    });
    hub.post("/registry", &body).is(201);
    assert_eq!(hub.pull_now("service_name").len(), 0);
    let view = hub.get("/registry/service_name").is(200);
    assert_eq!(view["service"], "service_name");
    assert_eq!(view["status"], "healthy");
    assert_eq!(view["version"], "1.0.0");
    assert!(view["last_seen"].is_string());
    assert_eq!(
        view["instances"][0]["health_check"],
        json!({"endpoint": "/health", "interval": 30.0, "timeout": null})
    );
    assert_eq!(view, hub.service("service_name").is(200));
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
        (json!({"service": "x", "max_in_flight": 0}), "max_in_flight"),
        (json!({"service": "x", "version": 1}), "version"),
        (json!({"service": "x", "instance_id": ""}), "instance_id"),
        (json!({"service": "x", "endpoints": 1}), "endpoints"),
        (
            json!({"service": "x", "health_check": "health"}),
            "health_check",
        ),
        (
            json!({"service": "x", "health_check": {"interval": 1}}),
            "health_check.endpoint",
        ),
        (
            json!({"service": "x", "health_check": {"endpoint": "/h", "interval": -1}}),
            "health_check.interval",
        ),
        (
            json!({"service": "x", "health_check": {"endpoint": "/h", "timeout": 0}}),
            "health_check.timeout",
        ),
        (json!({"service": "x", "weight": 1001}), "weight"),
        (
            json!({"service": "x", "capabilities": ["a", 5]}),
            "capabilities[1]",
        ),
        (
            json!({"service": "x", "capabilities": vec!["a"; 101]}),
            "capabilities",
        ),
        (json!({"service": "x", "ttl": 0}), "ttl"),
        (json!({"service": "x", "ttl": 1e30}), "ttl"),
        (json!({"service": "x", "metadata": "m"}), "metadata"),
        (
            json!({"service": "x", "dependencies": [{"service": "a"}, {"service": ""}]}),
            "dependencies[1].service",
        ),
        (
            json!({"service": "x", "dependencies": [{"service": "a", "minimum_instances": 0}]}),
            "dependencies[0].minimum_instances",
        ),
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
    hub.get("/v1/services/billing/next")
        .refuses(404, "NOT_FOUND");
    hub.get("/v1/circuits/billing").refuses(404, "NOT_FOUND");
    assert_eq!(hub.get("/v1/circuits").is(200)["count"], 0);
    let id = hub.send_to("billing", 1);
    eventually("it is parked", || hub.state(&id) == "parked");
    assert!(text(&hub.message(&id)["waiting_for"]).contains("no instance"));
    assert_eq!(hub.message(&id)["delivery_attempts"], 0);
    hub.register_at("billing", &service.url());
    eventually("it is delivered", || hub.state(&id) == "delivered");
}

#[test]
fn a_service_may_be_named_like_the_route_next_to_it() {
    let hub = TestHub::start();
    let path = "/v1/services/register";
    hub.get(path).refuses(404, "NOT_FOUND");
    hub.register_puller("register");
    assert_eq!(hub.get(path).is(200)["service"], "register");
    let chosen = hub.put(path, &json!({"load_balancing_strategy": "random"}));
    assert_eq!(chosen.is(200)["load_balancing_strategy"], "random");
    hub.delete(path).is(204);
    hub.get(path).refuses(404, "NOT_FOUND");
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

/// What has to be the same after a restart.
fn lasting(hub: &TestHub) -> Value {
    let mut view = hub.service("billing").is(200);
    for volatile in ["last_seen", "since", "expires_at"] {
        view["instances"][0][volatile].take();
    }
    view["last_seen"].take();
    view
}

#[test]
fn registrations_survive_a_restart() {
    let mut hub = TestHub::start();
    let service = FakeService::start();
    let body = json!({
        "service": "billing", "instance_id": "a", "url": service.url(), "version": "1.2",
        "metadata": {"zone": "b"}, "endpoints": [{"path": "/messages", "methods": ["POST"]}],
        "weight": 7, "capabilities": ["order.paid", "message"], "max_in_flight": 3, "ttl": 3600,
        "dependencies": [{"service": "rules", "minimum_instances": 2, "version": "2.0"}],
    });
    hub.register(&body).is(201);
    let strategy = json!({"load_balancing_strategy": "weighted"});
    hub.ask(
        "PUT",
        "/v1/services/billing",
        strategy.to_string().as_bytes(),
    )
    .is(200);
    let before = lasting(&hub);
    assert_eq!(before["load_balancing_strategy"], "weighted");
    let instance = &before["instances"][0];
    for (field, value) in body.as_object().expect("it is an object") {
        match field.as_str() {
            "service" => {}
            "ttl" => assert_eq!(instance[field], 3600.0),
            "dependencies" => assert_eq!(instance[field][0]["critical"], true),
            _ => assert_eq!(&instance[field], value, "{field}"),
        }
    }
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(lasting(&hub), before);
    let message = json!({"destination": "billing", "payload": 1, "type": "order.paid"});
    hub.send_waiting(20_000, &message).is(200);
    let path = "/v1/services/billing/instances/a/drain";
    let drained = hub.post(path, &json!({})).is(200);
    let hub = hub.restart();
    let view = hub.service("billing").is(200);
    assert_eq!(
        view["instances"][0]["draining_since"],
        drained["draining_since"]
    );
    assert_eq!(view["instances"][0]["out_of_rotation"], "draining");
    assert_eq!(view["instances"][0]["weight"], 7);
    assert_eq!(view["load_balancing_strategy"], "weighted");
    let id = id_of(&hub.send(&message).is(202));
    eventually("nobody takes it", || hub.state(&id) == "parked");
    hub.register(&body).is(200);
    eventually("it is taken", || hub.state(&id) == "delivered");
}

#[test]
fn a_service_may_have_a_strategy_of_its_own() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let choose = |service: &str, body: &Value| {
        let path = format!("/v1/services/{service}");
        hub.ask("PUT", &path, body.to_string().as_bytes())
    };
    let usual = hub.service("billing").is(200);
    assert_eq!(usual["own_strategy"], false);
    for name in [
        "round_robin",
        "least_connections",
        "weighted",
        "random",
        "health_aware",
    ] {
        let chosen = choose("billing", &json!({"load_balancing_strategy": name})).is(200);
        assert_eq!(chosen["load_balancing_strategy"], name);
        assert_eq!(chosen["own_strategy"], true);
    }
    let back = choose("billing", &json!({"load_balancing_strategy": null})).is(200);
    assert_eq!(
        back["load_balancing_strategy"],
        usual["load_balancing_strategy"]
    );
    assert_eq!(back["own_strategy"], false);
    let fastest = choose("billing", &json!({"load_balancing_strategy": "fastest"}));
    let message = text(&fastest.json()["error"]["message"]);
    for name in [
        "round_robin",
        "least_connections",
        "weighted",
        "random",
        "health_aware",
    ] {
        assert!(message.contains(name), "{message}");
    }
    for (body, field) in [
        (
            json!({"load_balancing_strategy": "fastest"}),
            "load_balancing_strategy",
        ),
        (
            json!({"load_balancing_strategy": 5}),
            "load_balancing_strategy",
        ),
        (json!({}), "load_balancing_strategy"),
        (json!([]), "body"),
    ] {
        let details = choose("billing", &body).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    choose("mail", &json!({"load_balancing_strategy": "random"})).refuses(404, "NOT_FOUND");
}

#[test]
fn only_a_service_itself_or_an_operator_changes_it() {
    let keys = "{shop: [s], billing: [b], boss: [m]}";
    let hub = TestHub::with(&[("service_keys", keys), ("operators", "[boss]")]);
    let billing = hub.named("billing", "b");
    billing
        .register(&json!({"service": "billing", "instance_id": "a"}))
        .is(201);
    let instance = "/v1/services/billing/instances/a";
    let changes = [
        ("POST", format!("{instance}/heartbeat")),
        ("POST", format!("{instance}/drain")),
        ("PUT", "/v1/services/billing".to_owned()),
    ];
    let strategy = json!({"load_balancing_strategy": "random"}).to_string();
    for (method, path) in &changes {
        let body = if *method == "PUT" { &*strategy } else { "" };
        let shop = hub.named("shop", "s").ask(method, path, body.as_bytes());
        shop.refuses(403, "AUTH_FAILED");
        billing.ask(method, path, body.as_bytes()).is(200);
        let boss = hub.named("boss", "m").ask(method, path, body.as_bytes());
        boss.is(200);
    }
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
