//! What an operation knows of the request that asks for it, whatever protocol it came by.

use std::fmt::Display;
use std::net::SocketAddr;

use rand::RngExt;

use super::access::Principal;
use crate::domain::event::EventId;
use crate::domain::ids::{CorrelationId, Label, MessageId};
use crate::domain::timestamp::Timestamp;

/// The first parameter of every operation: borrowed, and made once for all that a request holds.
#[derive(Clone, Copy)]
pub struct RequestContext<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// By what the request is found again in the log. It becomes text only where a line is written.
    pub request_id: &'a dyn Display,
    /// Where the request comes from, if that is known.
    pub peer: Option<SocketAddr>,
    /// Of every message and event that says no other.
    pub correlation_id: Option<&'a CorrelationId>,
    /// The trace that its messages and events belong to.
    pub traceparent: Option<&'a Label>,
    /// When it came, by the system's clock.
    pub now: Timestamp,
}

impl<'a> RequestContext<'a> {
    /// A request of which nothing is known but who makes it and when.
    #[cfg(test)]
    pub fn of(principal: &'a Principal, now: Timestamp) -> Self {
        Self {
            principal,
            request_id: &"a test",
            peer: None,
            correlation_id: None,
            traceparent: None,
            now,
        }
    }

    /// An id for a message of this request that was given none.
    pub fn generate_message_id(&self) -> MessageId {
        MessageId::generate(self.now, rand::rng().random())
    }

    /// An id for an event of this request that was given none.
    pub fn generate_event_id(&self) -> EventId {
        EventId::generate(self.now, rand::rng().random())
    }

    /// Who asks, for what is kept: a name, or where it asks from.
    pub fn who(&self) -> String {
        match (&self.principal.name, self.peer) {
            (Some(name), _) => name.to_string(),
            (None, Some(peer)) => format!("anonymous ({})", peer.ip()),
            (None, None) => "anonymous".to_owned(),
        }
    }
}
