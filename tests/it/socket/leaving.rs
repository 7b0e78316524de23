//! How sockets end: what was said before counts, and nobody waits for the end.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::socket::{Frame, Socket};
use crate::support::{TestHub, eventually};

/// How a client goes, in words and in deed.
type Way = (&'static str, fn(Socket));

const WAYS: [Way; 4] = [
    ("closes", |mut socket| {
        socket.say_frame(0x88, &1000_u16.to_be_bytes()).unwrap();
        while socket.hear_frame() != Frame::End {}
    }),
    ("closes and does not wait", |mut socket| {
        socket.say_frame(0x88, b"").unwrap();
    }),
    ("ends its half of the connection", |mut socket| {
        socket.end().unwrap();
        while socket.hear_frame() != Frame::End {}
    }),
    ("is gone", drop),
];

fn hub_with_billing() -> TestHub {
    let hub = TestHub::with(&[("max_queue_size", "100000")]);
    hub.register_puller("billing");
    hub
}

fn send(payload: usize) -> Value {
    let message = json!({"source": "shop", "destination": "billing", "payload": payload});
    json!({"type": "send", "message": message})
}

fn waiting(hub: &TestHub) -> u64 {
    hub.queue_status("service=billing").is(200)["total_size"]
        .as_u64()
        .unwrap()
}

fn delivered(hub: &TestHub) -> u64 {
    hub.queue_status("service=billing").is(200)["statistics"]["messages_dequeued"]
        .as_u64()
        .unwrap()
}

#[test]
fn an_ack_counts_however_quickly_its_client_leaves() {
    let hub = hub_with_billing();
    let mut settled = 0;
    for (way, leave) in WAYS {
        for n in 0..10 {
            hub.send_to("billing", n);
            let mut socket = hub.socket();
            socket.consume("billing", 1);
            let lease = socket.hears("message")["lease"].clone();
            socket.say(&json!({"type": "ack", "leases": [lease]}));
            leave(socket);
        }
        settled += 10;
        eventually(way, || delivered(&hub) == settled);
    }
    hub.assert_conservation();
}

/// More than the hub takes in before it has answered what came before.
#[test]
fn all_that_was_said_before_the_end_counts() {
    let hub = hub_with_billing();
    let mut expected = 0;
    // What others leave unread takes what they have not sent yet with it.
    for (way, leave) in [WAYS[0], WAYS[2]] {
        let mut socket = hub.socket();
        for n in 0..3000 {
            socket.say(&send(n));
        }
        leave(socket);
        expected += 3000;
        eventually(way, || waiting(&hub) == expected);
        let mut socket = hub.socket();
        socket.consume("billing", 5000);
        for _ in 0..3000 {
            let lease = socket.hears("message")["lease"].clone();
            socket.say(&json!({"type": "ack", "leases": [lease]}));
        }
        leave(socket);
        expected -= 3000;
        eventually(way, || waiting(&hub) == expected);
    }
    hub.assert_conservation();
}

#[test]
fn events_published_before_the_end_are_in_the_log() {
    let hub = TestHub::start();
    let mut published = 0;
    for (way, leave) in WAYS {
        let mut socket = hub.socket();
        socket.say_at_once((0..100).map(|n| {
            let event = json!({"event_type": "a.b", "source": "shop", "payload": n});
            json!({"type": "publish", "event": event})
        }));
        leave(socket);
        published += 100;
        eventually(way, || {
            let events = hub.get("/v1/events?source=shop&limit=1000").json();
            events["count"] == published
        });
    }
}

/// Also what came before something that is no frame.
#[test]
fn the_answers_come_before_the_goodbye() {
    let hub = hub_with_billing();
    let close = [0x88, 0x80, 0, 0, 0, 0];
    let nonsense = [0xf1, 0x80, 0, 0, 0, 0];
    for (last, code) in [(close, 1005), (nonsense, 1002)] {
        let mut socket = hub.socket();
        for n in 0..100 {
            socket.say(&send(n));
        }
        socket.say_bytes(&last).unwrap();
        for _ in 0..100 {
            socket.hears("accepted");
        }
        socket.is_closed(code);
    }
}

/// The connection is over when both have said so, whoever was first.
#[test]
fn nobody_waits_for_the_end_of_the_connection() {
    let hub = TestHub::start();
    let close = |socket: &mut Socket| socket.say_frame(0x88, &1000_u16.to_be_bytes());
    let nonsense = |socket: &mut Socket| socket.say_bytes(&[0xf1, 0x80, 0, 0, 0, 0]);
    let end = |socket: &mut Socket| socket.end();
    let ways: [fn(&mut Socket) -> io::Result<()>; 3] = [close, nonsense, end];
    for say in ways {
        let started = Instant::now();
        for _ in 0..5 {
            let mut socket = hub.socket();
            say(&mut socket).unwrap();
            while socket.hear_frame() != Frame::End {}
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
}

/// An answer to a request whose body is not wanted arrives, although its client is still writing.
#[test]
fn an_answer_that_ends_a_connection_arrives() {
    let hub = TestHub::start();
    for _ in 0..5 {
        let mut connection = hub.connect().unwrap();
        let head = "POST /v1/messages HTTP/1.1\r\nhost: hub\r\ncontent-length: 20000000\r\n\r\n";
        connection.say(head.as_bytes()).unwrap();
        // The hub may be done with this connection before all is written.
        let _ = connection.say(&[b' '; 4 << 20]);
        let answer = connection.hear().unwrap();
        assert_eq!(answer.status, 413, "{}", answer.body);
    }
}

#[test]
fn a_client_may_settle_until_it_hears_that_the_hub_stops() {
    let mut hub = hub_with_billing();
    let id = hub.send_to("billing", 1);
    let mut socket = hub.socket();
    socket.consume("billing", 1);
    let lease = socket.hears("message")["lease"].clone();
    hub.terminate();
    match socket.hear_frame() {
        Frame::Close(1001, reason) => assert_eq!(reason, "{}"),
        other => panic!("{other:?}"),
    }
    let started = Instant::now();
    socket.say(&json!({"type": "ack", "leases": [lease]}));
    socket.say_frame(0x88, &1001_u16.to_be_bytes()).unwrap();
    assert_eq!(socket.hear_frame(), Frame::End);
    assert_eq!(hub.exit_code(), Some(0));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let hub = hub.restart();
    assert_eq!(hub.state(&id), "delivered");
}
