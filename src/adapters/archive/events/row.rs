//! Events read back.

use diesel::prelude::QueryableByName;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use uuid::Uuid;

use crate::adapters::archive::listing::Measured;
use crate::adapters::archive::messages::row::{RowError, position};
use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Event, EventId, StreamPlace};
use crate::domain::ids::{CorrelationId, EventType, Label, ServiceName, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;

/// An event as [`super::questions`] asks for it.
#[derive(QueryableByName)]
pub(crate) struct EventRow {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = BigInt)]
    published_at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    stream_id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    stream_version: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    correlation_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    causation_id: Option<String>,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = Nullable<Text>)]
    extras: Option<String>,
}

impl Measured for EventRow {
    const BYTES: &'static str = "octet_length(payload) + coalesce(octet_length(extras), 0)";

    fn bytes(&self) -> usize {
        self.payload.len() + self.extras.as_ref().map_or(0, String::len)
    }
}

impl EventRow {
    pub(crate) fn into_event(self) -> Result<Event, RowError> {
        let sequence = self.sequence;
        self.read()
            .map_err(|cause| format!("event {sequence} is unreadable: {cause}").into())
    }

    fn read(self) -> Result<Event, RowError> {
        let extras = self.extras.as_deref().map(serde_json::from_str);
        let stream = match (self.stream_id, self.stream_version) {
            (Some(id), Some(version)) => Some(StreamPlace {
                id: StreamId::parse(&id)?,
                version: position(version)?,
            }),
            _ => None,
        };
        Ok(Event {
            id: EventId(Uuid::from_slice(&self.id)?),
            sequence: position(self.sequence)?,
            event_type: EventType::parse_interned(&self.event_type)?,
            source: ServiceName::parse(&self.source)?,
            published_at: Timestamp::from_millis(self.published_at),
            stream,
            correlation_id: self
                .correlation_id
                .as_deref()
                .map(CorrelationId::parse)
                .transpose()?,
            causation_id: self.causation_id.as_deref().map(Label::parse).transpose()?,
            payload: JsonText::parse(&self.payload)?,
            extras: extras.transpose()?,
        })
    }
}

/// An event of which nothing but its sequence is asked.
#[derive(QueryableByName)]
pub(crate) struct Numbered {
    #[diesel(sql_type = BigInt)]
    pub sequence: i64,
}

/// An event's place in its stream and in time.
#[derive(QueryableByName)]
pub(crate) struct EventPlace {
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    #[diesel(sql_type = BigInt)]
    pub at: i64,
}

#[derive(QueryableByName)]
pub(crate) struct StreamHeadRow {
    #[diesel(sql_type = Text)]
    stream_id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl StreamHeadRow {
    pub(crate) fn read(self) -> Result<StreamHead, RowError> {
        Ok(StreamHead {
            id: StreamId::parse(&self.stream_id)?,
            version: position(self.version)?,
        })
    }
}
