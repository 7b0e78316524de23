//! Messages over sockets.

use serde_json::{Value, json};

use crate::support::verbs::{array, text};
use crate::support::{TestHub, eventually};

fn hub_with_billing() -> TestHub {
    let hub = TestHub::with(&[("base_retry_delay", "0.05"), ("max_retry_attempts", "3")]);
    hub.register_puller("billing");
    hub
}

fn ack(leases: &[&Value]) -> Value {
    json!({"type": "ack", "leases": leases, "ref": "ack"})
}

#[test]
fn a_message_is_delivered_once_it_is_acknowledged() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", json!({"n": 1}));
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    let handed = socket.hears("message");
    assert_eq!(handed["message"]["id"], json!(id));
    assert_eq!(handed["message"]["payload"], json!({"n": 1}));
    assert_eq!(handed["message"]["attempt"], 1);
    assert_eq!(hub.state(&id), "delivering");
    let done = json!({"type": "ok", "ref": "ack"});
    assert_eq!(socket.ask(&ack(&[&handed["lease"]])), done);
    assert_eq!(hub.state(&id), "delivered");
    socket.say(&ack(&[&handed["lease"]]));
    let error = socket.is_refused("CONFLICT");
    assert_eq!(error["details"]["leases"], json!([handed["lease"]]));
    // What comes later comes by itself.
    hub.send_to("billing", 2);
    assert_eq!(socket.hears("message")["message"]["payload"], 2);
    hub.assert_conservation();
}

#[test]
fn consuming_makes_a_service_known() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    hub.send_to("billing", 1);
    socket.hears("message");
}

#[test]
fn a_nack_is_a_failed_attempt() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    for attempt in 1..=3 {
        // The message may be back before its nacks are answered.
        let mut handed = socket.hear();
        while handed["type"] == "ok" {
            handed = socket.hear();
        }
        assert_eq!(handed["message"]["attempt"], attempt);
        let nack = json!({
            "type": "nack", "leases": [handed["lease"]], "delay": 0, "reason": "not now", "ref": 1,
        });
        socket.say(&nack);
        if attempt == 3 {
            assert_eq!(socket.hear(), json!({"type": "ok", "ref": 1}));
        }
    }
    eventually("it is given up", || hub.state(&id) == "dead");
    assert!(text(&hub.dead_letter(&id).is(200)["last_error"]).contains("not now"));
    hub.assert_conservation();
}

#[test]
fn no_more_than_the_prefetch_is_out() {
    let hub = hub_with_billing();
    for n in 0..10 {
        hub.send_to("billing", n);
    }
    let mut socket = hub.socket();
    socket.consume("billing", 3);
    let first: Vec<Value> = (0..3).map(|_| socket.hears("message")).collect();
    socket.hears_nothing();
    let queue = hub.get("/v1/queue/status?service=billing").is(200);
    assert_eq!(queue["in_flight"], 3);
    socket.say(&json!({"type": "ack", "leases": [first[0]["lease"], first[1]["lease"]]}));
    for expected in [3, 4] {
        assert_eq!(socket.hears("message")["message"]["payload"], expected);
    }
    socket.hears_nothing();
}

#[test]
fn two_consumers_share_what_comes() {
    let hub = hub_with_billing();
    let mut sockets = [hub.socket(), hub.socket()];
    for socket in &mut sockets {
        socket.consume("billing", 5);
    }
    for n in 0..10 {
        hub.send_to("billing", n);
    }
    let mut seen = Vec::new();
    for socket in &mut sockets {
        for _ in 0..5 {
            seen.push(
                socket.hears("message")["message"]["payload"]
                    .as_u64()
                    .unwrap(),
            );
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}

#[test]
fn who_goes_away_gives_back_without_spending_an_attempt() {
    let hub = hub_with_billing();
    let ids: Vec<String> = (0..5).map(|n| hub.send_to("billing", n)).collect();
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    let handed: Vec<Value> = (0..5).map(|_| socket.hears("message")).collect();
    drop(socket);
    let mut again = hub.socket();
    again.consume("billing", 10);
    for n in 0..5 {
        let message = again.hears("message")["message"].clone();
        assert_eq!(
            (&message["payload"], &message["attempt"]),
            (&json!(n), &json!(1))
        );
    }
    // What the first one had is worth nothing now.
    again.say(&ack(&[&handed[0]["lease"]]));
    again.is_refused("CONFLICT");
    for id in &ids {
        assert_eq!(hub.message(id)["delivery_attempts"], 0);
    }
}

#[test]
fn a_lease_with_an_end_is_over_then() {
    let hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let mut socket = hub.socket();
    let asked = json!({
        "type": "consume", "service": "billing", "prefetch": 1, "lease": 0.2, "ref": 1,
    });
    assert_eq!(socket.ask(&asked)["type"], "ok");
    for attempt in 1..=3 {
        assert_eq!(socket.hears("message")["message"]["attempt"], attempt);
    }
    eventually("it is given up", || hub.state(&id) == "dead");
}

#[test]
fn one_stale_ack_of_an_array_leaves_the_others() {
    let hub = hub_with_billing();
    for n in 0..3 {
        hub.send_to("billing", n);
    }
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    let leases: Vec<Value> = (0..3)
        .map(|_| socket.hears("message")["lease"].clone())
        .collect();
    assert_eq!(socket.ask(&ack(&[&leases[1]]))["type"], "ok");
    socket.say(&json!([
        ack(&[&leases[0]]),
        ack(&[&leases[1]]),
        {"type": "ack", "leases": [leases[2]]},
    ]));
    assert_eq!(socket.hears("ok")["ref"], "ack");
    let error = socket.is_refused("CONFLICT");
    assert_eq!(error["details"]["leases"], json!([leases[1]]));
    let delivered = hub.messages("state=delivered").is(200);
    assert_eq!(array(&delivered["messages"]).len(), 3);
}

#[test]
fn a_socket_is_an_instance_as_long_as_it_is_open() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    let asked = json!({
        "type": "consume", "service": "billing", "instance_id": "till-1", "prefetch": 7, "ref": 1,
    });
    assert_eq!(socket.ask(&asked)["type"], "ok");
    let service = hub.service("billing").is(200);
    assert_eq!(
        (&service["status"], &service["available"]),
        (&json!("healthy"), &json!(1))
    );
    let instance = &service["instances"][0];
    assert_eq!(instance["instance_id"], "till-1");
    assert_eq!(instance["transport"], "websocket");
    assert_eq!(instance["max_in_flight"], 7);
    assert_eq!(instance["status"], "healthy");
    assert_eq!(instance["url"], Value::Null);
    let message = json!({"destination": "billing", "payload": 1, "on_unavailable": "reject"});
    eventually("it is available", || hub.send(&message).status == 202);
    drop(socket);
    eventually("it is gone", || hub.service("billing").status == 404);
    hub.send(&message).refuses(503, "SERVICE_UNAVAILABLE");
}

#[test]
fn the_id_of_an_instance_with_an_address_is_taken() {
    let hub = TestHub::start();
    let registration = json!({
        "service": "billing", "instance_id": "till-1", "url": "http://127.0.0.1:9",
    });
    hub.register(&registration).is(201);
    let mut socket = hub.socket();
    let asked = |id: &str| json!({"type": "consume", "service": "billing", "instance_id": id});
    socket.say(&asked("till-1"));
    socket.is_refused("CONFLICT");
    socket.say(&asked("till-2"));
    socket.hears_nothing();
    let instances = array(&hub.service("billing").is(200)["instances"]);
    assert_eq!(instances.len(), 2);
}

#[test]
fn a_paused_queue_hands_nothing_out() {
    let hub = hub_with_billing();
    let switch = |to: &str| {
        let path = format!("/v1/queue/{to}");
        hub.post(&path, &json!({"service": "billing"})).is(200);
    };
    let mut socket = hub.socket();
    socket.consume("billing", 10);
    switch("pause");
    hub.send_to("billing", 1);
    socket.hears_nothing();
    switch("resume");
    socket.hears("message");
}

#[test]
fn messages_come_alone_until_arrays_are_known_to_be_understood() {
    let hub = hub_with_billing();
    for n in 0..50 {
        hub.send_to("billing", n);
    }
    let mut alone = hub.socket();
    alone.consume("billing", 50);
    for _ in 0..50 {
        alone.hears("message");
    }
    assert_eq!(alone.texts, 51);
    drop(alone);
    let mut together = hub.socket_at("/events?arrays=true");
    together.consume("billing", 50);
    for n in 0..50 {
        assert_eq!(together.hears("message")["message"]["payload"], n);
    }
    assert!(together.texts < 20, "{} texts", together.texts);
}
