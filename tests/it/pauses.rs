//! The hub stands still for a while, and nobody else is blamed for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake_service::{FakeService, Reply};
use crate::support::{TestHub, eventually};

const FREEZE: Duration = Duration::from_millis(2500);

/// The time somebody else needs, or a pause takes, is what is tried here.
#[allow(clippy::disallowed_methods, reason = "it is time itself that is tried")]
fn let_pass(time: Duration) {
    sleep(time);
}

fn freeze(hub: &TestHub) {
    hub.freeze();
    let_pass(FREEZE);
    hub.thaw();
}

fn health(hub: &TestHub) -> Vec<String> {
    let service = hub.service("many").is(200);
    let instances = service["instances"].as_array().unwrap().iter();
    instances
        .map(|instance| instance["health"].to_string())
        .collect()
}

#[test]
fn who_went_on_all_the_time_is_not_blamed_for_a_pause_of_the_hub() {
    let hub = TestHub::start();
    hub.register_puller("pull");
    for n in 0..8 {
        let id = format!("i{n}");
        let instance =
            json!({"service": "many", "instance_id": id, "url": "http://127.0.0.1:1", "ttl": 1.5});
        hub.register(&instance).is(201);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (client, over) = (hub.client(), &over);
            scope.spawn(move || {
                let target = format!("/v1/services/many/instances/i{n}/heartbeat");
                while !over.load(Ordering::Relaxed) {
                    client.post(&target, &Value::Null).is(200);
                    let_pass(Duration::from_millis(300));
                }
            });
        }
        hub.send_to("pull", 1);
        let asked = json!({"lease": 2, "wait_ms": 1000});
        let leased = hub.receive("pull", &asked).is(200);
        freeze(&hub);
        let_pass(Duration::from_millis(700));
        hub.ack(&[&leased["messages"][0]["lease"]]).is(200);
        let health = health(&hub);
        assert!(!health.contains(&"\"unhealthy\"".to_owned()), "{health:?}");
        over.store(true, Ordering::Relaxed);
    });
    let log = hub.log();
    assert!(!log.contains("to=\"unhealthy\""), "{log}");
    assert_eq!(log.matches("the hub stood still").count(), 1, "{log}");
    let metrics = hub.client().get("/metrics").body;
    assert!(metrics.contains("message_hub_pauses_total 1"), "{metrics}");
    let details = hub.client().get("/health/details").is(200);
    assert_eq!(details["components"]["clock"]["pauses"], 1);
}

#[test]
fn an_answer_that_came_while_the_hub_stood_still_counts() {
    let service = FakeService::answering(Reply::After(Duration::from_millis(700), 200));
    let hub = TestHub::with(&[("message_timeout", "1.5")]);
    hub.register_at("billing", &service.url());
    let id = hub.send_to("billing", 1);
    service.wait_for(1);
    freeze(&hub);
    eventually("it is delivered", || hub.state(&id) == "delivered");
    assert_eq!(service.count(), 1);
    assert_eq!(hub.message(&id)["delivery_attempts"], 1);
}
