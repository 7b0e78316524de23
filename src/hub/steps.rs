//! What the log says, at DEBUG, of each message and event that clients hand in. Otherwise it costs
//! one look at the level.

use std::fmt::Display;
use std::sync::Arc;

use crate::actors::messages::router::{EventSlot, Slot};
use crate::domain::event::Event;
use crate::domain::message::Message;
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::refusal::Refusal;

/// The messages of a request, if the log is to follow them.
pub struct MessageSteps(Option<Vec<Arc<Message>>>);

/// The events of a request, if the log is to follow them: by id, correlation id and type.
pub struct EventSteps(Option<Vec<[String; 3]>>);

fn are_told() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

impl MessageSteps {
    /// Nothing is kept of them unless the log is at DEBUG.
    pub fn of(offers: &[Offer]) -> Self {
        let message = |offer: &Offer| offer.message.clone();
        Self(are_told().then(|| offers.iter().map(message).collect()))
    }

    /// `request_id`: by what the request is found again.
    pub fn tell(&self, request_id: &dyn Display, slots: &[Slot]) {
        let Some(messages) = &self.0 else {
            return;
        };
        let request_id = request_id.to_string();
        for (message, slot) in messages.iter().zip(slots) {
            let (what, refusal) = match slot {
                Slot::Accepted => ("accepted", None),
                Slot::Duplicate(_) => ("duplicate", None),
                Slot::Refused(refusal) => ("not accepted", Some(refusal)),
                Slot::Offered(_) | Slot::Doubtful(..) => continue,
            };
            tracing::debug!(
                id = %message.id,
                correlation_id = message.correlation_id(),
                source = %message.source,
                destination = %message.destination,
                kind = %message.message_type,
                refusal = refusal.map(tracing::field::display),
                request_id,
                "message {what}"
            );
        }
    }
}

impl EventSteps {
    /// Nothing is kept of them unless the log is at DEBUG.
    pub fn of(offers: &[EventOffer]) -> Self {
        let event = |offer: &EventOffer| {
            let Event { id, event_type, .. } = &offer.event;
            let correlation_id = offer.event.correlation_id();
            [id.to_string(), correlation_id, event_type.to_string()]
        };
        Self(are_told().then(|| offers.iter().map(event).collect()))
    }

    /// As [`MessageSteps::tell`].
    pub fn tell(&self, request_id: &dyn Display, slots: &[EventSlot]) {
        let Some(events) = &self.0 else {
            return;
        };
        let request_id = request_id.to_string();
        for ([id, correlation_id, event_type], slot) in events.iter().zip(slots) {
            let (what, sequence, refusal): (_, _, Option<&Refusal>) = match slot {
                EventSlot::Published(event) => ("published", Some(event.sequence), None),
                EventSlot::Duplicate => ("duplicate", None, None),
                EventSlot::Refused(refusal) => ("not published", None, Some(refusal)),
                EventSlot::Offered(_) | EventSlot::Doubtful(..) => continue,
            };
            tracing::debug!(
                event = id,
                correlation_id,
                event_type,
                sequence,
                refusal = refusal.map(tracing::field::display),
                request_id,
                "event {what}"
            );
        }
    }
}
