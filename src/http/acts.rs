//! What somebody did to the hub's queues, letters, circuits, services and subscriptions: a line in
//! the log for each, in the same words, with who did it.

use std::fmt::Display;
use std::net::SocketAddr;

use actix_web::HttpRequest;
use uuid::Uuid;

use super::caller::{Asking, Caller};
use super::steps::{Asked, BySocket};
use crate::domain::ids::ServiceName;

/// Something that was done, and is in the journal.
pub(crate) struct Act<'a> {
    /// The operation as the OpenAPI description names it.
    pub action: &'static str,
    /// The kind and name of what it was done to, such as `queue` and `printer`.
    pub on: (&'static str, &'a dyn Display),
    /// What came of it, where the action does not say it all.
    pub outcome: Option<&'a dyn Display>,
    /// As whoever did it gave it.
    pub reason: Option<&'a str>,
}

/// A socket, and who opened it.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub id: Uuid,
    pub by: Option<ServiceName>,
    pub peer: Option<SocketAddr>,
}

impl<'a> Act<'a> {
    pub(crate) fn new(action: &'static str, kind: &'static str, name: &'a dyn Display) -> Self {
        Self {
            action,
            on: (kind, name),
            outcome: None,
            reason: None,
        }
    }

    pub(crate) fn with(self, outcome: &'a dyn Display) -> Self {
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    pub(crate) fn because(self, reason: &'a str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    pub(crate) fn tell(&self, request: &HttpRequest) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let by = Caller::of(request).name;
        let request_id = Asking::request_id(request);
        self.write(by.as_ref(), request.peer_addr(), &request_id);
    }

    /// As [`Act::tell`], of what was asked over a socket.
    pub(crate) fn tell_over(&self, socket: &Opened) {
        if tracing::enabled!(tracing::Level::INFO) {
            let socket_id = BySocket(&socket.id).asked();
            self.write(socket.by.as_ref(), socket.peer, &socket_id);
        }
    }

    fn write(&self, by: Option<&ServiceName>, peer: Option<SocketAddr>, request_id: &str) {
        let (kind, name) = self.on;
        tracing::info!(
            action = self.action,
            on = format!("{kind} {name}"),
            outcome = self.outcome.map(ToString::to_string),
            reason = self.reason,
            by = by.map_or("anonymous", ServiceName::as_str),
            peer = peer.map(tracing::field::display),
            request_id,
            "act"
        );
    }
}

/// Who asks, for what is kept: its name, or where it asks from.
pub(crate) fn who(request: &HttpRequest) -> String {
    match (Caller::of(request).name, request.peer_addr()) {
        (Some(name), _) => name.to_string(),
        (None, Some(peer)) => format!("anonymous ({})", peer.ip()),
        (None, None) => "anonymous".to_owned(),
    }
}
