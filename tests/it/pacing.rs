//! Quotas of receivers: they only delay, in order, and lose nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{FakeService, Reply, TestHub, eventually, pause};

/// So slow that no message more is allowed while a test runs.
const SLOW: f64 = 0.001;

fn send_all(hub: &TestHub, service: &str, count: usize) {
    let message = |number| json!({"destination": service, "payload": number});
    let messages: Vec<_> = (0..count).map(message).collect();
    hub.batch(&json!(messages)).is(202);
}

/// Two at once, then one every half second; nothing before its time.
#[track_caller]
fn assert_two_a_second(start: Instant, arrivals: &[(Instant, Value)]) {
    // The hub counts in whole milliseconds of another clock.
    let tolerance = Duration::from_millis(20);
    for (index, (at, payload)) in arrivals.iter().enumerate() {
        assert_eq!(payload, index);
        let earliest = Duration::from_millis(500) * (index as u32).saturating_sub(1);
        let after = at.duration_since(start) + tolerance;
        assert!(after >= earliest, "{index} came after {after:?}");
    }
}

#[test]
fn a_rate_spaces_what_is_pushed_and_pulled() {
    let hub = TestHub::start();
    let pushed = FakeService::start();
    hub.register(&json!({"service": "pushed", "url": pushed.url(), "max_in_flight": 1}))
        .is(201);
    hub.register_puller("pulled");
    for service in ["pushed", "pulled"] {
        hub.set_quota(service, &json!({"deliver_rate": 2})).is(200);
    }
    let start = Instant::now();
    send_all(&hub, "pushed", 6);
    send_all(&hub, "pulled", 6);
    let mut arrivals = Vec::new();
    while arrivals.len() < 6 {
        for message in hub.pull("pulled", 10) {
            arrivals.push((Instant::now(), message["payload"].clone()));
            hub.ack(&[&message["lease"]]).is(200);
        }
    }
    assert_two_a_second(start, &arrivals);
    let received = pushed.wait_for(6);
    let arrivals: Vec<_> = received
        .iter()
        .map(|one| (one.at, one.json()["payload"].clone()))
        .collect();
    assert_two_a_second(start, &arrivals);
    eventually("all are delivered", || hub.in_state("delivered") == 12.0);
    hub.assert_conservation();
}

#[test]
fn a_rate_survives_a_kill_and_holds_no_longer_than_it_is_set() {
    let mut hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    hub.register_puller("pulled");
    let slow = json!({"deliver_rate": SLOW});
    hub.set_quota("pulled", &slow).is(200);
    hub.set_quota("pushed", &slow).is(200);
    send_all(&hub, "pulled", 20);
    send_all(&hub, "pushed", 20);
    let first = hub.pull_now("pulled");
    assert_eq!(first.len(), 1);
    hub.ack(&[&first[0]["lease"]]).is(200);
    eventually("one is delivered", || hub.in_state("delivered") == 2.0);
    assert!(hub.pull_now("pulled").is_empty());

    hub.kill9();
    let hub = hub.restart();
    // A start begins with a full bucket.
    let second = hub.pull_now("pulled");
    assert_eq!(second.len(), 1);
    assert_eq!(second[0]["payload"], 1);
    assert!(hub.pull_now("pulled").is_empty());
    hub.ack(&[&second[0]["lease"]]).is(200);
    eventually("another is delivered", || hub.in_state("delivered") == 4.0);
    assert_eq!(service.count(), 2);

    hub.set_quota("pushed", &json!({"deliver_rate": 1000}))
        .is(200);
    service.wait_for(20);
    hub.delete_quota("pulled").is(204);
    assert_eq!(hub.pull_now("pulled").len(), 18);
    hub.assert_conservation();
}

#[test]
fn messages_expire_while_the_rate_holds_them() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    hub.set_quota("pushed", &json!({"deliver_rate": SLOW}))
        .is(200);
    let message = json!({"destination": "pushed", "payload": 1, "ttl": 0.3});
    let first = json!({"destination": "pushed", "payload": 0});
    hub.send_waiting(20_000, &first).is(200);
    for _ in 0..5 {
        hub.send(&message).is(202);
    }
    eventually("they expire", || hub.in_state("expired") == 5.0);
    assert_eq!(service.count(), 1);
    hub.assert_conservation();
}

/// What several instances have in hand together, until they may let go.
#[derive(Default)]
struct Hands {
    busy: AtomicUsize,
    most: AtomicUsize,
    may_let_go: AtomicBool,
}

impl Hands {
    fn instance(self: &Arc<Self>) -> FakeService {
        let hands = self.clone();
        FakeService::deciding(move |_| {
            let busy = hands.busy.fetch_add(1, Ordering::SeqCst) + 1;
            hands.most.fetch_max(busy, Ordering::SeqCst);
            while !hands.may_let_go.load(Ordering::SeqCst) {
                pause();
            }
            pause();
            hands.busy.fetch_sub(1, Ordering::SeqCst);
            Reply::Status(200)
        })
    }

    #[track_caller]
    fn wait_for(&self, count: usize) {
        eventually(&format!("{count} are under way"), || {
            self.busy.load(Ordering::SeqCst) == count
        });
    }
}

fn in_flight(hub: &TestHub) -> Value {
    let status = hub.queue_status("service=billing").is(200);
    status["in_flight"].clone()
}

#[test]
fn no_more_are_under_way_than_the_quota_over_all_instances() {
    let mut hub = TestHub::start();
    let hands = Arc::new(Hands::default());
    let instances = [hands.instance(), hands.instance()];
    for instance in &instances {
        hub.register(&json!({"service": "billing", "url": instance.url()}));
    }
    let other = FakeService::start();
    hub.register_at("other", &other.url());
    hub.set_quota("billing", &json!({"max_in_flight": 3}))
        .is(200);
    send_all(&hub, "billing", 30);
    hands.wait_for(3);
    let others_go = |hub: &TestHub| {
        let message = json!({"destination": "other", "payload": 1});
        hub.send_waiting(20_000, &message).is(200);
    };
    others_go(&hub);
    assert_eq!(in_flight(&hub), 3);
    hub.set_quota("billing", &json!({"max_in_flight": 5}))
        .is(200);
    hands.wait_for(5);
    others_go(&hub);
    assert_eq!(in_flight(&hub), 5);
    assert_eq!(hands.most.load(Ordering::SeqCst), 5);
    // Fewer than there are: nothing is taken back, nothing more goes out.
    hub.set_quota("billing", &json!({"max_in_flight": 2}))
        .is(200);
    others_go(&hub);
    assert_eq!(in_flight(&hub), 5);
    hands.may_let_go.store(true, Ordering::SeqCst);
    eventually("only two are under way", || {
        let status = hub.queue_status("service=billing").is(200);
        status["total_messages"] == 0 || status["in_flight"].as_u64().unwrap() <= 2
    });
    hands.most.store(0, Ordering::SeqCst);
    eventually("all are delivered", || {
        hub.queue_status("service=billing").is(200)["total_messages"] == 0
    });
    assert!(hands.most.load(Ordering::SeqCst) <= 2);

    hub.kill9();
    let hub = hub.restart();
    hands.may_let_go.store(false, Ordering::SeqCst);
    hands.most.store(0, Ordering::SeqCst);
    send_all(&hub, "billing", 10);
    hands.wait_for(2);
    others_go(&hub);
    assert_eq!(hands.most.load(Ordering::SeqCst), 2);
    hub.delete_quota("billing").is(204);
    hands.wait_for(10);
    hands.may_let_go.store(true, Ordering::SeqCst);
    eventually("all are delivered", || {
        hub.queue_status("service=billing").is(200)["total_messages"] == 0
    });
    hub.assert_conservation();
}

#[test]
fn pullers_together_lease_no_more_than_the_quota() {
    let mut hub = TestHub::start();
    hub.register_puller("billing");
    let set = |hub: &TestHub, most: u32| {
        let quota = json!({"max_in_flight": most});
        hub.set_quota("billing", &quota).is(200);
    };
    set(&hub, 3);
    send_all(&hub, "billing", 30);
    let leased = hub.pull_now("billing");
    assert_eq!(leased.len(), 3);
    assert!(hub.pull_now("billing").is_empty());
    hub.ack(&[&leased[0]["lease"]]).is(200);
    hub.nack(&[&leased[1]["lease"]], 300.0).is(200);
    let more = hub.pull_now("billing");
    let numbers: Vec<_> = more.iter().map(|one| one["payload"].clone()).collect();
    assert_eq!(numbers, [3, 4]);
    set(&hub, 5);
    assert_eq!(hub.pull_now("billing").len(), 2);
    set(&hub, 1);
    hub.ack(&[&more[0]["lease"]]).is(200);
    assert!(hub.pull_now("billing").is_empty());
    set(&hub, 4);
    hub.kill9();
    let hub = hub.restart();
    assert_eq!(hub.pull_now("billing").len(), 4);
    assert!(hub.pull_now("billing").is_empty());
    hub.delete_quota("billing").is(204);
    assert_eq!(hub.pull_now("billing").len(), 23);
    hub.assert_conservation();
}

#[test]
fn the_configured_quota_holds_where_none_is_set() {
    let hub = TestHub::with(&[("quotas", "{billing: {max_in_flight: 1}}")]);
    hub.register_puller("billing");
    send_all(&hub, "billing", 10);
    assert_eq!(hub.pull_now("billing").len(), 1);
    hub.set_quota("billing", &json!({"max_in_flight": 4}))
        .is(200);
    assert_eq!(hub.pull_now("billing").len(), 3);
    hub.delete_quota("billing").is(204);
    assert!(hub.pull_now("billing").is_empty());
    let hub = hub.restart();
    assert_eq!(hub.pull_now("billing").len(), 1);
    // A quota that says nothing about it takes the bound away.
    hub.set_quota("billing", &json!({"send_rate": 1})).is(200);
    assert_eq!(hub.pull_now("billing").len(), 9);
}
