//! The load: connections that send numbered messages and note what the hub answers.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Answer, Connection};
use super::message::{Request, Stamp};
use super::pace::Pace;
use super::recorder::Recorder;
use super::refusal::No;
use super::target::Target;

/// What all connections share.
pub(super) struct Load {
    pub target: Target,
    /// One per service; services take turns.
    pub requests: RefCell<Vec<Request>>,
    /// How many requests were made.
    pub turns: Cell<u64>,
    /// Messages sent that the hub has not answered for.
    pub unanswered: Cell<u64>,
    /// How many requests one connection sends ahead of their answers.
    pub in_flight: usize,
    pub pace: Pace,
    pub recorder: Arc<Recorder>,
}

/// One connection's share of the load, until the pace stops or the hub cannot be reached.
pub(super) async fn run_connection(load: Rc<Load>) {
    let mut lane = Lane {
        load,
        outstanding: VecDeque::new(),
        output: Vec::new(),
    };
    loop {
        let Err(error) = lane.run().await else {
            return;
        };
        let is_refused = lane.outstanding.is_empty();
        lane.give_up(&error);
        if is_refused {
            return;
        }
    }
}

struct Lane {
    load: Rc<Load>,
    outstanding: VecDeque<Sent>,
    output: Vec<u8>,
}

/// A request that was not answered yet.
pub(super) struct Sent {
    pub first: u64,
    pub step: u64,
    pub messages: u64,
    pub intended: Instant,
}

impl Lane {
    /// Sends and reads on one connection. An error without anything outstanding means that no
    /// connection could be made.
    async fn run(&mut self) -> io::Result<()> {
        let mut connection = Connection::open(&self.load.target.authority).await?;
        while self.fill().await {
            connection.write(&self.output).await?;
            self.output.clear();
            let answer = connection.read().await?;
            self.note(answer.status, connection.body(&answer));
            while let Some(answer) = self.next_buffered(&mut connection)? {
                self.note(answer.status, connection.body(&answer));
            }
            if connection.is_closing() {
                if !self.outstanding.is_empty() {
                    self.give_up(&io::ErrorKind::ConnectionAborted.into());
                }
                connection = Connection::open(&self.load.target.authority).await?;
            }
        }
        Ok(())
    }

    fn next_buffered(&self, connection: &mut Connection) -> io::Result<Option<Answer>> {
        if self.outstanding.is_empty() {
            return Ok(None);
        }
        connection.read_buffered()
    }

    /// Makes requests until enough are in flight; `false` if none is and none will be.
    async fn fill(&mut self) -> bool {
        while self.outstanding.len() < self.load.in_flight {
            let Some(intended) = self.load.pace.next().await else {
                break;
            };
            let sent = self.load.make_request(intended, &mut self.output);
            self.outstanding.push_back(sent);
        }
        !self.outstanding.is_empty()
    }

    fn note(&mut self, status: u16, body: &[u8]) {
        if let Some(sent) = self.outstanding.pop_front() {
            self.load.settle(sent.messages);
            sent.note(status, body, &self.load.recorder);
        }
    }

    /// Nobody knows what became of these.
    fn give_up(&mut self, error: &io::Error) {
        let unanswered: u64 = self.outstanding.drain(..).map(|sent| sent.messages).sum();
        let text = error.to_string();
        self.output.clear();
        self.load.settle(unanswered);
        self.load
            .recorder
            .failed("connection", unanswered, text.as_bytes());
    }
}

impl Load {
    /// Sequence numbers are dense over all services, and their remainder tells the service.
    pub(super) fn make_request(&self, intended: Instant, output: &mut Vec<u8>) -> Sent {
        let turn = self.turns.replace(self.turns.get() + 1);
        let mut requests = self.requests.borrow_mut();
        let services = requests.len() as u64;
        let (round, service) = (turn / services, turn % services);
        let request = &mut requests[service as usize];
        let messages = request.len() as u64;
        let first = round * messages * services + service;
        let stamp = Stamp {
            sequence: first,
            sent_at: self.recorder.nanos_at(intended),
        };
        output.extend_from_slice(request.stamped(stamp, services));
        self.unanswered.set(self.unanswered.get() + messages);
        Sent {
            first,
            step: services,
            messages,
            intended,
        }
    }

    /// The hub has answered for so many messages, or never will.
    pub(super) fn settle(&self, messages: u64) {
        self.unanswered.set(self.unanswered.get() - messages);
    }
}

impl Sent {
    fn note(&self, status: u16, body: &[u8], recorder: &Recorder) {
        if !(200..300).contains(&status) {
            return recorder.not_taken(&No::answered(status, body), self.messages, body);
        }
        let rejected = match self.messages {
            1 => HashMap::new(),
            _ => match rejected_items(body) {
                Ok(rejected) => rejected,
                Err(_) => return recorder.failed("unreadable", self.messages, body),
            },
        };
        let now = Instant::now();
        for index in 0..self.messages {
            match rejected.get(&index) {
                Some(error) => recorder.not_taken(&No::said(error), 1, error.get().as_bytes()),
                None => recorder.acknowledged(self.first + index * self.step, self.intended, now),
            }
        }
    }
}

#[derive(Deserialize)]
struct BatchCount {
    rejected: u64,
}

#[derive(Deserialize)]
struct BatchResults {
    results: Vec<BatchItem>,
}

#[derive(Deserialize)]
struct BatchItem {
    index: u64,
    error: Option<Box<RawValue>>,
}

/// The errors of the items that were refused; seldom any, so they are looked for only then.
pub(super) fn rejected_items(body: &[u8]) -> serde_json::Result<HashMap<u64, Box<RawValue>>> {
    let mut rejected = HashMap::new();
    let count: BatchCount = serde_json::from_slice(body)?;
    if count.rejected > 0 {
        for item in serde_json::from_slice::<BatchResults>(body)?.results {
            if let Some(error) = item.error {
                rejected.insert(item.index, error);
            }
        }
    }
    Ok(rejected)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::bench::recorder::Errors;

    fn sent(messages: u64) -> Sent {
        Sent {
            first: 1,
            step: 2,
            messages,
            intended: Instant::now(),
        }
    }

    #[test]
    fn services_take_turns_and_sequences_stay_dense() {
        let request = |service| Request::new(&Target::at("h"), service, 100, Some(2));
        let load = Load {
            target: Target::default(),
            requests: RefCell::new(vec![request("a"), request("b"), request("c")]),
            turns: Cell::new(0),
            unanswered: Cell::new(0),
            in_flight: 1,
            pace: Pace::start(0.0),
            recorder: Arc::new(Recorder::new()),
        };
        let mut sequences = Vec::new();
        for turn in 0..6 {
            let sent = load.make_request(Instant::now(), &mut Vec::new());
            for index in 0..sent.messages {
                let sequence = sent.first + index * sent.step;
                assert_eq!(sequence % 3, turn % 3);
                sequences.push(sequence);
            }
        }
        sequences.sort_unstable();
        assert_eq!(sequences, (0..12).collect::<Vec<_>>());
        assert_eq!(load.unanswered.get(), 12);
    }

    #[test]
    fn a_batch_counts_item_by_item() {
        let recorder = Recorder::new();
        let body =
            br#"{"accepted":2,"rejected":1,"results":[{"index":0,"id":"x","status":"accepted"},
            {"index":1,"error":{"code":"QUEUE_FULL"}},{"index":2,"id":"y","status":"accepted"}]}"#;
        sent(3).note(202, body, &recorder);
        assert_eq!(recorder.tally().acknowledged, 2);
        recorder.acknowledged(3, Instant::now(), Instant::now());
        assert_eq!(recorder.tally().acknowledged, 3, "3 was the rejected one");
        let refused = &recorder.refusals()["QUEUE_FULL"];
        assert_eq!(refused.first, r#"{"code":"QUEUE_FULL"}"#);
    }

    #[test]
    fn what_is_not_a_2xx_is_no_acknowledgement() {
        let recorder = Recorder::new();
        sent(1).note(429, b"full", &recorder);
        sent(5).note(503, b"stopping", &recorder);
        sent(2).note(500, b"broken", &recorder);
        sent(5).note(202, b"who knows", &recorder);
        assert_eq!(recorder.tally().acknowledged, 0);
        let counts = |by_kind: BTreeMap<String, Errors>| -> Vec<(String, u64)> {
            let counts = by_kind.into_iter();
            counts.map(|(kind, errors)| (kind, errors.count)).collect()
        };
        let expected =
            |counts: [(&str, u64); 2]| counts.map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(
            counts(recorder.refusals()),
            expected([("429", 1), ("503", 5)])
        );
        assert_eq!(
            counts(recorder.errors()),
            expected([("500", 2), ("unreadable", 5)])
        );
    }
}
