//! Which events somebody wants to read.

use super::page;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{ServiceName, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::ReplayFilter;
use crate::domain::timestamp::Timestamp;

/// Which events, and which page of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EventQuery {
    /// Any of these; empty means all.
    pub event_types: Vec<Pattern>,
    /// Who published them; `None`: anybody.
    pub source: Option<ServiceName>,
    /// The stream they belong to; `None`: any, or none.
    pub stream_id: Option<StreamId>,
    /// Or the event's own id, if it names none.
    pub correlation_id: Option<String>,
    /// Inclusive.
    pub from_sequence: Option<Sequence>,
    /// Inclusive.
    pub to_sequence: Option<Sequence>,
    /// By when the hub published them. Inclusive.
    pub from_timestamp: Option<Timestamp>,
    /// Inclusive.
    pub to_timestamp: Option<Timestamp>,
    /// Within the stream. Inclusive.
    pub from_version: Option<u64>,
    /// Within the stream. Inclusive.
    pub to_version: Option<u64>,
    /// Newest first instead of oldest first.
    pub descending: bool,
    /// How many, at most, are on a page.
    pub limit: usize,
    /// How large a page may be, in bytes; `None`: as large as any.
    pub most_bytes: Option<usize>,
}

impl EventQuery {
    /// All that pass the filter.
    pub fn matching(filter: ReplayFilter) -> Self {
        Self {
            event_types: filter.event_types,
            source: filter.source,
            stream_id: filter.stream_id,
            correlation_id: filter.correlation_id,
            ..Self::default()
        }
    }

    /// How large a page may be, in bytes.
    pub fn page_bytes(&self) -> usize {
        self.most_bytes.unwrap_or(page::MOST_BYTES)
    }

    /// Whether this event is meant, whatever the limit.
    pub fn matches(&self, event: &Event) -> bool {
        let is_type = |pattern: &Pattern| pattern.matches(event.event_type.as_str());
        (self.event_types.is_empty() || self.event_types.iter().any(is_type))
            && self.matches_but_type(event)
    }

    /// As [`EventQuery::matches`], for whoever looks at the types by himself.
    pub fn matches_but_type(&self, event: &Event) -> bool {
        let (sequence, at) = (event.sequence, event.published_at);
        let stream = event.stream.as_ref();
        let version = stream.map(|place| place.version);
        self.source.as_ref().is_none_or(|one| *one == event.source)
            && self
                .stream_id
                .as_ref()
                .is_none_or(|id| stream.is_some_and(|place| place.id == *id))
            && self
                .correlation_id
                .as_ref()
                .is_none_or(|text| *text == event.correlation_id())
            && self.from_sequence.is_none_or(|from| sequence >= from)
            && self.to_sequence.is_none_or(|to| sequence <= to)
            && self.from_timestamp.is_none_or(|from| at >= from)
            && self.to_timestamp.is_none_or(|to| at <= to)
            && self.from_version.is_none_or(|from| version >= Some(from))
            && self
                .to_version
                .is_none_or(|to| version.is_some_and(|version| version <= to))
    }
}
