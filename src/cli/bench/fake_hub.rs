//! As much of a hub as the bench needs to be tested against.

mod sockets;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::client::Connection;
use super::message::post_head;
use super::target::Target;
use sockets::Sockets;

/// How the hub treats messages.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Good,
    /// Delivers each message twice, the first time with a changed byte.
    Garbles,
    Refuses,
    /// Wants a key of everybody who sends or opens a socket.
    Denies,
    /// Ends the connection after every answer, and says so.
    Closes,
}

/// Serves on a thread of its own until dropped.
pub(super) struct FakeHub {
    url: String,
    state: Arc<Mutex<State>>,
    sockets: Arc<Mutex<Sockets>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    receivers: Vec<Receiver>,
    /// Messages by destination.
    sent: BTreeMap<String, u64>,
    /// Messages that nobody takes, by destination.
    waiting: BTreeMap<String, u64>,
    /// What is asked to go, in order.
    deleted: Vec<String>,
    looks: u32,
}

/// An instance that is pushed to.
struct Receiver {
    service: String,
    authority: String,
    delivered: u64,
}

impl FakeHub {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let state = Arc::new(Mutex::new(State::default()));
        let sockets = Arc::new(Mutex::new(Sockets::default()));
        let shared = (state.clone(), sockets.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                tokio::spawn(accept(listener, shared, manner));
                let _ = stopped.await;
            });
        });
        Self {
            url,
            state,
            sockets,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// How many messages came for each destination.
    pub(super) fn sent(&self) -> Vec<u64> {
        self.state.lock().unwrap().sent.values().copied().collect()
    }

    /// So many messages wait for `service`.
    pub(super) fn keep_waiting(&self, service: &str, count: u64) {
        let mut state = self.state.lock().unwrap();
        state.waiting.insert(service.to_owned(), count);
    }

    /// How many messages wait, for all services.
    pub(super) fn waiting(&self) -> u64 {
        self.state.lock().unwrap().waiting.values().sum()
    }

    /// What it was asked to delete, in order.
    pub(super) fn deleted(&self) -> Vec<String> {
        self.state.lock().unwrap().deleted.clone()
    }

    /// How many messages consumers have acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.sockets.lock().unwrap().acknowledged
    }

    /// How many messages each instance was delivered.
    pub(super) fn delivered(&self) -> Vec<u64> {
        let state = self.state.lock().unwrap();
        let counts = state.receivers.iter().map(|receiver| receiver.delivered);
        counts.collect()
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Shared = (Arc<Mutex<State>>, Arc<Mutex<Sockets>>);

async fn accept(listener: StdListener, shared: Shared, manner: Manner) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let session = Session {
            stream,
            input: Vec::new(),
            state: shared.0.clone(),
            sockets: shared.1.clone(),
            socket_key: None,
            manner,
        };
        tokio::spawn(session.serve());
    }
}

struct Session {
    stream: TcpStream,
    input: Vec<u8>,
    state: Arc<Mutex<State>>,
    sockets: Arc<Mutex<Sockets>>,
    /// Of the request that was read last, if it opens a socket.
    socket_key: Option<String>,
    manner: Manner,
}

impl Session {
    async fn serve(mut self) -> io::Result<()> {
        loop {
            let (method, path, body) = self.request().await?;
            if let Some(key) = &self.socket_key
                && self.manner != Manner::Denies
            {
                return sockets::serve(self.stream, key, self.sockets, self.manner).await;
            }
            let (status, answer) = self.answer(&method, &path, &body).await?;
            let (length, closes) = (answer.len(), self.manner == Manner::Closes);
            let connection = if closes { "close" } else { "keep-alive" };
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n"
            );
            self.stream.write_all((head + &answer).as_bytes()).await?;
            if closes {
                return Ok(());
            }
        }
    }

    /// Method, path and body.
    async fn request(&mut self) -> io::Result<(String, String, Vec<u8>)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut headers);
            if let Ok(httparse::Status::Complete(head)) = request.parse(&self.input) {
                let path = request.path.unwrap().to_owned();
                let method = request.method.unwrap().to_owned();
                let header = |name: &str| {
                    let mut headers = request.headers.iter();
                    let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
                    found.map(|header| str::from_utf8(header.value).unwrap().to_owned())
                };
                let length = header("content-length").map_or(0, |length| length.parse().unwrap());
                self.socket_key = header("sec-websocket-key");
                if self.input.len() >= head + length {
                    let rest = self.input.split_off(head + length);
                    let whole = std::mem::replace(&mut self.input, rest);
                    return Ok((method, path, whole[head..].to_vec()));
                }
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<(u16, String)> {
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        if method == "DELETE" {
            return Ok(self.delete(path));
        }
        if let Some(service) = path.strip_prefix("/v1/queue/status?service=") {
            return Ok(self.queue_status(service));
        }
        Ok(match path {
            "/health/ready" => (200, "{}".to_owned()),
            "/metrics" => (200, self.metrics()),
            "/registry" => {
                self.register(&json);
                (201, "{}".to_owned())
            }
            "/v1/messages" | "/events?arrays=true" if self.manner == Manner::Denies => {
                (401, r#"{"error":{"code":"AUTH_FAILED"}}"#.to_owned())
            }
            "/v1/messages" if self.manner == Manner::Refuses => {
                (429, r#"{"error":{"code":"QUEUE_FULL"}}"#.to_owned())
            }
            "/v1/messages" => {
                self.deliver(json["destination"].as_str().unwrap(), body)
                    .await?;
                (202, r#"{"status":"accepted"}"#.to_owned())
            }
            "/v1/messages/batch" => {
                let count = json.as_array().unwrap().len();
                let answer = format!(r#"{{"accepted":{count},"rejected":0,"results":[]}}"#);
                (202, answer)
            }
            _ => (404, "{}".to_owned()),
        })
    }

    /// What waits is cancelled, service by service.
    fn delete(&self, path: &str) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        state.deleted.push(path.to_owned());
        if let Some(service) = path.strip_prefix("/v1/queue?service=") {
            state.waiting.remove(service);
        }
        (200, "{}".to_owned())
    }

    fn queue_status(&self, service: &str) -> (u16, String) {
        match self.state.lock().unwrap().waiting.get(service) {
            Some(count) => (200, format!(r#"{{"total_messages":{count}}}"#)),
            None => (404, r#"{"error":{"code":"SERVICE_NOT_FOUND"}}"#.to_owned()),
        }
    }

    /// Eight more records and one more sync at each look.
    fn metrics(&self) -> String {
        let mut state = self.state.lock().unwrap();
        state.looks += 1;
        let (records, syncs) = (8 * state.looks, state.looks);
        format!(
            "message_hub_journal_records_total {records}\n\
             message_hub_journal_syncs_total {syncs}\n"
        )
    }

    fn register(&self, registration: &serde_json::Value) {
        if let Some(url) = registration["url"].as_str() {
            let service = registration["service"].as_str().unwrap().to_owned();
            let authority = url.strip_prefix("http://").unwrap().to_owned();
            self.state.lock().unwrap().receivers.push(Receiver {
                service,
                authority,
                delivered: 0,
            });
        }
    }

    /// Counts a message; its receiver is the one of the service with the fewest so far.
    fn next_receiver(&self, service: &str) -> Option<String> {
        let mut state = self.state.lock().unwrap();
        *state.sent.entry(service.to_owned()).or_default() += 1;
        let receivers = state.receivers.iter_mut();
        let receivers = receivers.filter(|receiver| receiver.service == service);
        let Some(receiver) = receivers.min_by_key(|receiver| receiver.delivered) else {
            *state.waiting.entry(service.to_owned()).or_default() += 1;
            return None;
        };
        receiver.delivered += 1;
        Some(receiver.authority.clone())
    }

    async fn deliver(&self, service: &str, body: &[u8]) -> io::Result<()> {
        let Some(authority) = self.next_receiver(service) else {
            return Ok(());
        };
        let mut connection = Connection::open(&authority).await?;
        let head = post_head(&Target::at(&authority), "/messages", body.len());
        let good = [head.as_bytes(), body].concat();
        if self.manner == Manner::Garbles {
            let mut changed = good.clone();
            let near_the_end = changed.len() - 40;
            changed[near_the_end] ^= 1;
            connection.write(&changed).await?;
            connection.read().await?;
        }
        connection.write(&good).await?;
        connection.read().await?;
        Ok(())
    }
}
