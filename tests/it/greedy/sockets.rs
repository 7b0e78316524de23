//! What the greedy service does with sockets.

use std::io;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use super::asks::Greedy;
use super::input::{self, chance, one_of};
use crate::support::socket::Socket;

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

fn open(greedy: &mut Greedy, what: &'static str) -> Option<Socket> {
    match greedy.client.try_socket("/events?arrays=true") {
        Ok(socket) => {
            let patience = Some(Duration::from_millis(300));
            socket.stream().set_write_timeout(patience).unwrap();
            Some(socket)
        }
        Err(answer) => {
            greedy.note(what, answer.status);
            None
        }
    }
}

fn keep(greedy: &mut Greedy, what: &'static str, socket: Socket, said: io::Result<()>) {
    greedy.note(what, said.map_or(0, |()| 101));
    greedy.keep(socket);
}

/// Many consumers that want much, and take nothing.
pub(super) fn consume(greedy: &mut Greedy) {
    let Some(mut socket) = open(greedy, "socket") else {
        return;
    };
    let count = input::size(&mut greedy.random, 120);
    let mut said = Ok(());
    for n in 0..count {
        let mut consume = json!({"type": "consume", "service": "greedy", "prefetch": 10_000});
        if chance(&mut greedy.random, 80) {
            consume["instance_id"] = json!(format!(
                "socket-{n}-{}",
                greedy.random.random_range(0..1000)
            ));
        }
        said = said.and_then(|()| socket.say_frame(TEXT, consume.to_string().as_bytes()));
    }
    keep(greedy, "socket", socket, said);
}

/// All events there ever were, with as many patterns as there may be.
pub(super) fn follow(greedy: &mut Greedy) {
    let Some(mut socket) = open(greedy, "socket feed") else {
        return;
    };
    let mut said = Ok(());
    for _ in 0..greedy.random.random_range(1..5) {
        let mut subscribe = json!({
            "type": "subscribe", "service": "greedy",
            "event_types": input::patterns(&mut greedy.random),
        });
        if chance(&mut greedy.random, 70) {
            subscribe["from_sequence"] = json!(1);
        }
        if chance(&mut greedy.random, 30) {
            subscribe["subscription"] =
                json!(format!("named-{}", greedy.random.random_range(0..100)));
        }
        said = said.and_then(|()| socket.say_frame(TEXT, subscribe.to_string().as_bytes()));
    }
    keep(greedy, "socket feed", socket, said);
}

pub(super) fn say_anything(greedy: &mut Greedy) {
    let Some(mut socket) = open(greedy, "socket frames") else {
        return;
    };
    let said = say(greedy, &mut socket);
    keep(greedy, "socket frames", socket, said);
}

fn say(greedy: &mut Greedy, socket: &mut Socket) -> io::Result<()> {
    let random = &mut greedy.random;
    match random.random_range(0..9) {
        // Arrays of messages.
        0 | 1 => {
            for _ in 0..random.random_range(1..10) {
                let frames = frames_of_messages(random);
                socket.say_frame(TEXT, frames.as_bytes())?;
            }
            Ok(())
        }
        // All kinds of frames.
        2 | 3 => {
            for _ in 0..random.random_range(1..20) {
                let count = input::size(random, 1100);
                let frames: Vec<_> = (0..count.min(200)).map(|_| frame(random)).collect();
                socket.say_frame(TEXT, json!(frames).to_string().as_bytes())?;
            }
            Ok(())
        }
        // One that does not end.
        4 => {
            let length = input::size(random, 1 << 20);
            let mut head = vec![TEXT, 0xff];
            head.extend((length as u64).to_be_bytes());
            head.extend([0; 4]);
            socket.say_bytes(&head)?;
            socket.say_bytes(&vec![b' '; length - 1])
        }
        // Parts without end.
        5 => {
            socket.say_bytes(b"\x01\x81\0\0\0\0x")?;
            socket.say_bytes(&b"\x00\x80\0\0\0\0".repeat(input::size(random, 1 << 20)))
        }
        6 => {
            let ping = [b'x'; 125];
            (0..input::size(random, 50_000)).try_for_each(|_| socket.say_frame(PING, &ping))
        }
        7 => {
            let bytes: Vec<u8> = (0..input::size(random, 100_000))
                .map(|_| random.random())
                .collect();
            socket.say_bytes(&bytes)
        }
        _ => {
            let bytes = input::nonsense(random);
            socket.say_frame(TEXT, &bytes[..bytes.len().min(1 << 20)])
        }
    }
}

/// As many as fit.
fn frames_of_messages(random: &mut SmallRng) -> String {
    let count = input::size(random, 1024);
    let mut frames = Vec::new();
    let mut left = 1_usize << 20;
    for n in 0..count {
        let most = (left / (count - n)).saturating_sub(100).max(1);
        let frame = match chance(random, 50) {
            true => format!(
                r#"{{"type":"send","message":{}}}"#,
                input::message(random, most)
            ),
            false => format!(
                r#"{{"type":"publish","event":{}}}"#,
                input::event(random, most)
            ),
        };
        if frame.len() + 2 > left {
            break;
        }
        left -= frame.len() + 2;
        frames.push(frame);
    }
    format!("[{}]", frames.join(","))
}

/// What an array of frames says.
fn frame(random: &mut SmallRng) -> Value {
    match random.random_range(0..9) {
        0 => {
            json!({"type": "subscribe", "service": "greedy", "event_types": input::patterns(random)})
        }
        1 => json!({"type": "unsubscribe"}),
        2 => json!({"type": "ping", "ref": "r".repeat(150)}),
        3 => json!({"type": "ack", "leases": [input::id(random)]}),
        4 => json!({"type": "nack", "sequence": random.random_range(0..1000), "delay": 1}),
        5 => json!({"type": "consume", "service": "greedy", "prefetch": 10_000}),
        6 => json!({"type": one_of(random, &["", "x", "connect"]), "a": [[[]]]}),
        7 => json!({"type": "ack", "sequence": random.random_range(0..1000)}),
        _ => json!([1, {}]),
    }
}
