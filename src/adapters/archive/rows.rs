//! Messages as rows, and back.

use std::error::Error;

use diesel::prelude::{Insertable, Queryable, Selectable};
use uuid::Uuid;

use super::schema::messages;
use crate::domain::fact::{Attempt, DeadReason};
use crate::domain::ids::{Label, MessageId, Position, ServiceName};
use crate::domain::message::{Message, Payload, Priority, State};
use crate::domain::timestamp::Timestamp;
use crate::logic::projection::{Change, Opening};
use crate::ports::archive::ArchivedMessage;

/// Why a row is none of ours.
pub type RowError = Box<dyn Error + Send + Sync>;

/// A row to write whole, borrowed from the change that brings it.
#[derive(Insertable)]
#[diesel(table_name = messages)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRow<'a> {
    position: i64,
    id: &'a [u8],
    destination: &'a str,
    source: &'a str,
    kind: &'a str,
    priority: &'a str,
    correlation_id: Option<&'a str>,
    payload: &'a str,
    extras: Option<String>,
    accepted_at: i64,
    expires_at: Option<i64>,
    state: &'a str,
    settled_at: Option<i64>,
    reason: Option<&'a str>,
    attempts: String,
    delivery_attempts: i64,
    redriven: i64,
    last_error: Option<&'a str>,
    dead_letter: bool,
}

impl<'a> NewRow<'a> {
    pub fn new(change: &'a Change, opening: &'a Opening) -> Result<Self, serde_json::Error> {
        let message = opening.opened.message();
        let extras = message.extras.as_ref();
        Ok(Self {
            position: position_column(opening.position),
            id: change.id.0.as_bytes(),
            destination: message.destination.as_str(),
            source: message.source.as_str(),
            kind: message.kind.as_str(),
            priority: message.priority.name(),
            correlation_id: message.correlation_id.as_ref().map(Label::as_str),
            payload: message.payload.as_json(),
            extras: extras.map(serde_json::to_string).transpose()?,
            accepted_at: message.accepted_at.as_millis(),
            expires_at: message.expires_at.map(Timestamp::as_millis),
            state: change.end.map_or(State::Queued, |end| end.state).name(),
            settled_at: change.end.map(|end| end.at.as_millis()),
            reason: change.end.and_then(|end| end.reason).map(DeadReason::name),
            attempts: attempt_lines(&change.attempts)?,
            delivery_attempts: change.delivery_attempts.into(),
            redriven: opening.opened.times_redriven().into(),
            last_error: change.last_error(),
            dead_letter: change.dead_letter == Some(true),
        })
    }
}

/// A row read back.
#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
pub struct Row {
    position: i64,
    id: Vec<u8>,
    destination: String,
    source: String,
    kind: String,
    priority: String,
    correlation_id: Option<String>,
    payload: String,
    extras: Option<String>,
    accepted_at: i64,
    expires_at: Option<i64>,
    state: String,
    settled_at: Option<i64>,
    reason: Option<String>,
    attempts: String,
    delivery_attempts: i64,
    redriven: i64,
    dead_letter: bool,
}

impl Row {
    pub fn into_archived(self) -> Result<ArchivedMessage, RowError> {
        let position = self.position;
        self.read().map_err(|cause| {
            format!("message at position {position} is unreadable: {cause}").into()
        })
    }

    fn read(self) -> Result<ArchivedMessage, RowError> {
        let extras = self.extras.as_deref().map(serde_json::from_str);
        let reason = self.reason.as_deref().map(|name| {
            DeadReason::from_name(name).ok_or_else(|| format!("unknown reason {name}"))
        });
        let message = Message {
            id: MessageId(Uuid::from_slice(&self.id)?),
            destination: ServiceName::parse(&self.destination)?,
            source: ServiceName::parse(&self.source)?,
            kind: Label::parse_interned(&self.kind)?,
            priority: Priority::from_name(&self.priority).ok_or("unknown priority")?,
            accepted_at: Timestamp::from_millis(self.accepted_at),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            correlation_id: self
                .correlation_id
                .as_deref()
                .map(Label::parse)
                .transpose()?,
            payload: Payload::parse(&self.payload)?,
            extras: extras.transpose()?,
        };
        Ok(ArchivedMessage {
            position: position(self.position)?,
            message,
            state: State::from_name(&self.state).ok_or("unknown state")?,
            settled_at: self.settled_at.map(Timestamp::from_millis),
            reason: reason.transpose()?,
            attempts: read_attempts(&self.attempts)?,
            delivery_attempts: u32::try_from(self.delivery_attempts)?,
            redriven: u32::try_from(self.redriven)?,
            dead_letter: self.dead_letter,
        })
    }
}

/// One line of JSON for each attempt, so that more can be appended.
pub fn attempt_lines(attempts: &[Attempt]) -> Result<String, serde_json::Error> {
    let mut lines = String::new();
    for attempt in attempts {
        lines.push_str(&serde_json::to_string(attempt)?);
        lines.push('\n');
    }
    Ok(lines)
}

fn read_attempts(lines: &str) -> Result<Vec<Attempt>, serde_json::Error> {
    lines.lines().map(serde_json::from_str).collect()
}

pub fn position_column(position: Position) -> i64 {
    i64::try_from(position).expect("positions count records, of which no disk holds 2^63")
}

pub fn position(column: i64) -> Result<Position, RowError> {
    Ok(Position::try_from(column)?)
}
