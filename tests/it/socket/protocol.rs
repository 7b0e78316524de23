//! What a socket bears, and what it does not.

use serde_json::json;

use crate::support::TestHub;
use crate::support::socket::Frame;

#[test]
fn what_is_wrong_is_answered_and_the_connection_lives_on() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    for (text, code) in [
        ("", "INVALID_MESSAGE"),
        ("nonsense", "INVALID_MESSAGE"),
        ("{", "INVALID_MESSAGE"),
        ("[]", "INVALID_MESSAGE"),
        ("null", "INVALID_MESSAGE"),
        (r#"{"type":"dance"}"#, "INVALID_MESSAGE"),
        (r#"{"type":"subscribe"}"#, "INVALID_SUBSCRIPTION"),
        (
            r#"{"type":"subscribe","event_types":[]}"#,
            "INVALID_SUBSCRIPTION",
        ),
        (r#"{"type":"publish"}"#, "INVALID_MESSAGE"),
        (r#"{"type":"send","message":[]}"#, "INVALID_MESSAGE"),
        (r#"{"type":"consume","prefetch":"many"}"#, "INVALID_REQUEST"),
        (r#"{"type":"ack"}"#, "INVALID_REQUEST"),
        (r#"{"type":"ack","sequence":1}"#, "INVALID_REQUEST"),
        (r#"{"type":"nack","leases":["x"]}"#, "INVALID_REQUEST"),
    ] {
        socket.say_text(text);
        let error = socket.is_refused(code);
        assert!(error["details"]["field"].is_string(), "{text}: {error}");
    }
    let deep = "[".repeat(100_000);
    socket.say_text(&deep);
    socket.is_refused("INVALID_MESSAGE");
    socket.say_frame(0x82, b"binary").unwrap();
    socket.is_refused("INVALID_MESSAGE");
    socket.hears_nothing();
}

#[test]
fn a_text_may_come_in_parts_with_pings_between() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    for _ in 0..2 {
        socket.say_frame(0x01, br#"{"type":"pi"#).unwrap();
        socket.say_frame(0x89, b"there?").unwrap();
        socket.say_frame(0x00, br#"ng","ref":"#).unwrap();
        socket.say_frame(0x80, b"1}").unwrap();
        assert_eq!(socket.hear(), json!({"type": "pong", "ref": 1}));
    }
}

#[test]
fn the_largest_message_is_taken_and_a_larger_one_closes_the_socket() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    let text = |length: usize| {
        let frame = json!({
            "type": "send", "message": {"destination": "billing", "payload": "x".repeat(length)},
        });
        frame.to_string()
    };
    let around = text(0).len();
    let mut socket = hub.socket();
    socket.say_text(&text((1 << 20) - around));
    socket.hears("accepted");
    let _ = socket.say_frame(0x81, text((1 << 20) - around + 1).as_bytes());
    socket.is_closed(1009);
    // Bit by bit.
    let mut socket = hub.socket();
    socket.say_frame(0x01, &[b' '; 1 << 19]).unwrap();
    socket.say_frame(0x00, &[b' '; 1 << 19]).unwrap();
    let _ = socket.say_frame(0x00, b" ");
    socket.is_closed(1009);
}

#[test]
fn a_length_that_is_only_announced_takes_no_memory() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    let mut head = vec![0x81, 0xff];
    head.extend((1_u64 << 40).to_be_bytes());
    head.extend([0; 4]);
    socket.say_bytes(&head).unwrap();
    socket.is_closed(1009);
}

#[test]
fn who_breaks_the_protocol_is_closed() {
    let hub = TestHub::start();
    for (what, bytes, code) in [
        ("not masked", &[0x81, 0x01, b'x'][..], 1002),
        ("reserved bits", &[0xf1, 0x80, 0, 0, 0, 0], 1002),
        ("unknown opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a part of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("not UTF-8", &[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        ("a bad code", &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed], 1002),
        (
            "a bad reason",
            &[0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff],
            1002,
        ),
    ] {
        let mut socket = hub.socket();
        socket.say_bytes(bytes).unwrap();
        match socket.hear_frame() {
            Frame::Close(given, reason) => {
                assert_eq!(given, code, "{what}: {reason}");
                let is_of_a_close = reason.starts_with("a close has a code");
                assert_eq!(is_of_a_close, what.starts_with("a bad"), "{what}: {reason}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
    let mut socket = hub.socket();
    socket.say_frame(0x01, &[0xff]).unwrap();
    socket.say_frame(0x80, b"").unwrap();
    socket.is_closed(1007);
}

#[test]
fn a_close_is_answered() {
    let hub = TestHub::start();
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut socket = hub.socket();
        let mut said = code.to_be_bytes().to_vec();
        said.extend(b"bye");
        socket.say_frame(0x88, &said).unwrap();
        socket.is_closed(code);
    }
    let mut socket = hub.socket();
    socket.say_frame(0x88, b"").unwrap();
    socket.is_closed(1005);
}

/// Far more than the hub holds for one socket, written by a client that reads nothing meanwhile.
#[test]
fn who_does_not_read_answers_is_not_read_either() {
    let hub = TestHub::start();
    let mut socket = hub.socket();
    let mut writer = socket.half();
    let flood = std::thread::spawn(move || {
        for n in 0..100_000 {
            let frame = json!({"type": "ping", "ref": format!("{n:0100}")});
            writer.say(&frame);
        }
    });
    let before = hub.memory();
    for n in 0..100_000 {
        let answer = socket.hears("pong");
        assert_eq!(answer["ref"], format!("{n:0100}"));
    }
    flood.join().unwrap();
    let grown = hub.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}
