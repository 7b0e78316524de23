//! Events that a subscription did not get, as they stand in the list of dead letters.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::attempt_view::{AttemptView, views};
use super::payload_view::PayloadView;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{EventType, MessageId, ServiceName, StreamId};
use crate::domain::subscription::{DeadEvent, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};

/// An event that a subscription did not get.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDeadLetter)]
pub(crate) struct DeadEventView {
    pub id: MessageId,
    /// `event`.
    #[serde(rename = "type")]
    kind: &'static str,
    event_type: EventType,
    event_id: EventId,
    sequence: Sequence,
    subscription_id: SubscriptionId,
    source: ServiceName,
    /// The subscriber.
    destination: ServiceName,
    correlation_id: String,
    stream_id: Option<StreamId>,
    stream_version: Option<u64>,
    #[serde(flatten)]
    payload: PayloadView<'static>,
    published_at: Timestamp,
    settled_at: Timestamp,
    /// Why the hub gave up.
    reason: DeadReason,
    last_error: Option<String>,
    /// How often it was sent again after the hub had given up.
    redriven: u32,
    attempts: Vec<AttemptView>,
}

impl DeadEventView {
    /// With so much of its payload; with this head of it, if no more was read.
    pub(crate) fn new(
        dead_event: DeadEvent,
        head: Option<PayloadHead>,
        detail: PayloadDetail,
    ) -> Self {
        let event: Arc<Event> = dead_event.event;
        let stream = event.stream.as_ref();
        let last = dead_event.attempts.last();
        Self {
            id: dead_event.id,
            kind: "event",
            event_type: event.event_type.clone(),
            event_id: event.id,
            sequence: event.sequence,
            subscription_id: dead_event.subscription_id,
            source: event.source.clone(),
            destination: dead_event.service,
            correlation_id: event.correlation_id(),
            stream_id: stream.map(|place| place.id.clone()),
            stream_version: stream.map(|place| place.version),
            payload: match head {
                Some(head) => head.into(),
                None => PayloadView::of_json(&event.payload, detail).into_owned(),
            },
            published_at: event.published_at,
            settled_at: dead_event.at,
            reason: dead_event.reason,
            last_error: last.and_then(|attempt| attempt.error.clone()),
            redriven: dead_event.redriven,
            attempts: views(dead_event.attempts),
        }
    }
}
