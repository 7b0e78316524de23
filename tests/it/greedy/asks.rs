//! One of the clients of the greedy service, and all that it asks for.

mod reading;
mod sending;
mod settling;

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::sockets;
use crate::support::wire::{Answer, Connection};
use crate::support::{Client, TestHub};

/// Who is not answered so long asks for something else.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that one client keeps open and does not look at any more.
const MOST_KEPT: usize = 24;

pub(super) struct Greedy {
    pub client: Client,
    pub random: SmallRng,
    /// What was asked for, and the status of the answer; 0: none came in time.
    pub answers: BTreeMap<(&'static str, u16), usize>,
    connection: Option<Connection>,
    kept: Vec<Box<dyn Any + Send>>,
    leases: Vec<String>,
    subscriptions: Vec<String>,
    dead_letters: Vec<String>,
    /// Kinds of asks that it begins with.
    not_yet: Vec<usize>,
}

type Ask = fn(&mut Greedy);

/// What there is to ask for.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    ASKS.iter().map(|(_, name, _)| *name)
}

/// How often each is asked for, of all together.
const ASKS: [(u32, &str, Ask); 24] = [
    (12, "send", Greedy::send),
    (6, "send and wait", Greedy::send_and_wait),
    (10, "batch", Greedy::batch),
    (10, "publish", Greedy::publish),
    (6, "publish many", Greedy::publish_many),
    (8, "nonsense", Greedy::nonsense),
    (6, "wrong request", Greedy::wrong_request),
    (5, "unfinished", Greedy::unfinished),
    (5, "unread", Greedy::unread),
    (10, "list", Greedy::list),
    (8, "receive", Greedy::receive),
    (5, "settle", Greedy::settle),
    (8, "register", Greedy::register),
    (6, "subscribe", Greedy::subscribe),
    (3, "change subscription", Greedy::change_subscription),
    (5, "replay", Greedy::replay),
    (3, "replay to callback", Greedy::replay_to_callback),
    (3, "stream", Greedy::stream),
    (3, "letters", Greedy::dead_letters),
    (2, "command", Greedy::command),
    (2, "wrong key", Greedy::wrong_key),
    (6, "socket", sockets::consume),
    (6, "socket feed", sockets::follow),
    (8, "socket frames", sockets::say_anything),
];

impl Greedy {
    /// One of so many.
    pub(super) fn new(hub: &TestHub, seed: u64, number: usize, clients: usize) -> Self {
        Self {
            client: hub.named("greedy", "g"),
            random: SmallRng::seed_from_u64(seed * 1000 + number as u64),
            answers: BTreeMap::new(),
            connection: None,
            kept: Vec::new(),
            leases: Vec::new(),
            subscriptions: Vec::new(),
            dead_letters: Vec::new(),
            not_yet: (0..ASKS.len()).skip(number).step_by(clients).collect(),
        }
    }

    /// Something else each time; the clients together ask for everything soon.
    pub(super) fn ask_something(&mut self) {
        if let Some(kind) = self.not_yet.pop() {
            let (_, _, ask) = ASKS[kind];
            return ask(self);
        }
        let all: u32 = ASKS.iter().map(|(weight, ..)| weight).sum();
        let mut left = self.random.random_range(0..all);
        for (weight, _, ask) in ASKS {
            if left < weight {
                return ask(self);
            }
            left -= weight;
        }
    }

    pub(super) fn note(&mut self, what: &'static str, status: u16) {
        *self.answers.entry((what, status)).or_default() += 1;
    }

    /// Keeps something open; whoever was kept longest goes.
    pub(super) fn keep(&mut self, what: impl Any + Send) {
        if self.kept.len() >= MOST_KEPT {
            let oldest = self.random.random_range(0..self.kept.len());
            drop(self.kept.swap_remove(oldest));
        }
        self.kept.push(Box::new(what));
    }

    /// A connection on which nobody waits for long.
    fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.client.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection::over(stream))
    }

    fn headers(&self) -> Vec<String> {
        self.client.header_lines().map(str::to_owned).collect()
    }

    fn ask(
        &mut self,
        what: &'static str,
        (method, target): (&str, &str),
        body: &[u8],
    ) -> Option<Answer> {
        let headers = self.headers();
        self.ask_with(what, (method, target), &headers, body)
    }

    fn ask_with(
        &mut self,
        what: &'static str,
        (method, target): (&str, &str),
        headers: &[String],
        body: &[u8],
    ) -> Option<Answer> {
        let open = self.connection.take().map_or_else(|| self.connect(), Ok);
        let asked = open.and_then(|mut connection| {
            let answer = connection.ask(method, target, headers, body)?;
            Ok((connection, answer))
        });
        let Ok((connection, answer)) = asked else {
            self.note(what, 0);
            return None;
        };
        let shown: String = answer.body.chars().take(300).collect();
        assert!(
            answer.status != 500,
            "{what}: {method} {} {}: {shown}",
            &target[..target.len().min(300)],
            String::from_utf8_lossy(&body[..body.len().min(300)])
        );
        self.note(what, answer.status);
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Some(answer)
    }
}
