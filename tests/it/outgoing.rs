//! What goes out and what comes back: others' faults stay theirs, and the hub's own are nobody's.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::verbs::{array, id_of, text};
use crate::support::wire::Head;
use crate::support::{FakeService, Reply, TestHub, eventually};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// Answers with the pieces, a pause after each of them, and then goes on or closes.
struct Raw {
    pieces: Vec<&'static [u8]>,
    pause: Duration,
    is_closing: bool,
}

/// A server of its own making. It lives as long as the tests.
fn raw(decide: impl Fn(&Value) -> Raw + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let decide = Arc::new(decide);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let decide = decide.clone();
            thread::spawn(move || serve(&stream, &*decide));
        }
    });
    address
}

#[allow(clippy::disallowed_methods, reason = "a receiver that takes its time")]
fn serve(stream: &TcpStream, decide: &(impl Fn(&Value) -> Raw + ?Sized)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let head = Head::read(&mut reader).ok()?;
        let body = head.read_body(&mut reader).ok()?;
        let raw = decide(&serde_json::from_str(&body).unwrap_or_default());
        for piece in raw.pieces {
            (&mut &*stream).write_all(piece).ok()?;
            thread::sleep(raw.pause);
        }
        if raw.is_closing {
            return None;
        }
    }
}

#[test]
fn an_interim_answer_is_nobodys_final_one() {
    let hub = TestHub::with(&[("base_retry_delay", "60")]);
    let hinting = raw(|body| Raw {
        pieces: vec![
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hin",
            b"ts\r\nLink: </a.css>; rel=preload\r\n\r\n",
            if body["payload"] == "second" {
                BUSY
            } else {
                OK
            },
        ],
        pause: Duration::from_millis(50),
        is_closing: false,
    });
    let url = format!("http://{hinting}");
    let check = json!({"endpoint": "/health", "interval": 0.1, "timeout": 5});
    hub.register(&json!({
        "service": "printer", "url": url, "max_in_flight": 1, "health_check": check,
    }))
    .is(201);
    let callback = hub.subscribed("reader", "order.*", &url);
    let ids = ["first", "second"].map(|payload| hub.send_to("printer", payload));
    hub.publish(&json!({"event_type": "order.paid", "payload": 1}))
        .is(201);
    eventually("both were tried", || {
        hub.state(&ids[0]) == "delivered" && hub.state(&ids[1]) == "retrying"
    });
    assert_eq!(hub.message(&ids[0])["attempts"][0]["status_code"], 200);
    assert_eq!(hub.message(&ids[1])["attempts"][0]["status_code"], 503);
    eventually("the event arrives", || {
        hub.subscription(&callback)["lag"] == 0
    });
    eventually("checks are good", || {
        hub.service("printer").is(200)["instances"][0]["status"] == "healthy"
    });
}

#[test]
fn who_closes_idle_connections_fails_nothing() {
    let hub = TestHub::start();
    let closing = raw(|_| Raw {
        pieces: vec![OK],
        pause: Duration::from_micros(500),
        is_closing: true,
    });
    let url = format!("http://{closing}");
    hub.register(&json!({"service": "closer", "url": url, "max_in_flight": 4}))
        .is(201);
    let messages: Vec<_> = (0..300)
        .map(|n| json!({"destination": "closer", "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    eventually("all are delivered", || hub.in_state("delivered") == 300.0);
    let list = hub.messages("limit=1000").is(200);
    for message in array(&list["messages"]) {
        assert_eq!(message["delivery_attempts"], 1, "{message}");
    }
    assert_eq!(hub.circuit("closer")["failure_rate"], 0.0);
}

#[test]
fn a_status_needs_no_end_of_its_body() {
    let open = raw(|_| Raw {
        pieces: vec![b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"],
        pause: Duration::ZERO,
        is_closing: false,
    });
    let hub = TestHub::start();
    let url = format!("http://{open}");
    let check = json!({"endpoint": "/health", "interval": 0.1, "timeout": 5});
    hub.register(&json!({"service": "well", "url": url, "health_check": check}))
        .is(201);
    let began = Instant::now();
    for n in 0..3 {
        let message = json!({"destination": "well", "payload": n});
        hub.send_waiting(20_000, &message).is(200);
    }
    eventually("it is well", || {
        hub.service("well").is(200)["instances"][0]["status"] == "healthy"
    });
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn nothing_is_sent_where_the_hub_must_not_go() {
    let hub = TestHub::with(&[
        ("outgoing_deny", "[127.0.0.0/8, '::1']"),
        ("max_retry_attempts", "1"),
    ]);
    let metadata = FakeService::answering(Reply::Status(405));
    let by_address = json!({"service": "x", "url": metadata.url()});
    let details = hub.register(&by_address).refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "url");
    // What the name leads to shows when it is resolved.
    let url = format!("http://localhost:{}", metadata.address().port());
    let check = json!({"endpoint": "/latest/user-data", "interval": 0.1});
    hub.register(&json!({"service": "x", "url": url, "health_check": check}))
        .is(201);
    let id = hub.send_to("x", 1);
    eventually("it is given up", || hub.state(&id) == "dead");
    let last_error = text(&hub.message(&id)["last_error"]);
    assert_eq!(last_error, "the address is on the list outgoing_deny");
    eventually("it counts as unhealthy", || {
        hub.service("x").is(200)["instances"][0]["status"] == "unhealthy"
    });
    assert_eq!(metadata.connections(), 0);
}

/// A hub with so many messages waiting for a service that answers all with this status.
fn flooded(status: u16, count: usize) -> (TestHub, FakeService) {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(status));
    hub.register_puller("billing");
    let messages: Vec<_> = (0..count)
        .map(|n| json!({"destination": "billing", "payload": n}))
        .collect();
    hub.batch(&json!(messages)).is(202);
    hub.register_at("billing", &service.url());
    eventually("the circuit opens", || {
        hub.circuit("billing")["state"] == "OPEN"
    });
    eventually("nothing is under way", || {
        hub.circuit("billing")["in_flight"] == 0
    });
    (hub, service)
}

#[test]
fn who_rejects_everything_is_left_alone_before_the_backlog_is_gone() {
    let (hub, service) = flooded(422, 5000);
    assert_eq!(hub.in_state("dead"), 20.0);
    assert_eq!(service.count(), 20);
    let circuit = hub.circuit("billing");
    let reason = "20 rejections without a success, the last: HTTP 422";
    assert_eq!(circuit["reason"], reason);
    assert!(hub.log().contains(reason), "{}", hub.log());
    let instance = hub.service("billing").is(200)["instances"][0].clone();
    assert_eq!(instance["status"], "unknown", "{instance}");
    hub.assert_conservation();
    // Nor is a trial enough to go on.
    hub.force_circuit("billing", "HALF_OPEN");
    eventually("the trial is rejected", || {
        hub.circuit("billing")["reason"] == "trial rejected: HTTP 422"
    });
    assert_eq!(hub.circuit("billing")["state"], "OPEN");
    assert_eq!(service.count(), 21);
    service.now_answers(Reply::Status(200));
    hub.force_circuit("billing", "HALF_OPEN");
    eventually("the rest is delivered", || {
        hub.in_state("delivered") == 5000.0 - 21.0
    });
}

#[test]
fn a_wrong_path_is_no_healthy_instance_and_is_noticed_sooner() {
    let (hub, service) = flooded(404, 1000);
    assert!(hub.in_state("dead") <= 20.0, "{}", hub.in_state("dead"));
    let circuit = hub.circuit("billing");
    let reason = "5 failed attempts in a row, the last: HTTP 404";
    assert_eq!(circuit["reason"], reason);
    let instance = hub.service("billing").is(200)["instances"][0].clone();
    assert_eq!(instance["status"], "degraded", "{instance}");
    // Whoever corrects the path has two instances, and is told so.
    let corrected = json!({"service": "billing", "url": format!("{}/hub", service.url())});
    let answer = hub.register(&corrected).is(201);
    let other = &service.url()["http://".len()..];
    let warning = text(&answer["warning"]);
    let command = format!("DELETE /v1/services/billing/instances/{other}");
    assert!(warning.contains(&command), "{warning}");
    hub.delete(&format!("/v1/services/billing/instances/{other}"))
        .is(204);
    let again = hub.register(&corrected).is(200);
    assert_eq!(again["warning"], Value::Null);
}

#[test]
fn callbacks_that_reject_everything_are_left_alone_as_well() {
    let hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(422));
    let id = hub.subscribed("billing", "order.*", &service.url());
    let batch: Vec<_> = (0..100)
        .map(|n| json!({"event_type": "order.paid", "payload": n}))
        .collect();
    hub.publish_batch(&json!(batch)).is(202);
    let name = format!("callback:{}", service.url());
    eventually("the circuit opens", || {
        let circuits = hub.get("/v1/circuits").is(200);
        let mut circuits = array(&circuits["circuits"]).into_iter();
        circuits.any(|circuit| circuit["service"] == name && circuit["state"] == "OPEN")
    });
    assert_eq!(service.count(), 20);
    assert_eq!(hub.subscription(&id)["failures"], 20);
}

#[test]
fn a_sender_in_a_hurry_opens_no_circuit() {
    let hub = TestHub::start();
    let slow = FakeService::answering(Reply::After(Duration::from_millis(400), 200));
    hub.register_at("slowish", &slow.url());
    let hasty = json!({"destination": "slowish", "payload": 1, "ttl": 0.1});
    let ids: Vec<_> = (0..25).map(|_| id_of(&hub.send(&hasty).is(202))).collect();
    for id in &ids {
        eventually("it expires", || hub.state(id) == "expired");
    }
    let circuit = hub.circuit("slowish");
    assert_eq!(circuit["state"], "CLOSED", "{circuit}");
    assert_eq!(circuit["failure_count"], 0, "{circuit}");
    let instance = hub.service("slowish").is(200)["instances"][0].clone();
    assert_eq!(instance["status"], "unknown", "{instance}");
    let patient = json!({"destination": "slowish", "payload": 2});
    hub.send_waiting(20_000, &patient).is(200);
}

#[test]
fn headers_say_everything_in_ascii() {
    let hub = TestHub::start();
    let service = FakeService::start();
    hub.register_at("billing", &service.url());
    hub.subscribed("reader", "order.*", &service.url());
    let message = json!({"destination": "billing", "payload": 1, "correlation_id": "größe"});
    hub.send_waiting(20_000, &message).is(200);
    let event = json!({"event_type": "order.paid", "payload": 1, "correlation_id": "größe"});
    hub.publish(&event).is(201);
    for received in service.wait_for(2) {
        let header = received.header("x-correlation-id");
        assert_eq!(header, Some("gr%C3%B6%C3%9Fe"));
        assert_eq!(received.json()["correlation_id"], "größe");
    }
}

#[test]
fn no_instance_asks_to_be_checked_all_the_time() {
    let hub = TestHub::with(&[("min_check_interval", "1")]);
    let check = |interval: f64| {
        let check = json!({"endpoint": "/health", "interval": interval});
        json!({"service": "billing", "health_check": check})
    };
    let details = hub.register(&check(0.5)).refuses(400, "INVALID_REQUEST");
    assert_eq!(details["field"], "health_check.interval");
    hub.register(&check(1.0)).is(201);
}
