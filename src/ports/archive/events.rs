//! What the archive is asked about events, and what it answers.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::error::ArchiveError;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::event_lists::EventTypeEntry;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::subscription::{DeadEvent, SubscriptionId};
use crate::domain::timestamp::Timestamp;
use crate::logic::content_filter::ContentFilter;
use crate::logic::event_query::EventQuery;
use crate::logic::name_query::NameQuery;
use crate::logic::page::Page;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};

/// Reads events.
pub trait EventArchive: Send + Sync {
    /// Those of `ids` the archive has, in the order asked for. At most
    /// [`MOST_IDS`](super::messages::MOST_IDS).
    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>>;

    /// In the order asked for, at most `query.limit`. As fast in the middle of many as of few.
    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>>;

    /// The sequences of the events that match, in the order asked for, at most `query.limit`.
    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>>;

    /// The types of the events that are kept, by their names.
    fn event_types(
        &self,
        query: NameQuery,
    ) -> BoxFuture<'_, Result<Page<EventTypeEntry>, ArchiveError>>;
}

/// A dead letter of a subscription.
#[derive(Clone, PartialEq, Debug)]
pub struct ArchivedDeadEvent {
    /// Where it died; lists are ordered by it.
    pub position: Position,
    /// As it died last; with null for its payload, if less of that was asked for.
    pub dead_event: DeadEvent,
    /// In the place of the payload, if that was asked for.
    pub payload_head: Option<PayloadHead>,
}

impl ArchivedDeadEvent {
    /// The dead letter with no more than that of its payload.
    pub fn with(mut self, detail: PayloadDetail) -> Self {
        if detail == PayloadDetail::Full {
            return self;
        }
        let mut event = Arc::unwrap_or_clone(self.dead_event.event);
        let payload = std::mem::replace(&mut event.payload, JsonText::null());
        if detail == PayloadDetail::Head {
            self.payload_head
                .get_or_insert_with(|| PayloadHead::of_json(&payload));
        }
        self.dead_event.event = Arc::new(event);
        self
    }

    /// What the last attempt failed with.
    pub fn last_error(&self) -> Option<&str> {
        self.dead_event.attempts.last()?.error.as_deref()
    }

    /// Whether it is among those looked for.
    pub fn meets(&self, content: &ContentFilter) -> bool {
        content.matches_event(&self.dead_event.event, self.last_error())
    }

    /// Roughly what it takes in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let attempts = self.dead_event.attempts.iter().map(Attempt::bytes);
        self.dead_event.event.bytes() + attempts.sum::<usize>()
    }
}

/// Which dead letters of subscriptions, and which page of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeadEventQuery {
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
    /// Only the dead letters of these ids; `None`: whatever the id.
    pub ids: Option<Arc<[MessageId]>>,
    /// Died at this time or later.
    pub since: Option<Timestamp>,
    /// Died before.
    pub until: Option<Timestamp>,
    /// Only those that died before this position.
    pub before: Option<Position>,
    /// How many, at most, are on a page.
    pub limit: usize,
}

impl DeadEventQuery {
    /// Whether this dead letter is meant, whatever the limit.
    pub fn matches(&self, archived: &ArchivedDeadEvent) -> bool {
        let dead_event = &archived.dead_event;
        let event = &dead_event.event;
        self.service
            .as_ref()
            .is_none_or(|service| *service == dead_event.service)
            && self
                .subscription_id
                .is_none_or(|id| id == dead_event.subscription_id)
            && self.source.as_ref().is_none_or(|one| *one == event.source)
            && self
                .party
                .as_ref()
                .is_none_or(|party| *party == event.source || *party == dead_event.service)
            && self
                .correlation_id
                .as_ref()
                .is_none_or(|text| *text == event.correlation_id())
            && self.reason.is_none_or(|reason| reason == dead_event.reason)
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&dead_event.id))
            && self.since.is_none_or(|since| dead_event.at >= since)
            && self.until.is_none_or(|until| dead_event.at < until)
            && self.before.is_none_or(|before| archived.position < before)
    }
}
