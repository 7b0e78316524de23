//! Frames without end: the memory of a socket is bounded whatever they are, and others are served.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::TestHub;

/// One socket may take so much, and the measuring is not exact.
const BOUND: u64 = 8 << 20;

#[test]
fn frames_that_cost_nothing_are_read_no_faster_than_they_are_dealt_with() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    // So that what every hub takes once is taken.
    hub.socket().hears_nothing();
    for (what, begin, frame) in [
        (
            "parts of nothing",
            &b"\x01\x81\0\0\0\0x"[..],
            &b"\x00\x80\0\0\0\0"[..],
        ),
        ("unasked pongs", b"", b"\x8a\x80\0\0\0\0"),
        ("unasked pongs with words", b"", b"\x8a\x84\0\0\0\0word"),
        ("closes", b"", b"\x88\x80\0\0\0\0"),
    ] {
        let before = hub.memory();
        let mut socket = hub.socket();
        socket.say_bytes(begin).unwrap();
        let mut stream = socket.stream();
        stream
            .set_write_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let frames = frame.repeat(10_000);
        let flood = std::thread::spawn(move || {
            let started = Instant::now();
            // A frame that was cut by the timeout is gone on with.
            let mut at = 0;
            while started.elapsed() < Duration::from_secs(2) {
                match stream.write(&frames[at..]) {
                    Ok(count) => at = (at + count) % frames.len(),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
        });
        let mut slowest = Duration::ZERO;
        while !flood.is_finished() {
            let started = Instant::now();
            hub.send_to("billing", 1);
            slowest = slowest.max(started.elapsed());
        }
        flood.join().unwrap();
        let grown = hub.memory().saturating_sub(before);
        assert!(grown < BOUND, "{what}: {grown} bytes");
        assert!(slowest < Duration::from_secs(1), "{what}: {slowest:?}");
        drop(socket);
    }
}

/// Each is answered, but nobody reads the answers.
#[test]
fn pings_are_not_read_while_their_answers_are_not() {
    let hub = TestHub::start();
    hub.socket().hears_nothing();
    let before = hub.memory();
    let socket = hub.socket();
    let mut stream = socket.stream();
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let pings = [&b"\x89\xfd\0\0\0\0"[..], &[b'x'; 125]]
        .concat()
        .repeat(1000);
    let mut written = 0;
    while let Ok(count) = stream.write(&pings) {
        written += count;
        assert!(written < 1 << 30, "the hub takes all");
    }
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < BOUND, "{grown} bytes");
}

/// Messages that do not end take what they are long, together too.
#[test]
fn messages_that_do_not_end_take_no_more_than_was_said_of_them() {
    let hub = TestHub::start();
    hub.socket().hears_nothing();
    let before = hub.memory();
    let mut sockets: Vec<_> = (0..40).map(|_| hub.socket()).collect();
    for socket in &mut sockets {
        // The head of a frame of a mebibyte, and half of it.
        let mut head = vec![0x81, 0xff];
        head.extend((1_u64 << 20).to_be_bytes());
        head.extend([0; 4]);
        socket.say_bytes(&head).unwrap();
        socket.say_bytes(&[b' '; 1 << 19]).unwrap();
    }
    // Each worker has looked at its sockets before it answers a new one.
    for _ in 0..8 {
        hub.socket().hears_nothing();
    }
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes");
    for socket in &mut sockets {
        socket.say_bytes(&[b' '; 1 << 19]).unwrap();
        socket.is_refused("INVALID_MESSAGE");
        assert_eq!(
            socket.ask(&json!({"type": "ping"})),
            json!({"type": "pong"})
        );
    }
}
