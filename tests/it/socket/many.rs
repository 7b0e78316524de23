//! Very many sockets, some of which stop reading.

use message_hub::open_files::allow_many;
use serde_json::json;

use crate::support::socket::Socket;
use crate::support::{TestHub, eventually};

const SOCKETS: usize = 2_000;
const STUCK: usize = SOCKETS / 100;
const READERS: usize = 20;
const SMALL: usize = 300;
/// 16 KiB each: more than the buffers of a connection take.
const LARGE: usize = 1_000;

/// Subscribers of `event_type`, opened one after the other.
fn subscribers(hub: &TestHub, count: usize, event_type: &str) -> Vec<Socket> {
    let open = |_| {
        let mut socket = hub.socket();
        socket.subscribe(&[event_type], None);
        socket
    };
    (0..count).map(open).collect()
}

/// All numbers from 1 on, in order.
fn hears_all(socket: &mut Socket, event_type: &str, count: usize) {
    for number in 1..=count {
        let event = socket.hears("event")["event"].clone();
        assert_eq!(event["type"], event_type);
        assert_eq!(event["data"]["number"], number);
    }
}

/// Publishes so many events, twenty at a time.
fn publish(hub: &TestHub, event_type: &str, count: usize, filling: &str) {
    let numbers: Vec<usize> = (1..=count).collect();
    for some in numbers.chunks(20) {
        let event = |number| {
            let payload = json!({"number": number, "filling": filling});
            json!({"event_type": event_type, "payload": payload})
        };
        let batch: Vec<_> = some.iter().map(event).collect();
        let answer = hub.post("/v1/events/batch", &json!(batch)).is(202);
        assert_eq!(answer["accepted"], some.len());
    }
}

#[test]
#[ignore = "takes a minute"]
fn two_thousand_sockets_of_which_some_stop_reading() {
    allow_many();
    let hub = TestHub::start();
    let mut stuck = subscribers(&hub, STUCK, "large");
    let mut reading = subscribers(&hub, SOCKETS - STUCK, "small");
    let before = hub.memory();
    std::thread::scope(|scope| {
        for some in reading.chunks_mut(SOCKETS / READERS) {
            scope.spawn(move || {
                for socket in some {
                    hears_all(socket, "small", SMALL);
                }
            });
        }
        publish(&hub, "large", LARGE, &"x".repeat(16 << 10));
        publish(&hub, "small", SMALL, "");
    });
    let grown = hub.memory() - before;
    // The events in memory, the archive's pages, and a bounded part for each that is stuck.
    assert!(
        grown < (96 << 20) + STUCK as u64 * (2 << 20),
        "{grown} bytes"
    );
    for socket in &mut stuck {
        hears_all(socket, "large", LARGE);
    }
    drop((reading, stuck));
    eventually("all are gone", || {
        hub.metric("message_hub_open_sockets") == 0.0
    });
}
