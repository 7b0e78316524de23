//! What the archive is asked about events, and what it answers.

use futures_util::future::BoxFuture;

use super::error::ArchiveError;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::ids::{Position, ServiceName, StreamId};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{EventLetter, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::logic::page;
use crate::logic::page::Page;

/// Reads events.
pub trait EventArchive: Send + Sync {
    /// Those of `ids` the archive has, in the order asked for. At most
    /// [`MOST_IDS`](super::messages::MOST_IDS).
    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>>;

    /// In the order asked for, at most `query.limit`. As fast in the middle of many as of few.
    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>>;

    /// The sequences of the events that match, in the order asked for, at most `query.limit`.
    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>>;
}

/// A dead letter of a subscription.
#[derive(Clone, PartialEq, Debug)]
pub struct ArchivedLetter {
    /// Where it died; lists are ordered by it.
    pub position: Position,
    /// As it died last.
    pub letter: EventLetter,
}

impl ArchivedLetter {
    /// Roughly what it takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let attempts = self.letter.attempts.iter().map(Attempt::bytes);
        self.letter.event.bytes() + attempts.sum::<usize>()
    }
}

/// Which dead letters of subscriptions, and which page of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LetterQuery {
    /// The subscriber.
    pub service: Option<ServiceName>,
    /// The subscription that did not get the event; `None`: any.
    pub subscription_id: Option<SubscriptionId>,
    /// Of the event.
    pub source: Option<ServiceName>,
    /// Only what this service published or subscribed to; `None`: of everybody.
    pub party: Option<ServiceName>,
    /// Of the event; its own id if it names none.
    pub correlation_id: Option<String>,
    /// Why it died; `None`: whatever the reason.
    pub reason: Option<DeadReason>,
    /// Died at this time or later.
    pub since: Option<Timestamp>,
    /// Died before.
    pub until: Option<Timestamp>,
    /// Only those that died before this position.
    pub before: Option<Position>,
    /// How many, at most, are on a page.
    pub limit: usize,
}

impl LetterQuery {
    /// Whether this letter is meant, whatever the limit.
    pub fn matches(&self, archived: &ArchivedLetter) -> bool {
        let letter = &archived.letter;
        let event = &letter.event;
        self.service
            .as_ref()
            .is_none_or(|service| *service == letter.service)
            && self
                .subscription_id
                .is_none_or(|id| id == letter.subscription_id)
            && self.source.as_ref().is_none_or(|one| *one == event.source)
            && self
                .party
                .as_ref()
                .is_none_or(|party| *party == event.source || *party == letter.service)
            && self
                .correlation_id
                .as_ref()
                .is_none_or(|text| *text == event.correlation_id())
            && self.reason.is_none_or(|reason| reason == letter.reason)
            && self.since.is_none_or(|since| letter.at >= since)
            && self.until.is_none_or(|until| letter.at < until)
            && self.before.is_none_or(|before| archived.position < before)
    }
}

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
