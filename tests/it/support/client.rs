//! A client of a hub: a connection per request, so that no test depends on another's connection.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use super::wire::{Answer, Connection};

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub address: SocketAddr,
    headers: Vec<String>,
}

impl Client {
    /// Calls itself `shop`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            headers: vec!["x-service-name: shop".to_owned()],
        }
    }

    /// The same client under another name, with a key.
    pub(crate) fn named(&self, name: &str, key: &str) -> Self {
        Self {
            address: self.address,
            headers: vec![
                format!("x-service-name: {name}"),
                format!("x-service-key: {key}"),
            ],
        }
    }

    /// The same client, without a name.
    pub(crate) fn nameless(&self) -> Self {
        Self {
            address: self.address,
            headers: Vec::new(),
        }
    }

    /// The same client with one more header.
    pub(crate) fn with_header(&self, line: &str) -> Self {
        let mut client = self.clone();
        client.headers.push(line.to_owned());
        client
    }

    pub(crate) fn header_lines(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(String::as_str)
    }

    pub(crate) fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.address)
    }

    /// For hubs that may be gone.
    pub(crate) fn try_ask(&self, method: &str, target: &str, body: &[u8]) -> io::Result<Answer> {
        let mut headers = self.headers.clone();
        headers.push("connection: close".to_owned());
        self.connect()?.ask(method, target, &headers, body)
    }

    #[track_caller]
    pub(crate) fn ask(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        self.try_ask(method, target, body)
            .unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, b"")
    }

    #[track_caller]
    pub(crate) fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target, b"")
    }

    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, body.to_string().as_bytes())
    }

    #[track_caller]
    pub(crate) fn put(&self, target: &str, body: &Value) -> Answer {
        self.ask("PUT", target, body.to_string().as_bytes())
    }

    #[track_caller]
    pub(crate) fn patch(&self, target: &str, body: &Value) -> Answer {
        self.ask("PATCH", target, body.to_string().as_bytes())
    }
}
