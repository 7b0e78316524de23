//! Whatever one service asks of a hub, others are served meanwhile, and memory is bounded.
//!
//! A service with a key asks for everything there is, at random, over many connections at once, of
//! which it keeps those open that cost the hub most. Another one sends a small message now and then
//! and must not notice.

mod asks;
mod input;
mod modest;
mod sockets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{FakeService, Reply, TestHub};
use asks::Greedy;
use modest::Modest;

/// What the hub may take, in bytes.
const MOST_MEMORY: u64 = 512 << 20;
/// Until anybody else has an answer. What the compiler has not optimised takes several times as
/// long for the same steps, and a worker that reads 16 MiB for one reads nothing for others.
const LATEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 100 });
const CLIENTS: usize = 12;
/// Of all clients of one round.
const ASKS: usize = 1000;
/// A round on a slow machine ends earlier.
const ROUND: Duration = Duration::from_secs(5);
/// Where messages lead, besides to services that ask for them.
const DESTINATIONS: [(&str, Reply); 4] = [
    ("takes", Reply::Status(200)),
    ("rejects", Reply::Status(422)),
    ("fails", Reply::Status(500)),
    ("hangs", Reply::Hang),
];

/// How often each ask was answered in each way.
type Answers = BTreeMap<(&'static str, u16), usize>;

fn hub() -> TestHub {
    let hub = TestHub::with(&[
        ("service_keys", "{greedy: [g], modest: [m], boss: [b]}"),
        ("operators", "[boss]"),
        // What waits for somebody is memory that its senders may use, a gibibyte by default.
        ("max_queue_bytes", "67108864"),
        // How quick a disk is that many tests use is not what is looked at.
        ("wal_sync", "os"),
        ("shutdown_timeout", "1"),
    ]);
    let boss = hub.named("boss", "b");
    for name in ["greedy", "modest", "waits-0", "waits-1", "waits-2"] {
        boss.register_puller(name);
    }
    hub
}

/// All clients ask until they have asked enough, or long enough; they still hold what they keep.
fn ask_for_everything(hub: &TestHub, seed: u64, length: Duration) -> Vec<Greedy> {
    let until = Instant::now() + length;
    let left = Arc::new(AtomicUsize::new(ASKS));
    let start = |number| {
        let mut greedy = Greedy::new(hub, seed, number, CLIENTS);
        let left = left.clone();
        thread::spawn(move || {
            let one_less = |left: usize| left.checked_sub(1);
            let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
            while Instant::now() < until && left.fetch_update(set, fetch, one_less).is_ok() {
                greedy.ask_something();
            }
            greedy
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(start).collect();
    let clients = clients.into_iter();
    clients
        .map(|client| client.join().expect("a client is answered properly"))
        .collect()
}

fn round(seed: u64, length: Duration) -> Answers {
    println!("seed {seed}");
    let hub = hub();
    let boss = hub.named("boss", "b");
    let services = DESTINATIONS.map(|(name, reply)| (name, FakeService::answering(reply)));
    for (name, service) in &services {
        boss.register_at(name, &service.url());
    }
    let modest = Modest::start(&hub);
    let clients = ask_for_everything(&hub, seed, length);
    let mut latencies = modest.stop();
    latencies.sort_unstable();
    let mut answers = Answers::new();
    for (answer, count) in clients.iter().flat_map(|client| &client.answers) {
        *answers.entry(*answer).or_default() += count;
    }
    drop(clients);
    let (latest, memory) = (latencies.pop().unwrap(), hub.peak_memory());
    println!(
        "{latest:?} of {}, {} MiB; {answers:?}",
        latencies.len(),
        memory >> 20
    );
    assert!(latest < LATEST, "{latest:?}, then {:?}", latencies.pop());
    assert!(memory < MOST_MEMORY, "{memory} bytes");
    boss.get("/health").is(200);
    hub.assert_conservation();
    hub.stop();
    answers
}

/// What was never asked for, or never given, proves nothing.
fn is_everything(answers: &Answers) {
    for kind in asks::kinds() {
        let asked = answers.keys().any(|(name, _)| *name == kind);
        assert!(asked, "{kind}: {answers:?}");
    }
    for answer in [
        ("send", 202),
        ("batch", 202),
        ("publish", 201),
        ("publish many", 202),
        ("nonsense", 400),
        ("list", 200),
        ("receive", 200),
        ("register", 201),
        ("subscribe", 201),
        ("replay", 200),
        ("socket", 101),
        ("socket feed", 101),
        ("socket frames", 101),
    ] {
        assert!(answers.contains_key(&answer), "{answer:?}: {answers:?}");
    }
}

#[test]
fn whatever_one_service_asks_for_others_are_served_and_memory_is_bounded() {
    let mut answers = round(1, ROUND);
    for (answer, count) in round(2, ROUND) {
        *answers.entry(answer).or_default() += count;
    }
    is_everything(&answers);
}

#[test]
#[ignore = "takes minutes; nightly"]
fn whatever_many_seeds_make_one_service_ask_for_others_are_served() {
    for seed in 100..120 {
        is_everything(&round(seed, 4 * ROUND));
    }
}
