//! What operators do to queues: pause and resume them, and who may.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::verbs::id_of;
use crate::support::{Client, FakeService, Reply, TestHub, eventually};

/// One at a time, so that what arrives is in order.
fn register_one_at_a_time(hub: &TestHub, name: &str, service: &FakeService) {
    hub.register(&json!({"service": name, "url": service.url(), "max_in_flight": 1}))
        .is(201);
}

fn named(service: &str) -> Value {
    json!({"service": service})
}

fn payloads(messages: &[Value]) -> Vec<Value> {
    let payload = |message: &Value| message["payload"].clone();
    messages.iter().map(payload).collect()
}

fn arrived(service: &FakeService) -> Vec<Value> {
    let bodies: Vec<_> = service.received().iter().map(|one| one.json()).collect();
    payloads(&bodies)
}

/// A message that went through a service after something else shows that it had the time to go.
fn let_others_go(hub: &Client, service: &str) {
    let message = json!({"destination": service, "payload": "after that"});
    hub.send_waiting(20_000, &message).is(200);
}

fn status(hub: &Client, service: &str) -> Value {
    hub.queue_status(&format!("service={service}")).is(200)
}

#[test]
fn a_paused_queue_waits_also_after_a_kill_while_others_go_on() {
    let mut hub = TestHub::start();
    let (billing, other) = (FakeService::start(), FakeService::start());
    register_one_at_a_time(&hub, "billing", &billing);
    hub.register_at("other", &other.url());
    hub.register_puller("mail");
    for service in ["billing", "mail"] {
        let paused = hub.pause_queue(&named(service)).is(200);
        assert_eq!(paused, json!({"service": service, "status": "paused"}));
    }
    for number in 1..=3 {
        hub.send_to("billing", number);
        hub.send_to("mail", number);
    }
    let since = status(&hub, "billing")["paused_since"].clone();
    for restarted in [false, true] {
        if restarted {
            hub.kill9();
            hub = hub.restart();
        }
        let_others_go(&hub, "other");
        assert_eq!(billing.count(), 0);
        assert!(hub.pull_now("mail").is_empty());
        let billing = status(&hub, "billing");
        assert_eq!(billing["status"], "paused");
        assert!(since.is_string() && billing["paused_since"] == since);
        assert_eq!(billing["total_size"], 3);
        assert_eq!(status(&hub, "other")["paused_since"], Value::Null);
        assert_eq!(hub.queue_status("").is(200)["status"], "active");
    }
    let resumed = hub.resume_queue(&named("billing")).is(200);
    assert_eq!(resumed, json!({"service": "billing", "status": "active"}));
    hub.resume_queue(&named("mail")).is(200);
    billing.wait_for(3);
    assert_eq!(arrived(&billing), [1, 2, 3]);
    assert_eq!(payloads(&hub.pull("mail", 3)), [1, 2, 3]);
    assert_eq!(status(&hub, "billing")["status"], "active");
    hub.assert_conservation();
}

#[test]
fn a_puller_that_waits_is_served_when_the_queue_is_resumed() {
    let hub = TestHub::start();
    hub.register_puller("mail");
    hub.pause_queue(&named("mail")).is(200);
    let first = hub.send_to("mail", 1);
    assert_eq!(hub.state(&first), "parked");
    thread::scope(|scope| {
        let pulling = scope.spawn(|| hub.pull("mail", 3));
        eventually("somebody polls", || hub.state(&first) == "queued");
        hub.resume_queue(&named("mail")).is(200);
        assert_eq!(payloads(&pulling.join().unwrap()), [1]);
    });
}

#[test]
fn what_is_under_way_is_finished_in_a_paused_queue() {
    let hub = TestHub::start();
    let billing = FakeService::answering(Reply::After(Duration::from_millis(300), 200));
    hub.register_at("billing", &billing.url());
    hub.register_puller("mail");
    let pushed = hub.send_to("billing", 1);
    let (pulled, failed) = (hub.send_to("mail", 1), hub.send_to("mail", 2));
    let (leased, refused) = (hub.pull_one("mail"), hub.pull_one("mail"));
    billing.wait_for(1);
    hub.pause_queue(&json!({})).is(200);
    hub.extend(&[&leased["lease"]], 60.0).is(200);
    hub.ack(&[&leased["lease"]]).is(200);
    hub.nack(&[&refused["lease"]], 0.0).is(200);
    let later = hub.send_to("billing", 2);
    eventually("what was under way is delivered", || {
        hub.state(&pushed) == "delivered" && hub.state(&pulled) == "delivered"
    });
    eventually("what failed waits its turn", || {
        hub.state(&failed) == "queued"
    });
    assert!(hub.pull_now("mail").is_empty());
    assert_eq!(hub.state(&later), "queued");
    assert_eq!(billing.count(), 1);
}

#[test]
fn pausing_all_and_pausing_one_are_apart() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    hub.register_puller("mail");
    hub.send_to("billing", 1);
    hub.send_to("mail", 1);
    let all = hub.pause_queue(&json!({}));
    assert_eq!(all.is(200), json!({"service": null, "status": "paused"}));
    hub.pause_queue(&named("billing")).is(200);
    // A later service is paused too, and resuming one does not resume all.
    hub.register_puller("late");
    hub.resume_queue(&named("mail")).is(200);
    let report = hub.queue_status("").is(200);
    assert_eq!(report["status"], "paused");
    assert!(report["paused_since"].is_string());
    for service in ["billing", "mail", "late"] {
        assert_eq!(report["services"][service]["status"], "paused", "{report}");
        assert!(hub.pull_now(service).is_empty());
    }
    // An empty body means all as well.
    hub.ask("POST", "/v1/queue/resume", b"").is(200);
    assert_eq!(hub.pull("mail", 9).len(), 1);
    assert!(hub.pull_now("billing").is_empty());
    let report = hub.queue_status("").is(200);
    assert_eq!(report["status"], "active");
    assert_eq!(report["services"]["billing"]["status"], "paused");
    hub.resume_queue(&named("billing")).is(200);
    assert_eq!(hub.pull("billing", 9).len(), 1);
}

#[test]
fn messages_expire_in_a_paused_queue() {
    let hub = TestHub::start();
    let billing = FakeService::start();
    hub.register_at("billing", &billing.url());
    hub.pause_queue(&named("billing")).is(200);
    let message = json!({"destination": "billing", "payload": 1, "ttl": 0.1});
    let id = id_of(&hub.send(&message).is(202));
    eventually("it expires", || hub.state(&id) == "expired");
    assert_eq!(hub.dead_letter(&id).is(200)["reason"], "expired");
    hub.resume_queue(&named("billing")).is(200);
    let_others_go(&hub, "billing");
    assert_eq!(arrived(&billing), ["after that"]);
    hub.assert_conservation();
}

#[test]
fn a_pause_holds_back_what_many_clients_send_and_loses_nothing() {
    const CLIENTS: usize = 8;
    let hub = TestHub::with(&[("max_queue_size", "1000000")]);
    let billing = FakeService::start();
    hub.register_at("billing", &billing.url());
    let stop = AtomicBool::new(false);
    let send = |client: Client| {
        let mut sent = 0;
        while !stop.load(Ordering::SeqCst) {
            client.send_to("billing", sent);
            sent += 1;
        }
        sent
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = hub.client();
                scope.spawn(move || send(client))
            })
            .collect();
        billing.wait_for(20);
        hub.pause_queue(&named("billing")).is(200);
        eventually("what was under way ends", || {
            status(&hub, "billing")["in_flight"] == 0
        });
        let before = billing.count();
        let waited = status(&hub, "billing")["total_size"].as_u64().unwrap();
        eventually("more is accepted", || {
            status(&hub, "billing")["total_size"].as_u64().unwrap() > waited + 50
        });
        stop.store(true, Ordering::SeqCst);
        let sent = clients.into_iter().map(|client| client.join().unwrap());
        let sent: usize = sent.sum();
        assert_eq!(billing.count(), before);
        hub.resume_queue(&named("billing")).is(200);
        eventually("all is delivered", || {
            hub.in_state("delivered") == sent as f64
        });
        assert_eq!(billing.count(), sent);
    });
    hub.assert_conservation();
}

#[test]
fn what_operators_wished_outlives_the_segment_that_says_so() {
    let mut hub = TestHub::with(&[
        ("wal_segment_bytes", "65536"),
        ("ordering_on_failure", "hold"),
        ("max_retry_attempts", "1"),
    ]);
    let first_segment = hub.data().join("wal/00000000000000000001.wal");
    for service in ["billing", "mail", "stock"] {
        hub.register_puller(service);
    }
    let busy = FakeService::start();
    hub.register_at("busy", &busy.url());
    hub.pause_queue(&named("billing")).is(200);
    hub.set_quota("mail", &json!({"max_in_flight": 1})).is(200);
    let keyed = json!({"destination": "stock", "ordering_key": "k", "payload": 1});
    let [dead_letter, held] = [(); 2].map(|()| id_of(&hub.send(&keyed).is(202)));
    hub.nack(&[&hub.pull_one("stock")["lease"]], 0.0).is(200);
    assert_eq!(hub.state(&dead_letter), "dead");
    for service in ["billing", "mail", "mail"] {
        hub.send_to(service, 1);
    }
    let since = status(&hub, "billing")["paused_since"].clone();
    let many = json!(vec![json!({"destination": "busy", "payload": 1}); 500]);
    eventually("the first segment is given back", || {
        hub.batch(&many);
        !first_segment.exists()
    });
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(status(&hub, "billing")["paused_since"], since);
    assert!(hub.pull_now("billing").is_empty());
    assert_eq!(hub.pull("mail", 9).len(), 1);
    assert!(hub.pull_now("mail").is_empty());
    assert!(hub.pull_now("stock").is_empty());
    assert!(hub.waiting_for(&held).contains(&dead_letter));
    hub.assert_conservation();
}

#[test]
fn wrong_requests_are_refused_with_their_field_and_change_nothing() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let id = hub.send_to("billing", 1);
    for route in ["/v1/queue/pause", "/v1/queue/resume"] {
        for (body, field) in [
            ("[]", "body"),
            ("null", "body"),
            ("\"billing\"", "body"),
            ("{\"service\": \"billing\"", "body"),
            ("{\"service\": 1}", "service"),
            ("{\"service\": [\"billing\"]}", "service"),
            // Not every queue because of a slip.
            ("{\"servce\": \"billing\"}", "servce"),
            ("{\"service\": \"\"}", "service"),
            ("{\"service\": \"a b\"}", "service"),
            (
                "{\"service\": \"billing\", \"service\": \"billing\"}",
                "service",
            ),
        ] {
            let details = hub.ask("POST", route, body.as_bytes());
            let details = details.refuses(400, "INVALID_REQUEST");
            assert_eq!(details["field"], field, "{body}");
        }
        hub.post(route, &named("nobody"))
            .refuses(404, "SERVICE_NOT_FOUND");
        let huge = json!({"service": "billing", "more": "x".repeat(2 << 20)});
        hub.post(route, &huge).refuses(413, "PAYLOAD_TOO_LARGE");
        let wrong = hub.get(route);
        assert_eq!(wrong.header("allow"), Some("POST"));
        wrong.refuses(405, "METHOD_NOT_ALLOWED");
    }
    for (query, field) in [
        ("", "service"),
        ("service=", "service"),
        ("priority=LOW", "service"),
        ("service=a%20b", "service"),
        ("service=billing&service=billing", "service"),
        ("service=billing&priority=", "priority"),
        ("service=billing&priority=urgent", "priority"),
        ("service=billing&priority=0", "priority"),
        ("service=billing&priority=6", "priority"),
        ("service=billing&priority=LOW&priority=HIGH", "priority"),
    ] {
        let details = hub.clear_queue(query).refuses(400, "INVALID_REQUEST");
        assert_eq!(details["field"], field, "{query}");
    }
    hub.clear_queue("service=nobody")
        .refuses(404, "SERVICE_NOT_FOUND");
    let wrong = hub.post("/v1/queue", &named("billing"));
    assert_eq!(wrong.header("allow"), Some("DELETE"));
    wrong.refuses(405, "METHOD_NOT_ALLOWED");
    assert_eq!(hub.state(&id), "parked");
    assert_eq!(status(&hub, "billing")["paused_since"], Value::Null);
}

#[test]
fn only_operators_pause_resume_and_clear() {
    let hub = TestHub::with(&[
        ("service_keys", "{billing: [b], boss: [m]}"),
        ("operators", "[boss]"),
    ]);
    let (billing, boss) = (hub.named("billing", "b"), hub.named("boss", "m"));
    billing.register_puller("billing");
    boss.send_to("billing", 1);
    for refused in [
        billing.pause_queue(&named("billing")),
        billing.pause_queue(&json!({})),
        billing.resume_queue(&named("billing")),
        billing.clear_queue("service=billing"),
    ] {
        refused.refuses(403, "AUTH_FAILED");
    }
    boss.pause_queue(&named("billing")).is(200);
    assert!(billing.pull_now("billing").is_empty());
    boss.resume_queue(&named("billing")).is(200);
    assert_eq!(
        boss.clear_queue("service=billing").is(200)["cancelled"],
        json!(1)
    );
}
