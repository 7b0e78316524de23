//! A verb per route, and the few things every test wants to know.

use serde_json::{Value, json};

use super::TestHub;
use super::client::Client;
use super::wire::Answer;

impl TestHub {
    /// A hub with a service that asks for its messages.
    #[track_caller]
    pub(crate) fn with_puller(service: &str) -> Self {
        let hub = Self::start();
        hub.register_puller(service);
        hub
    }
}

impl Client {
    #[track_caller]
    pub(crate) fn send(&self, message: &Value) -> Answer {
        self.post("/v1/messages/send", message)
    }

    /// Sends a payload to a destination; gives the id.
    #[track_caller]
    pub(crate) fn send_to(&self, destination: &str, payload: impl Into<Value>) -> String {
        let message = json!({"destination": destination, "payload": payload.into()});
        id_of(&self.send(&message).is(202))
    }

    #[track_caller]
    pub(crate) fn send_waiting(&self, wait_ms: u64, message: &Value) -> Answer {
        self.post(&format!("/v1/messages/send?wait_ms={wait_ms}"), message)
    }

    #[track_caller]
    pub(crate) fn batch(&self, messages: &Value) -> Answer {
        self.post("/v1/messages/batch", messages)
    }

    #[track_caller]
    pub(crate) fn publish(&self, event: &Value) -> Answer {
        self.post("/v1/events", event)
    }

    #[track_caller]
    pub(crate) fn publish_batch(&self, events: &Value) -> Answer {
        self.post("/v1/events/batch", events)
    }

    #[track_caller]
    pub(crate) fn message(&self, id: &str) -> Value {
        self.get(&format!("/v1/messages/{id}")).is(200)
    }

    #[track_caller]
    pub(crate) fn state(&self, id: &str) -> String {
        text(&self.message(id)["state"])
    }

    /// `query` without its question mark.
    #[track_caller]
    pub(crate) fn messages(&self, query: &str) -> Answer {
        self.get(&format!("/v1/messages?{query}"))
    }

    #[track_caller]
    pub(crate) fn cancel(&self, id: &str) -> Answer {
        self.delete(&format!("/v1/messages/{id}"))
    }

    #[track_caller]
    pub(crate) fn receive(&self, service: &str, asked: &Value) -> Answer {
        self.post(&format!("/v1/services/{service}/receive"), asked)
    }

    /// Leases what is there, waiting for a first message.
    #[track_caller]
    pub(crate) fn pull(&self, service: &str, max: usize) -> Vec<Value> {
        let answer = self.receive(service, &json!({"max": max, "wait_ms": 20_000}));
        array(&answer.is(200)["messages"])
    }

    /// Leases one message, waiting for it.
    #[track_caller]
    pub(crate) fn pull_one(&self, service: &str) -> Value {
        let mut messages = self.pull(service, 1);
        messages.pop().expect("a message within the wait")
    }

    /// Leases what is there, without waiting.
    #[track_caller]
    pub(crate) fn pull_now(&self, service: &str) -> Vec<Value> {
        let answer = self.receive(service, &json!({"max": 100, "wait_ms": 0}));
        array(&answer.is(200)["messages"])
    }

    #[track_caller]
    pub(crate) fn ack(&self, leases: &[&Value]) -> Answer {
        self.post("/v1/leases/ack", &json!({"leases": leases}))
    }

    #[track_caller]
    pub(crate) fn nack(&self, leases: &[&Value], delay: f64) -> Answer {
        let asked = json!({"leases": leases, "delay": delay, "reason": "not now"});
        self.post("/v1/leases/nack", &asked)
    }

    #[track_caller]
    pub(crate) fn extend(&self, leases: &[&Value], seconds: f64) -> Answer {
        let asked = json!({"leases": leases, "lease": seconds});
        self.post("/v1/leases/extend", &asked)
    }

    #[track_caller]
    pub(crate) fn register(&self, registration: &Value) -> Answer {
        self.post("/v1/services/register", registration)
    }

    /// A service that pulls.
    #[track_caller]
    pub(crate) fn register_puller(&self, service: &str) {
        self.register(&json!({"service": service})).is(201);
    }

    /// A service that is pushed to.
    #[track_caller]
    pub(crate) fn register_at(&self, service: &str, url: &str) {
        self.register(&json!({"service": service, "url": url}))
            .is(201);
    }

    #[track_caller]
    pub(crate) fn service(&self, service: &str) -> Answer {
        self.get(&format!("/v1/services/{service}"))
    }

    #[track_caller]
    pub(crate) fn circuit(&self, service: &str) -> Value {
        let circuits = array(&self.get("/v1/circuits?limit=1000").is(200)["circuits"]);
        let found = circuits.into_iter().find(|one| one["service"] == service);
        found.unwrap_or(Value::Null)
    }

    /// Forces a circuit; gives it as it is then.
    #[track_caller]
    pub(crate) fn force_circuit(&self, service: &str, state: &str) -> Value {
        let asked = json!({"state": state, "reason": "maintenance"});
        self.put(&format!("/v1/circuits/{service}"), &asked).is(200)
    }

    /// The id of the instance whose turn it is.
    #[track_caller]
    pub(crate) fn next_instance(&self, service: &str) -> String {
        let next = self.get(&format!("/v1/services/{service}/next")).is(200);
        text(&next["instance_id"])
    }

    #[track_caller]
    pub(crate) fn subscribe(&self, asked: &Value) -> Answer {
        self.post("/v1/subscriptions", asked)
    }

    /// Subscribes a callback of `service` to everything that matches; gives the id.
    #[track_caller]
    pub(crate) fn subscribed(&self, service: &str, types: &str, url: &str) -> String {
        let asked = json!({"service": service, "event_types": [types], "callback_url": url});
        text(&self.subscribe(&asked).is(201)["subscription_id"])
    }

    #[track_caller]
    pub(crate) fn subscription(&self, id: &str) -> Value {
        self.get(&format!("/v1/subscriptions/{id}")).is(200)
    }

    /// `switch` is `pause` or `resume`.
    #[track_caller]
    pub(crate) fn switch_subscription(&self, id: &str, switch: &str) -> Value {
        let target = format!("/v1/subscriptions/{id}/{switch}");
        self.ask("POST", &target, b"").is(200)
    }

    #[track_caller]
    pub(crate) fn dead_letters(&self, query: &str) -> Vec<Value> {
        array(&self.get(&format!("/v1/dlq?{query}")).is(200)["dead_letters"])
    }

    #[track_caller]
    pub(crate) fn dead_letter(&self, id: &str) -> Answer {
        self.get(&format!("/v1/dlq/{id}"))
    }

    #[track_caller]
    pub(crate) fn reprocess(&self, id: &str, changes: &Value) -> Answer {
        self.post(&format!("/v1/dlq/{id}/reprocess"), changes)
    }

    #[track_caller]
    pub(crate) fn delete_dead_letter(&self, id: &str) -> Answer {
        self.delete(&format!("/v1/dlq/{id}"))
    }

    #[track_caller]
    pub(crate) fn redrive(&self, asked: &Value) -> Answer {
        self.post("/v1/dlq/redrive", asked)
    }

    /// Starts a redrive job; gives its id.
    #[track_caller]
    pub(crate) fn start_redrive(&self, asked: &Value) -> String {
        text(&self.redrive(asked).is(202)["job"])
    }

    #[track_caller]
    pub(crate) fn redrive_job(&self, job: &str) -> Value {
        self.get(&format!("/v1/dlq/redrive/{job}")).is(200)
    }

    /// `switch` is `pause`, `resume` or `cancel`.
    #[track_caller]
    pub(crate) fn switch_redrive(&self, job: &str, switch: &str) -> Answer {
        self.ask("POST", &format!("/v1/dlq/redrive/{job}/{switch}"), b"")
    }

    #[track_caller]
    pub(crate) fn retry_status(&self, id: &str) -> Answer {
        self.get(&format!("/v1/retry/status/{id}"))
    }

    #[track_caller]
    pub(crate) fn retry_now(&self, id: &str) -> Answer {
        self.post("/v1/retry", &json!({"message_id": id}))
    }

    #[track_caller]
    pub(crate) fn set_quota(&self, service: &str, quota: &Value) -> Answer {
        self.put(&format!("/v1/quotas/{service}"), quota)
    }

    #[track_caller]
    pub(crate) fn quota(&self, service: &str) -> Answer {
        self.get(&format!("/v1/quotas/{service}"))
    }

    #[track_caller]
    pub(crate) fn delete_quota(&self, service: &str) -> Answer {
        self.delete(&format!("/v1/quotas/{service}"))
    }

    #[track_caller]
    pub(crate) fn queue_status(&self, query: &str) -> Answer {
        self.get(&format!("/v1/queue/status?{query}"))
    }

    /// Without a `service` in it: all queues.
    #[track_caller]
    pub(crate) fn pause_queue(&self, which: &Value) -> Answer {
        self.post("/v1/queue/pause", which)
    }

    #[track_caller]
    pub(crate) fn resume_queue(&self, which: &Value) -> Answer {
        self.post("/v1/queue/resume", which)
    }

    /// `query` without its question mark.
    #[track_caller]
    pub(crate) fn clear_queue(&self, query: &str) -> Answer {
        self.delete(&format!("/v1/queue?{query}"))
    }

    #[track_caller]
    pub(crate) fn waiting_for(&self, id: &str) -> String {
        text(&self.message(id)["waiting_for"])
    }

    /// The value of one series of `/metrics`, such as `x_total` or `x{state="dead"}`.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").body;
        let value = text.lines().find_map(|line| {
            let rest = line.strip_prefix(series)?;
            rest.strip_prefix(' ')?.parse().ok()
        });
        value.unwrap_or_else(|| panic!("no series {series} in\n{text}"))
    }

    #[track_caller]
    pub(crate) fn in_state(&self, state: &str) -> f64 {
        self.metric(&format!(
            "message_hub_messages_by_state{{state=\"{state}\"}}"
        ))
    }

    /// What was accepted is all somewhere.
    #[track_caller]
    pub(crate) fn assert_conservation(&self) {
        let text = self.get("/metrics").body;
        let value = |line: &str| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok());
        let mut lines = text.lines();
        let accepted = lines.find(|line| line.starts_with("message_hub_messages_accepted_total "));
        let accepted = accepted.and_then(value).expect("the series is there");
        let states = text
            .lines()
            .filter(|line| line.starts_with("message_hub_messages_by_state{"));
        let sum: f64 = states.filter_map(value).sum();
        assert_eq!(accepted, sum, "{text}");
    }
}

#[track_caller]
pub(crate) fn id_of(answer: &Value) -> String {
    text(&answer["id"])
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("not a string: {value}"))
        .to_owned()
}

#[track_caller]
pub(crate) fn array(value: &Value) -> Vec<Value> {
    let array = value.as_array();
    array
        .unwrap_or_else(|| panic!("not an array: {value}"))
        .clone()
}
