//! Dead letters: messages, and events of subscriptions, that the hub gave up on.

use super::Hub;
use super::access::{Operation, Principal};
use super::acts::Act;
use super::error::{HubError, Subject};
use super::message_record::MessageRecord;
use super::paging::{self, PageOf, SCAN, Stretch};
use super::request::RequestContext;
use crate::actors::messages::dead_letters::{DeleteDeadLetter, Reprocess};
use crate::domain::attempt::Attempt;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::payload::Payload;
use crate::domain::redrive::RedriveFilter;
use crate::domain::timestamp::Timestamp;
use crate::logic::page::Page;
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::{
    self, ArchivedDeadEvent, DeadEventQuery, DeadLetter, DeadLetterQuery, MessageQuery,
};

/// A dead letter with its history.
pub enum DeadLetterRecord {
    /// A message that did not reach its destination.
    Message(MessageRecord),
    /// An event that a subscription did not get.
    Event(Box<ArchivedDeadEvent>),
}

/// Which dead letters are looked for, newest first.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// What the archive finds them by.
    pub filter: RedriveFilter,
    /// How much of payloads is shown.
    pub detail: PayloadDetail,
    /// Where the page begins; `None`: with the newest.
    pub before: Option<Position>,
}

impl DeadLetterFilter {
    /// Only of what this service sent, published or did not get; `None`: of everybody.
    pub(super) fn query(&self, party: Option<ServiceName>) -> DeadLetterQuery {
        let query = DeadLetterQuery::matching(&self.filter);
        let before = self.before;
        DeadLetterQuery {
            messages: query.messages.map(|messages| MessageQuery {
                before,
                party: party.clone(),
                detail: self.detail,
                ..messages
            }),
            events: query.events.map(|events| DeadEventQuery {
                before,
                party,
                ..events
            }),
        }
    }
}

impl From<DeadLetter> for DeadLetterRecord {
    fn from(dead_letter: DeadLetter) -> Self {
        match dead_letter {
            DeadLetter::Message(row) => Self::Message(MessageRecord::Archived(row)),
            DeadLetter::Event(row) => Self::Event(row),
        }
    }
}

impl DeadLetterRecord {
    /// Where it stands in the list.
    pub fn position(&self) -> Position {
        match self {
            Self::Message(record) => record.position(),
            Self::Event(row) => row.position,
        }
    }

    fn source(&self) -> &ServiceName {
        match self {
            Self::Message(record) => &record.message().source,
            Self::Event(row) => &row.dead_event.event.source,
        }
    }

    /// Whom it did not reach: of an event the subscriber.
    fn destination(&self) -> &ServiceName {
        match self {
            Self::Message(record) => &record.message().destination,
            Self::Event(row) => &row.dead_event.service,
        }
    }

    /// Roughly what it takes in a page that shows so much of payloads, in bytes.
    pub(super) fn bytes(&self, detail: PayloadDetail) -> usize {
        match self {
            Self::Message(record) => record.bytes(detail),
            Self::Event(row) => {
                let attempts = row.dead_event.attempts.iter().map(Attempt::bytes);
                let payload = detail.shown_bytes_of_json(&row.dead_event.event.payload);
                500 + payload + attempts.sum::<usize>()
            }
        }
    }

    /// Since when it stands where it does: a message since it was accepted, an event since it died.
    pub(super) fn listed_at(&self) -> Timestamp {
        match self {
            Self::Message(record) => record.message().accepted_at,
            Self::Event(row) => row.dead_event.at,
        }
    }

    pub(super) fn is_seen_by(&self, principal: &Principal) -> bool {
        principal.may_see(self.source(), self.destination())
    }
}

impl Hub {
    /// A page of dead letters that the principal may see, both kinds by where they stand in the
    /// journal, newest first. The archive has to be [flushed](Hub::flush) before.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE if the archive does not answer.
    pub async fn search_dead_letters(
        &self,
        context: &RequestContext<'_>,
        search: &DeadLetterFilter,
        limit: usize,
    ) -> Result<Page<DeadLetterRecord>, HubError> {
        let principal = context.principal;
        let (query, detail) = (search.query(principal.sees_only()), search.detail);
        let (mut events, mut messages) = (Page::empty(), Page::empty());
        if let Some(query) = query.events {
            let page = PageOf {
                limit,
                keep: |dead_letter: &DeadLetterRecord| dead_letter.is_seen_by(principal),
                bytes: |dead_letter: &DeadLetterRecord| dead_letter.bytes(detail),
            };
            events = self.find_dead_events(query, page, detail).await?;
        }
        if let Some(query) = query.messages {
            let keep = |record: &MessageRecord| record.is_seen_by(principal);
            let found = self.find_messages(query, limit, keep).await?;
            messages = found.map(DeadLetterRecord::Message);
        }
        let is_newer =
            |one: &DeadLetterRecord, other: &DeadLetterRecord| one.position() > other.position();
        let bytes = |dead_letter: &DeadLetterRecord| dead_letter.bytes(detail);
        Ok(messages.merge(events, limit, is_newer, bytes))
    }

    /// A page, newest first, of those that `page` keeps, with so much of their payloads.
    async fn find_dead_events(
        &self,
        mut query: DeadEventQuery,
        page: PageOf<impl Fn(&DeadLetterRecord) -> bool, impl Fn(&DeadLetterRecord) -> usize>,
        detail: PayloadDetail,
    ) -> Result<Page<DeadLetterRecord>, HubError> {
        query.limit = page.limit;
        paging::fill(page, async || {
            let rows = self.archive.dead_events(query.clone()).await?;
            let is_last = rows.is_last();
            let rows = rows.into_known().map(|row| Box::new(row.with(detail)));
            let items: Vec<_> = rows.map(DeadLetterRecord::Event).collect();
            query.before = items.last().map(DeadLetterRecord::position);
            query.limit = SCAN;
            Ok(Stretch { items, is_last })
        })
        .await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// NOT_FOUND if it does not stand in the list, or is not the principal's to see;
    /// STORAGE_UNAVAILABLE if the archive does not answer.
    pub async fn dead_letter(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
    ) -> Result<DeadLetterRecord, HubError> {
        self.flush().await?;
        let found = archive::dead_letter(&*self.archive, id).await?;
        found
            .map(DeadLetterRecord::from)
            .filter(|dead_letter| dead_letter.is_seen_by(context.principal))
            .ok_or_else(|| HubError::NotFound {
                what: format!("dead letter {id}"),
            })
    }

    /// Has a dead letter sent again: as it was, or of a message to another destination or with
    /// another payload.
    ///
    /// # Errors
    /// As [`Hub::dead_letter`]; AUTH_FAILED if it is only seen, or changed and another's,
    /// SERVICE_NOT_FOUND, and what stands in the way of a message that is sent.
    pub async fn reprocess_dead_letter(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
        destination: Option<ServiceName>,
        payload: Option<Payload>,
    ) -> Result<(), HubError> {
        let dead_letter = self.dead_letter(context, id).await?;
        let changed = [
            ("destination", destination.is_some()),
            ("payload", payload.is_some()),
        ];
        let operation = match changed.into_iter().find(|(_, is_given)| *is_given) {
            None => Operation::SendAgain(dead_letter.source(), dead_letter.destination()),
            Some((field, _)) if matches!(dead_letter, DeadLetterRecord::Event(_)) => {
                let problem = "an event goes to its subscription as it was published";
                return Err(HubError::invalid(Subject::Request, field, problem));
            }
            Some(_) => Operation::ChangeDeadLetter(dead_letter.source()),
        };
        context.principal.may(operation)?;
        if let Some(service) = &destination {
            self.admission("destination", Some(service)).await?;
        }
        let outcome = sent_again(destination.as_ref(), payload.is_some());
        let reprocessed = self.clients.dead_letters.request(|reply| Reprocess {
            id,
            destination,
            payload,
            reply,
        });
        reprocessed.await??;
        Act::new("reprocess_dead_letter", "dead letter", &id)
            .with(&outcome)
            .tell(context);
        Ok(())
    }

    /// Deletes a dead letter for good.
    ///
    /// # Errors
    /// As [`Hub::dead_letter`]; AUTH_FAILED if it is another's.
    pub async fn delete_dead_letter(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
    ) -> Result<(), HubError> {
        let dead_letter = self.dead_letter(context, id).await?;
        // A message is its sender's to give up; an event's dead letter is its subscriber's.
        let owner = match &dead_letter {
            DeadLetterRecord::Message(_) => dead_letter.source(),
            DeadLetterRecord::Event(_) => dead_letter.destination(),
        };
        context.principal.may(Operation::DeleteDeadLetter(owner))?;
        let deleted = self
            .clients
            .dead_letters
            .request(|reply| DeleteDeadLetter { id, reply });
        deleted.await??;
        Act::new("delete_dead_letter", "dead letter", &id).tell(context);
        Ok(())
    }
}

fn sent_again(to: Option<&ServiceName>, is_changed: bool) -> String {
    let to = to.map_or_else(|| "as before".to_owned(), |to| format!("to {to}"));
    let payload = if is_changed { ", another payload" } else { "" };
    format!("sent again {to}{payload}")
}
