//! Messages that share an ordering key go one after the other.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::fake_service::Received;
use crate::support::verbs::{id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually, pause};

const KEYS: usize = 1000;
const PER_KEY: usize = 5;

/// What the instances of one service have seen together.
#[derive(Default)]
struct Seen {
    /// Keys of the requests being handled right now.
    busy: HashSet<String>,
    /// By key, the numbers in the order in which they were taken.
    taken: HashMap<String, Vec<u64>>,
    violations: Vec<String>,
}

fn key_and_number(request: &Received) -> (String, u64) {
    let payload = &request.json()["payload"];
    (text(&payload["key"]), payload["number"].as_u64().unwrap())
}

/// One in five requests fails, in one of three ways.
fn some_failure(random: &RandomState, request: &Received) -> Option<Reply> {
    match random.hash_one((&request.body, request.at)) % 15 {
        0 => Some(Reply::Status(503)),
        1 => Some(Reply::Status(429)),
        2 => Some(Reply::Garbage),
        _ => None,
    }
}

fn instance(seen: &Arc<Mutex<Seen>>) -> FakeService {
    let (seen, random) = (seen.clone(), RandomState::new());
    FakeService::deciding(move |request| {
        let (key, number) = key_and_number(request);
        {
            let mut seen = seen.lock().unwrap();
            if !seen.busy.insert(key.clone()) {
                seen.violations.push(format!("two of {key} at once"));
            }
        }
        pause();
        let mut seen = seen.lock().unwrap();
        seen.busy.remove(&key);
        if let Some(failure) = some_failure(&random, request) {
            return failure;
        }
        let taken = seen.taken.entry(key).or_default();
        // The hub may not have heard the answer.
        if taken.last() != Some(&number) {
            taken.push(number);
        }
        Reply::Status(200)
    })
}

#[test]
fn a_thousand_keys_keep_their_order_over_four_failing_instances() {
    let hub = TestHub::with(&[
        ("base_retry_delay", "0.01"),
        ("max_retry_delay", "0.1"),
        ("max_retry_attempts", "1000"),
        ("circuit_breaker_failure_threshold", "1000000"),
    ]);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let instances: Vec<_> = (0..4).map(|_| instance(&seen)).collect();
    for (index, instance) in instances.iter().enumerate() {
        let id = format!("instance-{index}");
        hub.register(&json!({"service": "billing", "instance_id": id, "url": instance.url()}))
            .is(201);
    }
    for number in 0..PER_KEY {
        let message = |key: usize| {
            let key = format!("key-{key}");
            let payload = json!({"key": key, "number": number});
            json!({"destination": "billing", "ordering_key": key, "payload": payload})
        };
        let messages: Vec<Value> = (0..KEYS).map(message).collect();
        let answer = hub.batch(&json!(messages)).is(202);
        assert_eq!(answer["accepted"], KEYS);
    }
    let all = (KEYS * PER_KEY) as f64;
    eventually("all are delivered", || hub.in_state("delivered") == all);

    let seen = seen.lock().unwrap();
    assert_eq!(seen.violations, Vec::<String>::new());
    let in_order: Vec<u64> = (0..PER_KEY as u64).collect();
    assert_eq!(seen.taken.len(), KEYS);
    for (key, numbers) in &seen.taken {
        assert_eq!(numbers, &in_order, "{key}");
    }
    assert!(hub.metric("message_hub_retries_total") > 0.0);
    assert!(instances.iter().all(|instance| instance.count() > 0));
    hub.assert_conservation();
}

fn with_key(hub: &TestHub, number: u64) -> String {
    let message = json!({"destination": "billing", "ordering_key": "k", "payload": number});
    id_of(&hub.send(&message).is(202))
}

#[test]
fn a_dead_letter_lets_the_next_of_its_key_go_unless_told_to_hold() {
    for (setting, goes_on) in [("continue", true), ("hold", false)] {
        let mut hub = TestHub::with(&[("ordering_on_failure", setting)]);
        let service = FakeService::start().then([Reply::Status(400)]);
        hub.register_at("billing", &service.url());
        let (first, second) = (with_key(&hub, 1), with_key(&hub, 2));
        eventually("the first is dead", || hub.state(&first) == "dead");
        if goes_on {
            eventually("the second goes", || hub.state(&second) == "delivered");
            continue;
        }
        // A message of another key shows that everybody had the time to go.
        hub.send_waiting(20_000, &json!({"destination": "billing", "payload": 3}))
            .is(200);
        assert_eq!(hub.state(&second), "queued");
        let waiting_for = text(&hub.message(&second)["waiting_for"]);
        assert!(waiting_for.contains(&first), "{waiting_for}");

        hub.kill9();
        let hub = hub.restart();
        hub.send_waiting(20_000, &json!({"destination": "billing", "payload": 4}))
            .is(200);
        assert_eq!(hub.state(&second), "queued");
        hub.reprocess(&first, &json!({})).is(202);
        eventually("both are delivered", || {
            hub.state(&first) == "delivered" && hub.state(&second) == "delivered"
        });
        let order: Vec<_> = service
            .received()
            .iter()
            .map(|r| r.json()["payload"].clone())
            .collect();
        assert_eq!(order, [1, 3, 4, 1, 2]);
    }
}

#[test]
fn a_held_key_is_free_once_its_dead_letter_is_deleted() {
    let hub = TestHub::with(&[("ordering_on_failure", "hold")]);
    let service = FakeService::start().then([Reply::Status(400)]);
    hub.register_at("billing", &service.url());
    let (first, second) = (with_key(&hub, 1), with_key(&hub, 2));
    eventually("the first is dead", || hub.state(&first) == "dead");
    assert_eq!(hub.state(&second), "queued");
    hub.delete_dead_letter(&first).is(204);
    eventually("the second goes", || hub.state(&second) == "delivered");
}

#[test]
fn an_expired_dead_letter_holds_its_key_until_it_is_sent_elsewhere() {
    let hub = TestHub::with(&[("ordering_on_failure", "hold")]);
    hub.register_puller("billing");
    hub.register_puller("mail");
    let short = json!({"destination": "billing", "ordering_key": "k", "payload": 1, "ttl": 0.1});
    let first = id_of(&hub.send(&short).is(202));
    let second = with_key(&hub, 2);
    eventually("the first expires", || hub.state(&first) == "expired");
    // Another key shows that this one is held, and not the queue.
    hub.send_to("billing", "no key");
    assert_eq!(hub.pull_one("billing")["payload"], "no key");
    let waiting_for = hub.waiting_for(&second);
    assert!(
        waiting_for.contains(&format!("dead letter {first}")),
        "{waiting_for}"
    );
    hub.reprocess(&first, &json!({"destination": "mail"}))
        .is(202);
    assert_eq!(hub.pull_one("billing")["payload"], 2);
    assert_eq!(hub.pull_one("mail")["payload"], 1);
    hub.assert_conservation();
}

#[test]
fn a_start_with_continue_frees_what_was_held() {
    let hub = TestHub::with(&[("ordering_on_failure", "hold")]);
    let service = FakeService::start().then([Reply::Status(400)]);
    hub.register_at("billing", &service.url());
    let (first, second) = (with_key(&hub, 1), with_key(&hub, 2));
    eventually("the first is dead", || hub.state(&first) == "dead");
    assert_eq!(hub.state(&second), "queued");
    let hub = hub.restart_with(&[("ordering_on_failure", "continue")]);
    eventually("the second goes", || hub.state(&second) == "delivered");
    assert_eq!(hub.state(&first), "dead");
    hub.assert_conservation();
}
