//! What is still answered, and truly, while the archive is away.

mod pending;

use std::fs;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::faults::lock_archive;
use crate::support::postgres::Server;
use crate::support::verbs::array;
use crate::support::{FakeService, Reply, TestHub, eventually};

/// An id that a client might choose.
fn chosen(number: u32) -> String {
    format!("3f2b8c1e-0000-4000-8000-{number:012}")
}

/// An id that looks like one of the hub's.
fn generated(number: u32) -> String {
    format!("01985e7a-0000-7000-8000-{number:012}")
}

fn message(id: &str) -> Value {
    json!({"id": id, "destination": "pushed", "source": "shop", "payload": {"n": 1}})
}

fn event(id: &str) -> Value {
    json!({"id": id, "event_type": "shop.order.placed", "source": "shop", "payload": {"n": 1}})
}

/// One that is delivered, one that is dead, one that waits, by their ids, and an event.
struct Known {
    delivered: String,
    dead: String,
    waiting: String,
    event: String,
}

impl Known {
    fn of(hub: &TestHub, id: fn(u32) -> String) -> Self {
        let known = Self {
            delivered: id(1),
            dead: id(2),
            waiting: id(3),
            event: id(4),
        };
        let service = FakeService::start();
        hub.register_at("pushed", &service.url());
        hub.send_waiting(20_000, &message(&known.delivered)).is(200);
        service.now_answers(Reply::Status(422));
        hub.send_waiting(20_000, &message(&known.dead)).is(502);
        hub.force_circuit("pushed", "OPEN");
        hub.send(&message(&known.waiting)).is(202);
        hub.publish(&event(&known.event)).is(201);
        known
    }

    /// Each is sent again, in every way there is, and answered as what it is.
    fn are_repeated(&self, hub: &TestHub) {
        let expected = [
            (&self.delivered, "delivered"),
            (&self.dead, "failed"),
            (&self.waiting, "accepted"),
        ];
        let mut socket = hub.socket();
        for (id, status) in expected {
            let answer = hub.send(&message(id)).is(200);
            assert_eq!(answer["duplicate"], true, "{answer}");
            assert_eq!(answer["status"], status, "{answer}");
            let answer = socket.ask(&json!({"type": "send", "ref": 1, "message": message(id)}));
            assert_eq!(answer["duplicate"], true, "{answer}");
            assert_eq!(answer["status"], status, "{answer}");
        }
        let messages: Vec<_> = expected.iter().map(|(id, _)| message(id)).collect();
        let results = array(&hub.batch(&json!(messages)).is(202)["results"]);
        for (result, (_, status)) in results.iter().zip(expected) {
            assert_eq!(result["duplicate"], true, "{result}");
            assert_eq!(result["status"], status, "{result}");
        }
        let answer = hub.send_waiting(5_000, &message(&self.delivered)).is(200);
        assert_eq!(answer["duplicate"], true, "{answer}");
        hub.send_waiting(5_000, &message(&self.dead))
            .refuses(502, "DELIVERY_FAILED");
        let mut other = message(&self.delivered);
        other["payload"] = json!("other");
        hub.send(&other).refuses(409, "CONFLICT");

        let answer = hub.publish(&event(&self.event)).is(200);
        assert_eq!(answer["duplicate"], true, "{answer}");
        let results = hub.publish_batch(&json!([event(&self.event)])).is(202);
        assert_eq!(results["results"][0]["duplicate"], true, "{results}");
        let asked = json!({"type": "publish", "ref": 2, "event": event(&self.event)});
        let answer = socket.ask(&asked);
        assert_eq!(answer["duplicate"], true, "{answer}");
    }
}

#[test]
fn repeats_are_told_what_became_of_the_first_one() {
    for id in [chosen as fn(u32) -> String, generated] {
        let hub = TestHub::start();
        let known = Known::of(&hub, id);
        known.are_repeated(&hub);
        let mut lock = lock_archive(&hub);
        known.are_repeated(&hub);
        lock.batch_execute("ROLLBACK").unwrap();
    }
}

#[test]
fn repeats_are_known_though_others_are_forgotten() {
    let hub = TestHub::with(&[("dedup_capacity", "4")]);
    let service = FakeService::start();
    hub.register_at("pushed", &service.url());
    for number in 10..20 {
        hub.send_waiting(20_000, &message(&chosen(number))).is(200);
        hub.publish(&event(&chosen(number))).is(201);
    }
    let known = Known::of(&hub, chosen);
    let mut lock = lock_archive(&hub);
    known.are_repeated(&hub);
    lock.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn repeats_are_known_to_a_hub_that_starts_without_its_archive() {
    let settings = [
        ("wal_flush_interval", "0.05"),
        ("wal_segment_bytes", "65536"),
    ];
    let Some((server, _, hub)) = Server::with_hub(&settings) else {
        return;
    };
    let known = Known::of(&hub, generated);
    let filling = "x".repeat(8000);
    for _ in 0..60 {
        hub.publish(&json!({"event_type": "tick", "payload": filling}))
            .is(201);
    }
    eventually("the journal is compacted", || {
        let files = fs::read_dir(hub.data().join("wal")).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        paths.any(|path| path.extension().is_some_and(|name| name == "base"))
    });
    server.crash();
    for hub in [hub].into_iter().map(TestHub::restart) {
        known.are_repeated(&hub);
    }
}

/// Nothing is written or read meanwhile.
#[track_caller]
fn is_noticed(hub: &TestHub, is_up: bool) {
    let began = Instant::now();
    let status = if is_up { "healthy" } else { "degraded" };
    eventually("it is noticed", || {
        hub.get("/health").is(200)["status"] == status
    });
    let took = began.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    // Each of these may be a second old.
    eventually("it is said everywhere", || {
        let details = hub.get("/health/details").is(200);
        let components = &details["components"];
        hub.metric("message_hub_archive_up") == f64::from(is_up)
            && components["archive"]["status"] == status
            && components["event_store"]["status"] == status
    });
}

#[test]
fn an_archive_that_goes_or_hangs_is_missed_at_rest() {
    let Some((server, _, hub)) = Server::with_hub(&[]) else {
        return;
    };
    hub.messages("").is(200);
    is_noticed(&hub, true);
    server.crash();
    is_noticed(&hub, false);
    server.go_on();
    is_noticed(&hub, true);
    server.hang(true);
    is_noticed(&hub, false);
    hub.messages("").refuses(503, "STORAGE_UNAVAILABLE");
    server.hang(false);
    eventually("it is back", || {
        hub.get("/health").is(200)["status"] == "healthy"
    });
    hub.messages("").is(200);
    let log = hub.log();
    assert_eq!(log.matches("archive down").count(), 2, "{log}");
    assert_eq!(log.matches("archive is back").count(), 2, "{log}");
}

#[test]
fn what_is_not_known_of_an_archive_that_is_away_is_not_shown() {
    let Some((server, _, hub)) = Server::with_hub(&[]) else {
        return;
    };
    let service = FakeService::answering(Reply::Status(422));
    hub.register_at("pushed", &service.url());
    hub.send_waiting(20_000, &message(&chosen(1))).is(502);
    assert_eq!(hub.dead_letters("").len(), 1);
    assert_eq!(hub.metric("message_hub_dead_letters"), 1.0);
    eventually("it was counted", || {
        let details = hub.get("/health/details").is(200);
        let archive = &details["components"]["archive"];
        archive["messages"]["dead"] == 1 && archive["bytes"].as_i64() > Some(0)
    });
    server.crash();
    let hub = hub.restart();
    let status = hub.queue_status("").is(200);
    assert_eq!(status.get("dead_letters"), Some(&Value::Null));
    let text = hub.get("/metrics").body;
    for series in [
        "message_hub_dead_letters ",
        "message_hub_archive_lag_records ",
    ] {
        assert!(!text.contains(&format!("\n{series}")), "{text}");
    }
    let details = hub.get("/health/details").is(200);
    assert_eq!(details["components"]["archive"]["lag_records"], Value::Null);
}
