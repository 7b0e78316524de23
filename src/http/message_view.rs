//! A message as users see it: what the archive remembers and what the queues know now.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::openapi;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{Label, MessageId, Position, ServiceName};
use crate::domain::message::{Extras, Message, Payload, Priority, State, Status};
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::view::OpenMessage;
use crate::ports::archive::ArchivedMessage;

/// A message and what became of it so far.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageView {
    #[serde(skip)]
    pub position: Position,
    pub id: MessageId,
    pub status: Status,
    pub state: State,
    #[serde(rename = "type")]
    message_type: Label,
    pub source: ServiceName,
    pub destination: ServiceName,
    /// The message's id, if none was given.
    correlation_id: String,
    reply_to: Option<ServiceName>,
    priority: Priority,
    payload: Payload,
    headers: Option<BTreeMap<String, String>>,
    ordering_key: Option<Label>,
    deadline: Option<Timestamp>,
    deliver_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Finished attempts, since the last redrive if there was one.
    pub delivery_attempts: u32,
    last_attempt: Option<Timestamp>,
    pub next_attempt: Option<Timestamp>,
    /// Of an open message: how often it was handed out to consumers since its last attempt.
    hand_outs: u32,
    pub last_error: Option<String>,
    pub accepted_at: Timestamp,
    settled_at: Option<Timestamp>,
    /// Why the hub gave up.
    pub reason: Option<DeadReason>,
    /// How often it was sent again after the hub had given up.
    redriven: u32,
    #[schema(value_type = Vec<openapi::messages::Attempt>)]
    attempts: Vec<Attempt>,
    /// Why it has not been delivered yet, in words.
    waiting_for: Option<String>,
}

impl MessageView {
    /// A settled message, or an open one of which only the archive was asked.
    pub(crate) fn archived(row: ArchivedMessage) -> Self {
        let mut view = Self::of(&row.message, row.position, row.attempts);
        view.state = row.state;
        view.status = row.state.status();
        view.delivery_attempts = row.delivery_attempts;
        view.settled_at = row.settled_at;
        view.reason = row.reason;
        view.redriven = row.redriven;
        view
    }

    /// A message the hub owes. Attempts before a redrive are the archive's to tell.
    pub(crate) fn open(open: OpenMessage) -> Self {
        let attempts = open.attempts.len();
        let mut view = Self::of(&open.message, open.position, open.attempts);
        view.state = open.state;
        view.status = open.state.status();
        view.delivery_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        view.next_attempt = open.next_attempt;
        (view.deliver_at, view.expires_at) = (open.deliver_at, open.expires_at);
        view.hand_outs = open.hand_outs;
        view.redriven = open.redriven;
        view.waiting_for = Some(open.waiting_for);
        view
    }

    /// Roughly what it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let headers = self.headers.iter().flatten();
        let headers = headers.map(|(name, value)| name.len() + value.len());
        let attempts = self.attempts.iter().map(Attempt::bytes);
        500 + self.payload.as_json().len() + headers.sum::<usize>() + attempts.sum::<usize>()
    }

    fn of(message: &Message, position: Position, attempts: Vec<Attempt>) -> Self {
        let extras: Option<&Extras> = message.extras.as_deref();
        let last = attempts.last();
        Self {
            position,
            id: message.id,
            status: Status::Pending,
            state: State::Queued,
            message_type: message.message_type.clone(),
            source: message.source.clone(),
            destination: message.destination.clone(),
            correlation_id: message.correlation_id(),
            reply_to: extras.and_then(|extras| extras.reply_to.clone()),
            priority: message.priority,
            payload: message.payload.clone(),
            headers: extras
                .map(|extras| extras.headers.clone())
                .filter(|map| !map.is_empty()),
            ordering_key: message.ordering_key().cloned(),
            deadline: message.deadline(),
            deliver_at: message.deliver_at(),
            expires_at: message.expires_at,
            delivery_attempts: 0,
            last_attempt: last.map(|attempt| attempt.at),
            next_attempt: None,
            hand_outs: 0,
            last_error: last.and_then(|attempt| attempt.error.clone()),
            accepted_at: message.accepted_at,
            settled_at: None,
            reason: None,
            redriven: 0,
            attempts,
            waiting_for: None,
        }
    }
}
