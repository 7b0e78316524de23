//! An event as users see it.

use serde::Serialize;
use utoipa::ToSchema;

use super::payload_view::PayloadView;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{EventType, Label, ServiceName, StreamId};
use crate::domain::json_text::JsonText;
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::PayloadDetail;

/// An event as it was published.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView<'a> {
    pub id: EventId,
    /// `event`.
    #[serde(rename = "type")]
    #[schema(pattern = "^event$")]
    kind: &'static str,
    event_type: &'a EventType,
    source: &'a ServiceName,
    #[serde(flatten)]
    payload: PayloadView<'a>,
    metadata: Option<&'a JsonText>,
    /// The event's id, if none was given.
    correlation_id: String,
    causation_id: Option<&'a Label>,
    /// The publisher's own time if it gave one, else when the hub published it.
    timestamp: Timestamp,
    /// By the system's clock. It does not fall while the sequence rises, unless that clock is set
    /// back by more than 15 minutes.
    published_at: Timestamp,
    /// Its place among all events: 1 for the first, rising by 1.
    pub sequence: Sequence,
    stream_id: Option<&'a StreamId>,
    /// Its place within the stream: 1 for the first, rising by 1.
    stream_version: Option<u64>,
}

impl<'a> EventView<'a> {
    /// With so much of its payload.
    pub fn of(event: &'a Event, detail: PayloadDetail) -> Self {
        let (stream, extras) = (event.stream.as_ref(), event.extras.as_deref());
        Self {
            id: event.id,
            kind: "event",
            event_type: &event.event_type,
            source: &event.source,
            payload: PayloadView::of_json(&event.payload, detail),
            metadata: extras.and_then(|extras| extras.metadata.as_ref()),
            correlation_id: event.correlation_id(),
            causation_id: event.causation_id.as_ref(),
            timestamp: event.timestamp(),
            published_at: event.published_at,
            sequence: event.sequence,
            stream_id: stream.map(|place| &place.id),
            stream_version: stream.map(|place| place.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use serde_json::json;

    #[test]
    fn an_event_is_shown_with_its_place_and_its_metadata() {
        let event = samples::event(3, 2);
        let text = serde_json::to_string(&EventView::of(&event, PayloadDetail::Full)).unwrap();
        assert!(text.contains(r#""payload":{"name":"hero", "level": 1e400}"#));
        let shown: serde_json::Map<_, _> =
            serde_json::from_str(&text.replace("1e400", "1")).unwrap();
        assert_eq!(shown["type"], "event");
        assert_eq!(shown["event_type"], "character.created");
        assert_eq!(shown["sequence"], 2);
        assert_eq!(shown["stream_id"], "stream-3");
        assert_eq!(shown["stream_version"], 2);
        assert_eq!(shown["metadata"], json!([1, 2]));
        assert_eq!(shown["timestamp"], shown["published_at"]);
        assert_eq!(shown.len(), 13);
    }

    #[test]
    fn what_is_missing_is_null() {
        let event = Event {
            stream: None,
            correlation_id: None,
            extras: None,
            ..samples::event(3, 2)
        };
        let shown = serde_json::to_string(&EventView::of(&event, PayloadDetail::Full)).unwrap();
        assert!(shown.contains(r#""stream_id":null,"stream_version":null"#));
        assert!(shown.contains(&format!(r#""correlation_id":"{}""#, event.id)));
    }
}
