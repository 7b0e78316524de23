//! Messages read back.

use std::error::Error;

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use uuid::Uuid;

use crate::adapters::archive::listing::Measured;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{
    ContentType, CorrelationId, MessageId, MessageType, Position, ServiceName,
};
use crate::domain::message::{Message, Priority, State};
use crate::domain::payload::Payload;
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};
use crate::ports::archive::ArchivedMessage;

/// Why a row is none of ours.
pub(crate) type RowError = Box<dyn Error + Send + Sync>;

/// A row read back.
#[derive(QueryableByName)]
pub(crate) struct MessageRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Text)]
    destination: String,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text, column_name = kind)]
    message_type: String,
    #[diesel(sql_type = Text)]
    priority: String,
    #[diesel(sql_type = Nullable<Text>)]
    correlation_id: Option<String>,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = Nullable<Binary>)]
    body: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    content_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    extras: Option<String>,
    #[diesel(sql_type = BigInt)]
    accepted_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    expires_at: Option<i64>,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    settled_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Text)]
    attempts: String,
    #[diesel(sql_type = BigInt)]
    delivery_attempts: i64,
    #[diesel(sql_type = BigInt)]
    redriven: i64,
    #[diesel(sql_type = Bool)]
    dead_letter: bool,
    /// Of all of it, where only its head is read.
    #[diesel(sql_type = BigInt)]
    payload_bytes: i64,
}

impl Measured for MessageRow {
    const BYTES: &'static str = "octet_length(payload) + coalesce(octet_length(body), 0) \
        + coalesce(octet_length(extras), 0) + octet_length(attempts)";

    fn bytes(&self) -> usize {
        let body = self.body.as_ref().map_or(0, Vec::len);
        self.payload.len()
            + body
            + self.extras.as_ref().map_or(0, String::len)
            + self.attempts.len()
    }
}

impl MessageRow {
    /// The row of a question that asked for so much of payloads.
    pub(crate) fn into_archived(self, detail: PayloadDetail) -> Result<ArchivedMessage, RowError> {
        let position = self.position;
        self.read(detail).map_err(|cause| {
            format!("message at position {position} is unreadable: {cause}").into()
        })
    }

    fn read(self, detail: PayloadDetail) -> Result<ArchivedMessage, RowError> {
        let content_type = self
            .content_type
            .as_deref()
            .map(ContentType::parse_interned);
        let content_type = content_type.transpose()?;
        let payload_head = match detail {
            PayloadDetail::Head => {
                let beginning = self.body.as_deref().unwrap_or(self.payload.as_bytes());
                let head = PayloadHead::beginning(beginning, usize::try_from(self.payload_bytes)?);
                Some(PayloadHead {
                    content_type: content_type.clone(),
                    ..head
                })
            }
            PayloadDetail::Full | PayloadDetail::None => None,
        };
        let payload = match (detail, self.body) {
            (PayloadDetail::Full, None) => Payload::parse(&self.payload)?,
            (PayloadDetail::Full, Some(body)) => Payload::raw(body, content_type),
            (PayloadDetail::Head | PayloadDetail::None, _) => Payload::apart(),
        };
        let extras = self.extras.as_deref().map(serde_json::from_str);
        let reason = self.reason.as_deref().map(|name| {
            DeadReason::from_name(name).ok_or_else(|| format!("unknown reason {name}"))
        });
        let message = Message {
            id: MessageId(Uuid::from_slice(&self.id)?),
            destination: ServiceName::parse(&self.destination)?,
            source: ServiceName::parse(&self.source)?,
            message_type: MessageType::parse_interned(&self.message_type)?,
            priority: Priority::from_name(&self.priority).ok_or("unknown priority")?,
            accepted_at: Timestamp::from_millis(self.accepted_at),
            expires_at: self.expires_at.map(Timestamp::from_millis),
            correlation_id: self
                .correlation_id
                .as_deref()
                .map(CorrelationId::parse)
                .transpose()?,
            payload,
            extras: extras.transpose()?,
        };
        Ok(ArchivedMessage {
            position: position(self.position)?,
            message,
            payload_head,
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

/// Where a message is.
#[derive(QueryableByName)]
pub(crate) struct MessagePlace {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
}

impl MessagePlace {
    pub(crate) fn read(self) -> Result<(Position, MessageId), RowError> {
        let id = MessageId(Uuid::from_slice(&self.id)?);
        Ok((position(self.position)?, id))
    }
}

fn read_attempts(lines: &str) -> Result<Vec<Attempt>, serde_json::Error> {
    lines.lines().map(serde_json::from_str).collect()
}

/// The journal has none higher than a column can hold.
pub(crate) fn position_column(position: Position) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub(crate) fn position(column: i64) -> Result<Position, RowError> {
    Ok(Position::try_from(column)?)
}
