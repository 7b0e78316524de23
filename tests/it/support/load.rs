//! Senders, pullers and a receiver that keep a hub busy through its ends and starts, and the
//! ledger that judges it. The ledger is in this process, which outlives every hub.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use uuid::Uuid;

use super::verbs::{array, id_of, text};
use super::wire::{Answer, Connection};
use super::{Client, FakeService, TestHub, eventually, pause};

const DESTINATIONS: [&str; 2] = ["pulled", "pushed"];

pub(crate) struct Load {
    shared: Arc<Shared>,
    receiver: FakeService,
    senders: Vec<JoinHandle<()>>,
    pullers: Vec<JoinHandle<()>>,
}

/// What the messages went through. Each is known by the token in its payload.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acked: BTreeSet<String>,
    seen: BTreeMap<String, Vec<Sight>>,
}

/// One time that a consumer got a message.
#[derive(PartialEq, Debug)]
struct Sight {
    id: String,
    attempt: u64,
    /// Which hub handed it out, if that can be told.
    generation: Option<u32>,
}

struct Shared {
    hub: Mutex<(Client, u32)>,
    ledger: Mutex<Ledger>,
    /// Pullers turn every so many messages down.
    nack_every: Option<u64>,
    sending: AtomicBool,
    pulling: AtomicBool,
}

type Work = fn(&Shared, &str);

/// A client that reconnects to whichever hub is the present one.
#[derive(Default)]
struct Steady(Option<(u32, Connection)>);

impl Load {
    /// Starts two senders of single messages, one of batches, two pullers and an HTTP receiver.
    pub(crate) fn start(hub: &TestHub, nack_every: Option<u64>) -> Self {
        let receiver = FakeService::start();
        hub.register_at("pushed", &receiver.url());
        hub.register_puller("pulled");
        let shared = Arc::new(Shared {
            hub: Mutex::new((hub.client(), 0)),
            ledger: Mutex::default(),
            nack_every,
            sending: AtomicBool::new(true),
            pulling: AtomicBool::new(true),
        });
        let start = |(name, work): (&'static str, Work)| {
            let shared = shared.clone();
            std::thread::spawn(move || work(&shared, name))
        };
        let senders: [(_, Work); 3] = [
            ("single-a", send_singles),
            ("single-b", send_singles),
            ("batch", send_batches),
        ];
        let pullers: [(_, Work); 2] = [("puller-a", pull), ("puller-b", pull)];
        Self {
            senders: senders.map(start).into(),
            pullers: pullers.map(start).into(),
            shared,
            receiver,
        }
    }

    /// From now on everybody talks to this hub.
    pub(crate) fn move_to(&self, hub: &TestHub) {
        let mut present = self.shared.hub.lock().unwrap();
        *present = (hub.client(), present.1 + 1);
    }

    pub(crate) fn acked(&self) -> usize {
        self.shared.ledger.lock().unwrap().acked.len()
    }

    /// Lets the hub finish, and compares its books with ours.
    #[track_caller]
    pub(crate) fn judge(self, hub: &TestHub) {
        self.shared.sending.store(false, Ordering::SeqCst);
        for sender in self.senders {
            sender.join().unwrap();
        }
        eventually("everything is delivered", || {
            hub.get("/health").is(200)["message_stats"]["pending"] == 0
        });
        self.shared.pulling.store(false, Ordering::SeqCst);
        for puller in self.pullers {
            puller.join().unwrap();
        }
        let mut ledger = self.shared.ledger.lock().unwrap();
        for request in self.receiver.received() {
            ledger.saw(&request.json(), None);
        }
        ledger.judge(hub, self.shared.nack_every.is_none());
    }
}

impl Ledger {
    fn saw(&mut self, message: &Value, generation: Option<u32>) {
        let token = text(&message["payload"]["token"]);
        assert_eq!(message["payload"], payload(&token), "the content changed");
        let sight = Sight {
            id: id_of(message),
            attempt: message["attempt"].as_u64().expect("a number"),
            generation,
        };
        self.seen.entry(token).or_default().push(sight);
    }

    #[track_caller]
    fn judge(&self, hub: &TestHub, first_attempts_only: bool) {
        let lost: Vec<_> = self
            .acked
            .iter()
            .filter(|token| !self.seen.contains_key(*token))
            .collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        for (token, sights) in &self.seen {
            assert!(self.sent.contains(token), "never sent: {token}");
            for pair in sights.windows(2) {
                assert_eq!(pair[0].id, pair[1].id, "{token}: {sights:?}");
                let same_hub =
                    pair[0].generation.is_some() && pair[0].generation == pair[1].generation;
                let rises = pair[0].attempt < pair[1].attempt;
                assert!(rises || !same_hub, "{token}: {sights:?}");
            }
            let first_only = sights.iter().all(|sight| sight.attempt == 1);
            assert!(first_only || !first_attempts_only, "{token}: {sights:?}");
        }
        hub.assert_conservation();
        let accepted = hub.metric("message_hub_messages_accepted_total");
        assert_eq!(hub.in_state("dead"), 0.0, "turned down too often");
        assert_eq!(accepted, hub.in_state("delivered"));
        assert_eq!(accepted, self.seen.len() as f64);
        assert!(!self.acked.is_empty());
    }
}

fn payload(token: &str) -> Value {
    json!({"token": token, "filling": token.repeat(10)})
}

impl Shared {
    fn message(&self, token: &str, n: usize) -> Value {
        self.ledger.lock().unwrap().sent.insert(token.to_owned());
        json!({"destination": DESTINATIONS[n % 2], "payload": payload(token)})
    }

    fn acked(&self, token: &str) {
        self.ledger.lock().unwrap().acked.insert(token.to_owned());
    }

    fn is_sending(&self) -> bool {
        self.sending.load(Ordering::SeqCst)
    }
}

impl Steady {
    /// The answer and which hub gave it; nothing if there is none to talk to just now.
    fn post(&mut self, shared: &Shared, path: &str, body: &Value) -> Option<(u32, Answer)> {
        let (client, generation) = shared.hub.lock().unwrap().clone();
        let kept = self.0.take().filter(|(of, _)| *of == generation);
        let connection = kept.map(|(_, connection)| connection);
        let exchanged =
            connection
                .map_or_else(|| client.connect(), Ok)
                .and_then(|mut connection| {
                    let headers = ["x-service-name: load".to_owned()];
                    let body = body.to_string();
                    let answer = connection.ask("POST", path, &headers, body.as_bytes())?;
                    Ok((connection, answer))
                });
        match exchanged {
            Ok((connection, answer)) => {
                if answer.header("connection") != Some("close") {
                    self.0 = Some((generation, connection));
                }
                Some((generation, answer))
            }
            Err(_) => {
                pause();
                None
            }
        }
    }
}

/// One message after the other, each again under its id until the hub has it.
fn send_singles(shared: &Shared, name: &str) {
    let mut client = Steady::default();
    for n in 0.. {
        let token = format!("{name}-{n}");
        let mut message = shared.message(&token, n);
        message["id"] = json!(Uuid::new_v4());
        loop {
            if !shared.is_sending() {
                return;
            }
            match client.post(shared, "/v1/messages/send", &message) {
                Some((_, Answer { status, .. })) if status == 202 || status == 200 => break,
                Some((_, answer)) => refused_for_now(&answer),
                None => {}
            }
        }
        shared.acked(&token);
    }
}

/// Batches, not repeated: what got no answer may be there or not.
fn send_batches(shared: &Shared, name: &str) {
    let mut client = Steady::default();
    for n in 0.. {
        if !shared.is_sending() {
            return;
        }
        let tokens: Vec<_> = (0..20).map(|item| format!("{name}-{n}-{item}")).collect();
        let messages = tokens
            .iter()
            .enumerate()
            .map(|(item, token)| shared.message(token, item));
        let messages: Vec<_> = messages.collect();
        match client.post(shared, "/v1/messages/batch", &json!(messages)) {
            Some((_, answer)) if answer.status == 202 => {
                for result in array(&answer.json()["results"]) {
                    if result["status"] == "accepted" {
                        let index = result["index"].as_u64().expect("a number");
                        shared.acked(&tokens[index as usize]);
                    }
                }
            }
            Some((_, answer)) => refused_for_now(&answer),
            None => {}
        }
    }
}

/// A hub may be starting, draining or full, and nothing else.
fn refused_for_now(answer: &Answer) {
    assert!([429, 503].contains(&answer.status), "{}", answer.body);
    pause();
}

fn pull(shared: &Shared, _: &str) {
    let mut client = Steady::default();
    let asked = json!({"max": 50, "wait_ms": 100, "lease": 60});
    let mut count = 0;
    while shared.pulling.load(Ordering::SeqCst) {
        let path = "/v1/services/pulled/receive";
        let Some((generation, answer)) = client.post(shared, path, &asked) else {
            continue;
        };
        if answer.status != 200 {
            refused_for_now(&answer);
            continue;
        }
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for message in array(&answer.json()["messages"]) {
            let mut ledger = shared.ledger.lock().unwrap();
            ledger.saw(&message, Some(generation));
            count += 1;
            let turned_down = shared.nack_every.is_some_and(|every| count % every == 0);
            let leases = if turned_down { &mut bad } else { &mut good };
            leases.push(message["lease"].clone());
        }
        for (path, body) in [
            ("/v1/leases/ack", json!({"leases": good})),
            ("/v1/leases/nack", json!({"leases": bad, "delay": 0.01})),
        ] {
            if !array(&body["leases"]).is_empty() {
                let settled = client.post(shared, path, &body);
                let settled = settled.map(|(_, answer)| answer.status);
                // The hub may have ended, and another one does not know the leases of the first.
                let expected = [None, Some(200), Some(409), Some(503)];
                assert!(expected.contains(&settled), "{settled:?}");
            }
        }
    }
}
