//! What the log says: enough of what went wrong, and never a line for each of a flood.

mod acts;
mod following;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{FakeService, Reply, TestHub, eventually};

const JSON: (&str, &str) = ("log_format", "json");

/// The lines of a log in JSON.
fn lines(log: &str) -> Vec<Value> {
    let lines = log.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Those with this text.
fn lines_with(log: &str, message: &str) -> Vec<Value> {
    let mut lines = lines(log);
    lines.retain(|line| line["message"] == message);
    lines
}

/// As [`lines_with`], once there are any: the log is written by a thread of its own.
#[track_caller]
fn told(hub: &TestHub, message: &str) -> Vec<Value> {
    eventually("it is told", || !lines_with(&hub.log(), message).is_empty());
    lines_with(&hub.log(), message)
}

#[test]
fn dead_messages_are_told_the_first_at_once_and_the_others_by_their_number() {
    // Else the circuit opens before there are many.
    let hub = TestHub::with(&[JSON, ("circuit_breaker_rejection_threshold", "0")]);
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("printer", &service.url());
    let first = hub.send_to("printer", json!({"page": 1}));
    eventually("it is dead", || hub.state(&first) == "dead");
    let first_told = told(&hub, "message is a dead letter");
    assert_eq!(first_told.len(), 1, "{}", hub.log());
    let line = &first_told[0];
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["id"], json!(first));
    assert_eq!(line["correlation_id"], json!(first));
    assert_eq!(line["destination"], "printer");
    assert_eq!(line["source"], "shop");
    assert_eq!(line["reason"], "rejected");
    assert_eq!(line["last_error"], "HTTP 422");
    let mut last = String::new();
    for _ in 0..10 {
        last = hub.send_to("printer", json!({"page": 2}));
        eventually("it is dead", || hub.state(&last) == "dead");
    }
    let log = hub.stop().log_text();
    assert_eq!(lines_with(&log, "message is a dead letter").len(), 1);
    let more = lines(&log).into_iter().filter(|line| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("more messages to printer died: rejected")
    });
    let more: Vec<Value> = more.collect();
    let count = more.iter().filter_map(|line| line["count"].as_u64());
    assert_eq!(count.sum::<u64>(), 10, "{log}");
    assert_eq!(more.last().unwrap()["id"], json!(last));
}

#[test]
fn nothing_is_told_again_after_a_restart() {
    let hub = TestHub::with(&[JSON]);
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("printer", &service.url());
    let id = hub.send_to("printer", json!(1));
    eventually("it is dead", || hub.state(&id) == "dead");
    let hub = hub.restart();
    assert_eq!(hub.state(&id), "dead");
    let log = hub.stop().log_text();
    assert_eq!(lines_with(&log, "message is a dead letter").len(), 1);
}

#[test]
fn refusals_are_told_with_who_and_where() {
    let quotas = ("quotas", "{shop: {send_rate: 0.001, send_burst: 4}}");
    let hub = TestHub::with(&[JSON, ("max_queue_size", "3"), quotas]);
    hub.register_puller("printer");
    for _ in 0..3 {
        hub.send_to("printer", json!(1));
    }
    let message = |from: &str| json!({"source": from, "destination": "printer", "type": "page", "payload": 1, "priority": 3});
    for _ in 0..5 {
        hub.send(&message("shop")).refuses(429, "QUEUE_FULL");
    }
    hub.register_puller("mail");
    hub.send_to("mail", json!(1));
    let other = json!({"source": "shop", "destination": "mail", "type": "page", "payload": 1});
    for _ in 0..2 {
        hub.send(&other).refuses(429, "RATE_LIMITED");
    }
    let full = told(&hub, "message refused: the lane is full");
    assert_eq!(full.len(), 1, "{full:?}");
    assert_eq!(full[0]["destination"], "printer");
    assert_eq!(full[0]["priority"], "NORMAL");
    assert_eq!(full[0]["source"], "shop");
    assert_eq!(full[0]["reason"], "QUEUE_FULL");
    let limited = told(&hub, "refused: the sender is over its quota");
    assert_eq!(limited.len(), 1, "{limited:?}");
    assert_eq!(limited[0]["source"], "shop");
    assert_eq!(limited[0]["destination"], "mail");
    let log = hub.stop().log_text();
    let more = |text: &str| {
        let lines = lines(&log);
        let line = lines.iter().find(|line| line["message"] == text);
        line.unwrap_or_else(|| panic!("{text} in\n{log}"))["count"].clone()
    };
    let text = "4 more messages to printer refused: the NORMAL lane is full";
    assert_eq!(more(text), 4);
    assert_eq!(more("1 more of shop refused: it is over its quota"), 1);
}

#[test]
fn when_a_drained_instance_may_be_stopped_is_told() {
    let hub = TestHub::with(&[JSON]);
    let slow = FakeService::answering(Reply::After(Duration::from_millis(400), 200));
    hub.register(&json!({"service": "mail", "instance_id": "a", "url": slow.url()}))
        .is(201);
    let id = hub.send_to("mail", json!(1));
    slow.wait_for(1);
    hub.post("/v1/services/mail/instances/a/drain", &json!({}))
        .is(200);
    let instance = hub.service("mail").is(200)["instances"][0].clone();
    assert_eq!(instance["in_flight"], 1);
    assert_eq!(instance["state"], "draining");
    let told = || {
        let text = "takes nothing new and has nothing in flight: it may be stopped";
        let lines = lines_with(&hub.log(), text);
        lines.first().map(|line| line["instance"].clone())
    };
    assert_eq!(told(), None, "something is still in flight");
    eventually("it is delivered", || hub.state(&id) == "delivered");
    eventually("it is told", || told() == Some(json!("a")));
    let service = hub.service("mail").is(200);
    assert_eq!(service["instances"][0]["in_flight"], 0);
}
