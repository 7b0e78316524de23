//! One bad destination never slows another.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::{FakeService, Reply, TestHub, eventually, pause};

#[test]
fn a_hanging_destination_leaves_the_others_alone() {
    let hub = TestHub::with(&[("message_timeout", "60")]);
    let (hanging, good) = (FakeService::answering(Reply::Hang), FakeService::start());
    hub.register_at("hanging", &hanging.url());
    hub.register_at("good", &good.url());
    let messages: Vec<_> = (0..1000)
        .map(|n| (["hanging", "good"][n % 2], n))
        .map(|(destination, n)| json!({"destination": destination, "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("all is delivered to the good one", || {
        hub.in_state("delivered") == 500.0
    });
    let message = json!({"destination": "good", "payload": 1});
    hub.send_waiting(20_000, &message).is(200);
    let status = hub.queue_status("service=hanging").is(200);
    assert_eq!(status["total_messages"], 500);
    hub.assert_conservation();
}

#[test]
fn a_failing_destination_opens_only_its_own_circuit() {
    let hub = TestHub::with(&[("base_retry_delay", "0.01"), ("max_retry_attempts", "100")]);
    let (bad, good) = (FakeService::answering(Reply::Reset), FakeService::start());
    hub.register_at("bad", &bad.url());
    hub.register_at("good", &good.url());
    for n in 0..20 {
        hub.send_to(["bad", "good"][n % 2], n);
    }
    eventually("the circuit opens", || {
        hub.circuit("bad")["state"] == "OPEN"
    });
    eventually("the good one has all", || hub.in_state("delivered") == 10.0);
    assert_eq!(hub.circuit("good")["state"], "CLOSED");
    assert_eq!(hub.circuit("good")["failure_count"], 0);
}

#[test]
fn a_full_lane_refuses_only_its_own_destination() {
    let hub = TestHub::with(&[("max_queue_size", "5")]);
    hub.register_puller("full");
    hub.register_puller("empty");
    for n in 0..5 {
        hub.send_to("full", n);
    }
    hub.send(&json!({"destination": "full", "payload": 1}))
        .refuses(429, "QUEUE_FULL");
    hub.send_to("empty", 1);
}

const GOOD: usize = 43;
const EACH: usize = 10;
const IMPATIENT: [(&str, &str); 5] = [
    ("base_retry_delay", "0.01"),
    ("max_retry_delay", "0.05"),
    ("max_retry_attempts", "100000"),
    ("message_timeout", "1"),
    ("circuit_breaker_reset_timeout", "0.3"),
];

/// Alive and dead in turn, 200 ms each, until told to stay alive.
struct Flapping {
    address: SocketAddr,
    /// The numbers it answered with 200.
    taken: Arc<Mutex<HashSet<u64>>>,
    stays: Arc<AtomicBool>,
    life: Option<JoinHandle<()>>,
}

impl Flapping {
    fn start() -> Self {
        let taken = Arc::<Mutex<HashSet<u64>>>::default();
        let stays = Arc::new(AtomicBool::new(false));
        let address = address_of_our_own();
        let (takes, is_over) = (taken.clone(), stays.clone());
        let life = thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                wait(&is_over);
                let takes = takes.clone();
                let alive = FakeService::back_at_deciding(address, move |request| {
                    let number = request.json()["payload"].as_u64().unwrap();
                    takes.lock().unwrap().insert(number);
                    Reply::Status(200)
                });
                wait(&is_over);
                drop(alive);
            }
        });
        Self {
            address,
            taken,
            stays,
            life: Some(life),
        }
    }

    /// Ends the flapping; who is returned takes what is left.
    fn stay(&mut self) -> FakeService {
        self.stays.store(true, Ordering::SeqCst);
        if let Some(life) = self.life.take() {
            life.join().unwrap();
        }
        let takes = self.taken.clone();
        FakeService::back_at_deciding(self.address, move |request| {
            let number = request.json()["payload"].as_u64().unwrap();
            takes.lock().unwrap().insert(number);
            Reply::Status(200)
        })
    }
}

impl Drop for Flapping {
    fn drop(&mut self) {
        self.stays.store(true, Ordering::SeqCst);
    }
}

/// One that nobody else is given while nobody listens there: ports are counted by address.
fn address_of_our_own() -> SocketAddr {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, a.max(1), b, c);
    let listener = TcpListener::bind((host, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn wait(is_over: &AtomicBool) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(200) && !is_over.load(Ordering::SeqCst) {
        pause();
    }
}

fn sent_to_all(hub: &TestHub, names: &[String]) -> Vec<(String, String)> {
    let numbers = 0..EACH;
    let message = |number| move |name| json!({"destination": name, "payload": number});
    let messages: Vec<_> = numbers
        .flat_map(|number| names.iter().map(message(number)))
        .collect();
    let answer = hub.batch(&json!(messages)).is(202);
    assert_eq!(answer["accepted"], messages.len());
    let ids = array(&answer["results"]).into_iter().map(|one| id_of(&one));
    let destinations = messages.iter().map(|one| text(&one["destination"]));
    destinations.zip(ids).collect()
}

/// The attempts of the first message to this destination, as soon as there are some.
fn attempts(hub: &TestHub, sent: &[(String, String)], name: &str) -> Vec<Value> {
    let (_, id) = sent.iter().find(|(to, _)| to == name).unwrap();
    let mut attempts = Vec::new();
    eventually(&format!("{name} is tried"), || {
        attempts = array(&hub.message(id)["attempts"]);
        !attempts.is_empty()
    });
    attempts
}

/// Each attempt ends with this error, the circuit opens, and what was sent there waits.
fn is_shut_out(hub: &TestHub, sent: &[(String, String)], (name, error): (&str, &str)) {
    for attempt in attempts(hub, sent, name) {
        assert_eq!(attempt["outcome"], "failed", "{name}");
        let said = text(&attempt["error"]);
        assert!(said.contains(error), "{name}: {said}");
    }
    eventually(&format!("the circuit of {name} opens"), || {
        hub.circuit(name)["state"] == "OPEN"
    });
    let circuit = hub.circuit(name);
    assert!(circuit["failure_count"].as_u64().unwrap() >= 5, "{circuit}");
    let status = hub.queue_status(&format!("service={name}")).is(200);
    assert_eq!(status["total_messages"], EACH, "{name}");
}

#[track_caller]
fn has_each_once(service: &FakeService) {
    let received = service.received().into_iter();
    let numbers = received.map(|one| one.json()["payload"].as_u64().unwrap());
    let numbers: HashSet<_> = numbers.collect();
    assert_eq!(numbers.len(), EACH);
}

#[test]
fn seven_bad_destinations_of_fifty_leave_the_others_alone() {
    let hub = TestHub::with(&IMPATIENT);
    let failing = [
        ("hanging", Reply::Hang, "no answer within 1s"),
        ("resetting", Reply::Reset, "connect"),
        ("broken", Reply::Status(500), "HTTP 500"),
        ("babbling", Reply::Garbage, "not an HTTP answer: "),
    ];
    let failing = failing.map(|(name, reply, error)| (name, FakeService::answering(reply), error));
    let verbose = FakeService::answering(Reply::Body(10 << 20));
    let mut flapping = Flapping::start();
    let good: Vec<_> = (0..GOOD).map(|_| FakeService::start()).collect();
    let register = |name: &str, url: &str| {
        hub.register(&json!({"service": name, "url": url, "max_in_flight": 4}))
            .is(201);
        name.to_owned()
    };
    let mut names = vec![
        // No port that anybody is given by chance.
        register("refusing", "http://127.0.0.1:1"),
        register("verbose", &verbose.url()),
        register("flapping", &format!("http://{}", flapping.address)),
    ];
    for (name, service, _) in &failing {
        names.push(register(name, &service.url()));
    }
    for (number, service) in good.iter().enumerate() {
        names.push(register(&format!("good-{number}"), &service.url()));
    }
    let before = hub.memory();
    let sent = sent_to_all(&hub, &names);

    eventually("the good ones have all of theirs", || {
        good.iter().all(|service| service.count() >= EACH)
    });
    good.iter().for_each(has_each_once);
    let mut expected = vec![("refusing", "cannot connect: ")];
    expected.extend(failing.iter().map(|(name, _, error)| (*name, *error)));
    for (name, error) in expected {
        is_shut_out(&hub, &sent, (name, error));
    }
    eventually("the verbose one has all of its own", || {
        verbose.count() >= EACH
    });
    assert_eq!(hub.circuit("verbose")["state"], "CLOSED");
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");

    let _alive = flapping.stay();
    let delivered = ((GOOD + 2) * EACH) as f64;
    eventually("all who ever answer have all", || {
        hub.in_state("delivered") == delivered
    });
    assert_eq!(flapping.taken.lock().unwrap().len(), EACH);
    for (to, id) in &sent {
        let is_owed = to == "refusing" || failing.iter().any(|(name, ..)| name == to);
        assert_eq!(hub.message(id)["status"] == "pending", is_owed, "{to}");
    }
    hub.assert_conservation();
}
