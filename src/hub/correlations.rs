//! Everything one conversation consists of.

use std::sync::Arc;

use super::Hub;
use super::access::Principal;
use super::error::HubError;
use super::message_record::MessageRecord;
use super::reading::Reading;
use super::request::RequestContext;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{CorrelationId, Position};
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;
use crate::logic::page::{self, Filling, Page};
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::MessageQuery;

/// Messages read together: with a page, no more than there is room for if each is as large as may
/// be.
const TOGETHER: usize = 8;

/// How far a reader of a conversation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConversationPlace {
    /// Of the last message.
    pub after: Position,
    /// Of the next event.
    pub from: Sequence,
}

impl ConversationPlace {
    /// Nothing was read yet.
    pub const START: Self = Self { after: 0, from: 1 };

    /// Behind what was read from here on.
    fn behind(mut self, parts: &[ConversationPart]) -> Self {
        for part in parts {
            match part {
                ConversationPart::Message(record) => self.after = record.position(),
                ConversationPart::Event(event) => self.from = event.sequence + 1,
            }
        }
        self
    }
}

/// A message or an event of a conversation.
pub enum ConversationPart {
    /// One that the principal may see.
    Message(MessageRecord),
    /// As it was published.
    Event(Arc<Event>),
}

impl ConversationPart {
    /// When the hub took or published it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Message(record) => record.message().accepted_at,
            Self::Event(event) => event.published_at,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message(record) => record.bytes(PayloadDetail::Full),
            Self::Event(event) => event.bytes(),
        }
    }
}

/// A page of a conversation, in the order of time.
pub struct ConversationPage {
    /// What is on it.
    pub parts: Vec<ConversationPart>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<ConversationPlace>,
}

impl Hub {
    /// The next of the messages and events of a conversation; of the messages only those that the
    /// principal may see.
    ///
    /// # Errors
    /// QUEUE_FULL if too much is read at once, STORAGE_UNAVAILABLE if the archive does not answer.
    pub async fn conversation(
        &self,
        context: &RequestContext<'_>,
        reading: &mut Reading<'_>,
        id: &CorrelationId,
        (place, limit): (ConversationPlace, usize),
    ) -> Result<ConversationPage, HubError> {
        reading.begin_in_archive().await?;
        let messages = self.messages_of(context.principal, id, (place.after, limit));
        let messages = messages.await?;
        let query = EventQuery {
            correlation_id: Some(id.to_string()),
            from_sequence: Some(place.from),
            limit,
            ..EventQuery::default()
        };
        let events = self.search_events(reading, query, None).await?;
        let events = events.map(ConversationPart::Event);
        let is_before = |one: &ConversationPart, other: &ConversationPart| one.at() < other.at();
        let mut page = messages.merge(events, limit, is_before, ConversationPart::bytes);
        let next = (!page.is_last()).then(|| place.behind(&page.items));
        // A message that was redriven stands in its old place.
        page.items.sort_by_key(ConversationPart::at);
        Ok(ConversationPage {
            parts: page.items,
            next,
        })
    }

    /// The next messages that the principal may see, oldest first.
    async fn messages_of(
        &self,
        principal: &Principal,
        id: &CorrelationId,
        (mut after, limit): (Position, usize),
    ) -> Result<Page<ConversationPart>, HubError> {
        let query = MessageQuery {
            correlation_id: Some(id.to_string()),
            party: principal.sees_only(),
            limit: limit + 1,
            ..MessageQuery::default()
        };
        let mut filling = Filling::new(limit, page::MOST_BYTES);
        loop {
            let places = self.archive.ids_after(query.clone(), after).await?;
            let is_last = places.len() < query.limit;
            after = places.last().map_or(after, |(position, _)| *position);
            for some in places.chunks(TOGETHER) {
                let ids = some.iter().map(|(_, id)| *id).collect();
                let rows = self.archive.messages_by_id(ids).await?.into_iter();
                let rows = rows.map(Box::new).map(MessageRecord::Archived);
                let records = self.refresh(rows.collect()).await?.into_iter();
                for record in records.filter(|record| record.is_seen_by(principal)) {
                    let bytes = record.bytes(PayloadDetail::Full);
                    let part = ConversationPart::Message(record);
                    if !filling.add(part, bytes) {
                        return Ok(filling.finish());
                    }
                }
            }
            if is_last {
                return Ok(filling.finish());
            }
        }
    }
}
