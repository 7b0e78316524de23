//! Events that a subscription did not get, as they stand in the list of dead letters.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::openapi;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventId, Sequence, StreamId};
use crate::domain::ids::{Label, MessageId, Position, ServiceName};
use crate::domain::message::Payload;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::page::{self, Filling, Page};
use crate::ports::archive::{ArchivedLetter, LetterQuery};

/// So many letters are looked at at once where few are wanted.
const SCAN: usize = 1000;

/// An event that a subscription did not get.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDeadLetter)]
pub(crate) struct EventLetterView {
    #[serde(skip)]
    pub position: Position,
    pub id: MessageId,
    /// `event`.
    #[serde(rename = "type")]
    kind: &'static str,
    event_type: Label,
    event_id: EventId,
    sequence: Sequence,
    subscription_id: SubscriptionId,
    pub source: ServiceName,
    /// The subscriber.
    pub destination: ServiceName,
    correlation_id: String,
    stream_id: Option<StreamId>,
    stream_version: Option<u64>,
    payload: Payload,
    published_at: Timestamp,
    settled_at: Timestamp,
    /// Why the hub gave up.
    reason: DeadReason,
    last_error: Option<String>,
    /// How often it was sent again after the hub had given up.
    redriven: u32,
    #[schema(value_type = Vec<openapi::messages::Attempt>)]
    attempts: Vec<Attempt>,
}

impl EventLetterView {
    /// Roughly what it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let attempts = self.attempts.iter().map(Attempt::bytes);
        500 + self.payload.as_json().len() + attempts.sum::<usize>()
    }
}

impl From<ArchivedLetter> for EventLetterView {
    fn from(archived: ArchivedLetter) -> Self {
        let letter = archived.letter;
        let event: Arc<Event> = letter.event;
        let stream = event.stream.as_ref();
        let last = letter.attempts.last();
        Self {
            position: archived.position,
            id: letter.id,
            kind: "event",
            event_type: event.event_type.clone(),
            event_id: event.id,
            sequence: event.sequence,
            subscription_id: letter.subscription_id,
            source: event.source.clone(),
            destination: letter.service,
            correlation_id: event.correlation_id(),
            stream_id: stream.map(|place| place.id.clone()),
            stream_version: stream.map(|place| place.version),
            payload: event.payload.clone(),
            published_at: event.published_at,
            settled_at: letter.at,
            reason: letter.reason,
            last_error: last.and_then(|attempt| attempt.error.clone()),
            redriven: letter.redriven,
            attempts: letter.attempts,
        }
    }
}

/// A page, newest first. What the archive cannot tell apart is left to `keep`.
pub(crate) async fn find(
    hub: &Hub,
    mut query: LetterQuery,
    limit: usize,
    keep: impl Fn(&EventLetterView) -> bool,
) -> Result<Page<EventLetterView>, HubError> {
    query.limit = limit;
    let mut filling = Filling::new(limit, page::MOST_BYTES);
    loop {
        let rows = hub.archive.event_letters(query.clone()).await?;
        let is_last = rows.is_last();
        for row in rows.into_known() {
            query.before = Some(row.position);
            let view = EventLetterView::from(row);
            let bytes = view.bytes();
            if keep(&view) && !filling.add(view, bytes) {
                return Ok(filling.finish());
            }
        }
        if is_last {
            return Ok(filling.finish());
        }
        query.limit = SCAN;
    }
}
