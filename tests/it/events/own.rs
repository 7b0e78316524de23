//! What the hub itself publishes, each in the journal right behind what it is about.

use serde_json::{Value, json};

use crate::support::verbs::{id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually};

/// The hub's own events of this type.
fn own(hub: &TestHub, event_type: &str) -> Vec<Value> {
    let mut events = hub.events_in_journal();
    events.retain(|event| event["type"] == event_type);
    for event in &events {
        assert_eq!(event["source"], "message-hub");
    }
    events
}

fn payloads(events: &[Value]) -> Vec<Value> {
    events
        .iter()
        .map(|event| event["payload"].clone())
        .collect()
}

#[test]
fn comings_and_goings_of_services_are_told_once() {
    let hub = TestHub::start();
    for instance in ["a", "a", "b"] {
        let url = format!("http://127.0.0.1:9/{instance}");
        let registration = json!({"service": "billing", "instance_id": instance, "url": url});
        hub.register(&registration);
    }
    let hub = hub.restart();
    let again = json!({"service": "billing", "instance_id": "a", "url": "http://127.0.0.1:9"});
    hub.register(&again).is(200);
    hub.delete("/v1/services/billing/instances/b");
    hub.delete("/v1/services/billing");
    let registered = payloads(&own(&hub, "service.registered"));
    let instances: Vec<_> = registered.iter().map(|one| &one["instance_id"]).collect();
    assert_eq!(instances, ["a", "b"]);
    assert_eq!(registered[0]["url"], "http://127.0.0.1:9/a");
    let gone = payloads(&own(&hub, "service.deregistered"));
    let instances: Vec<_> = gone.iter().map(|one| &one["instance_id"]).collect();
    assert_eq!(instances, [&json!("b"), &Value::Null]);
    assert!(gone.iter().all(|one| one["service"] == "billing"));
}

#[test]
fn news_stands_right_behind_its_fact() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let records = hub.journal();
    let place = records
        .iter()
        .position(|record| record["kind"] == "service_registered")
        .expect("it is registered");
    let next = &records[place + 1];
    assert_eq!(next["kind"], "event_published");
    assert_eq!(next["fact"]["type"], "service.registered");
}

#[test]
fn changes_of_health_and_of_circuits_are_told() {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(503));
    hub.register(&json!({
        "service": "billing", "instance_id": "a", "url": service.url(),
        "health_check": {"endpoint": "/health", "interval": 0.1},
    }))
    .is(201);
    eventually("it is unhealthy", || {
        hub.metric("message_hub_service_health{service=\"billing\"}") == 0.0
    });
    let changes = payloads(&own(&hub, "service.health_changed"));
    let last = changes.last().expect("it changed");
    assert_eq!(
        (&last["service"], &last["instance_id"]),
        (&json!("billing"), &json!("a"))
    );
    assert_eq!(last["to"], "unhealthy");
    hub.force_circuit("billing", "OPEN");
    let changes = payloads(&own(&hub, "circuit.state_changed"));
    let last = changes.last().expect("it changed");
    assert_eq!(
        (&last["service"], &last["to"]),
        (&json!("billing"), &json!("OPEN"))
    );
    assert_eq!(last["reason"], "maintenance");
}

#[test]
fn dead_and_expired_messages_are_told_with_their_id_as_the_cause() {
    let hub = TestHub::with(&[("max_retry_attempts", "1")]);
    hub.register_puller("billing");
    let dead = hub.send_to("billing", 1);
    hub.nack(&[&hub.pull_one("billing")["lease"]], 0.0).is(200);
    let short = json!({"destination": "billing", "payload": 1, "ttl": 0.05});
    let expired = id_of(&hub.send(&short).is(202));
    eventually("it expires", || hub.state(&expired) == "expired");
    let delivered = hub.send_to("billing", 1);
    hub.ack(&[&hub.pull_one("billing")["lease"]]).is(200);
    let told = own(&hub, "message.dead_lettered");
    let causes: Vec<_> = told
        .iter()
        .map(|event| text(&event["causation_id"]))
        .collect();
    assert_eq!(causes, [dead.clone(), expired]);
    assert!(!causes.contains(&delivered));
    let payload = &told[0]["payload"];
    for (field, value) in [
        ("message_id", json!(dead)),
        ("destination", json!("billing")),
        ("reason", json!("attempts_exhausted")),
        ("attempts", json!(1)),
        ("last_error", json!("not now")),
    ] {
        assert_eq!(payload[field], value, "{field}");
    }
    assert_eq!(told[1]["payload"]["reason"], "expired");
    hub.assert_conservation();
}
