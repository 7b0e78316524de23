//! What services need of each other.

use serde_json::{Value, json};

use crate::support::{Client, TestHub, eventually};

fn dependencies(hub: &Client, service: &str) -> Value {
    let path = format!("/v1/services/{service}/dependencies");
    hub.get(&path).is(200)
}

/// Who pulls is available while it polls.
fn poll(hub: &Client, services: &[&str]) {
    for service in services {
        hub.pull_now(service);
    }
}

#[test]
fn what_is_missing_is_told_and_blocks_nothing() {
    let hub = TestHub::start();
    let needed = json!([
        {"service": "rules-service", "minimum_instances": 2},
        {"service": "mail", "critical": false, "version": "2.0"},
    ]);
    hub.register(&json!({"service": "shop", "dependencies": needed}))
        .is(201);
    hub.register(&json!({"service": "rules-service", "instance_id": "a"}))
        .is(201);
    hub.register(&json!({"service": "mail", "version": "1.0"}))
        .is(201);
    poll(&hub, &["shop", "rules-service", "mail"]);
    let issues = json!([
        "Requires 1 instance of mail version 2.0, found 0",
        "Requires 2 instances of rules-service, found 1",
    ]);
    assert_eq!(
        dependencies(&hub, "shop"),
        json!({
            "service": "shop",
            "satisfied": false,
            "issues": issues,
            "dependencies": [
                {"service": "mail", "version": "2.0", "critical": false,
                    "required": 1, "found": 0, "satisfied": false},
                {"service": "rules-service", "version": null, "critical": true,
                    "required": 2, "found": 1, "satisfied": false},
            ],
            "cycles": [],
        })
    );
    let health = hub.get("/v1/services/shop/health").is(200);
    assert_eq!(health["status"], "degraded");
    assert_eq!(
        health["dependencies"],
        json!({"satisfied": false, "issues": issues})
    );
    let id = hub.send_to("shop", 1);
    let message = hub.pull_one("shop");
    hub.ack(&[&message["lease"]]).is(200);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    hub.register(&json!({"service": "rules-service", "instance_id": "b"}))
        .is(201);
    hub.register(&json!({"service": "mail", "version": "2.0"}))
        .is(200);
    let satisfied = dependencies(&hub, "shop");
    assert_eq!(satisfied["satisfied"], true);
    assert_eq!(satisfied["issues"], json!([]));
    assert_eq!(hub.service("shop").is(200)["status"], "healthy");
}

#[test]
fn cycles_are_reported() {
    let hub = TestHub::start();
    for (service, needed) in [("a", "b"), ("b", "a"), ("c", "a")] {
        let body = json!({"service": service, "dependencies": [{"service": needed}]});
        hub.register(&body).is(201);
    }
    poll(&hub, &["a", "b"]);
    let report = dependencies(&hub, "a");
    assert_eq!(report["cycles"], json!([["a", "b", "a"]]));
    assert_eq!(report["satisfied"], true);
    assert_eq!(dependencies(&hub, "c")["cycles"], json!([]));
}

#[test]
fn a_list_can_be_checked_before_it_is_registered() {
    let hub = TestHub::start();
    let check = |body: &Value| hub.post("/v1/services/shop/dependencies", body);
    let body = json!({"dependencies": [{"service": "rules-service"}]});
    let report = check(&body).is(200);
    assert_eq!(report["service"], "shop");
    assert_eq!(
        report["issues"],
        json!(["Requires 1 instance of rules-service, found 0"])
    );
    assert_eq!(
        check(&json!({"dependencies": []})).is(200)["satisfied"],
        true
    );
    for (body, field) in [
        (json!({}), "dependencies"),
        (json!({"dependencies": {}}), "dependencies"),
        (json!({"dependencies": [5]}), "dependencies[0]"),
        (
            json!({"dependencies": [{"service": "a"}, {"critical": true}]}),
            "dependencies[1].service",
        ),
    ] {
        let details = check(&body).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{body}");
    }
    let path = "/v1/services/shop/dependencies";
    hub.get(path).refuses(404, "NOT_FOUND");
    hub.service("shop").refuses(404, "NOT_FOUND");
}
