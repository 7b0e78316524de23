//! Dead letters of either kind, as one list.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::error::ArchiveError;
use super::events::{ArchivedDeadEvent, DeadEventQuery};
use super::messages::{ArchivedMessage, MessageArchive, MessageQuery};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::redrive::{RedriveFilter, RedriveJob};
use crate::logic::page::Page;

/// Reads the dead letter list. Dead letters of subscriptions stand in it beside messages.
pub trait DeadLetterArchive: Send + Sync {
    /// Where the dead letters that match stand, and their ids: by position, only those after
    /// `after`, at most `limit`.
    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>>;

    /// How many dead letters match.
    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>>;

    /// How many stand in the dead letter list, dead letters of subscriptions among them: these
    /// count for the subscriber.
    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>>;

    /// The dead letter of a subscription.
    fn dead_event(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedDeadEvent>, ArchiveError>>;

    /// Newest first, at most `query.limit`.
    fn dead_events(
        &self,
        query: DeadEventQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedDeadEvent>, ArchiveError>>;
}

/// A dead letter of either kind, with its history.
pub enum DeadLetter {
    /// A message that did not reach its destination.
    Message(Box<ArchivedMessage>),
    /// An event that a subscription did not get.
    Event(Box<ArchivedDeadEvent>),
}

/// The dead letter of this id, if it stands in the list.
///
/// # Errors
/// If the archive does not answer.
pub async fn dead_letter(
    archive: &(impl MessageArchive + DeadLetterArchive + ?Sized),
    id: MessageId,
) -> Result<Option<DeadLetter>, ArchiveError> {
    let row = archive.message(id).await?;
    if let Some(row) = row.filter(|row| row.dead_letter) {
        return Ok(Some(DeadLetter::Message(Box::new(row))));
    }
    let row = archive.dead_event(id).await?;
    Ok(row.map(|row| DeadLetter::Event(Box::new(row))))
}

/// The size of the dead letter list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeadLetterCounts {
    /// Dead letters of messages and of events together.
    pub total: u64,
    /// Only destinations that have any.
    pub by_destination: BTreeMap<ServiceName, u64>,
}

/// Which dead letters. Messages stand in the list where they were accepted, events where they
/// died, so that a position is never that of two.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeadLetterQuery {
    /// `None`: no messages.
    pub messages: Option<MessageQuery>,
    /// `None`: no events.
    pub events: Option<DeadEventQuery>,
}

impl DeadLetterQuery {
    /// All that match.
    pub fn matching(filter: &RedriveFilter) -> Self {
        // No message goes to a subscription.
        let has_messages = filter.subscription_id.is_none();
        Self {
            messages: has_messages.then(|| messages(filter)),
            events: Some(events(filter)),
        }
    }

    /// Those that match and stood in the list when the job was started.
    pub fn of_job(job: &RedriveJob) -> Self {
        let mut query = Self::matching(&job.filter);
        if let Some(messages) = &mut query.messages {
            // Exclusive, and what died within the millisecond of the start had died before it.
            let start = job.started_at.plus(Duration::from_millis(1));
            let until = messages.until;
            messages.until = Some(until.map_or(start, |until| until.min(start)));
        }
        // One that dies again stands further on, where the walk would come across it; and no event
        // goes elsewhere than to its subscription.
        let has_events = job.events_before.is_some() && job.destination.is_none();
        query.events = query.events.filter(|_| has_events);
        if let Some(events) = &mut query.events {
            events.before = job.events_before;
        }
        if let Some(chosen) = &job.chosen {
            query.only(&chosen.ids);
        }
        query
    }

    /// Of those that match, only these.
    fn only(&mut self, ids: &Arc<[MessageId]>) {
        if let Some(messages) = &mut self.messages {
            messages.ids = Some(ids.clone());
        }
        if let Some(events) = &mut self.events {
            events.ids = Some(ids.clone());
        }
    }
}

fn messages(filter: &RedriveFilter) -> MessageQuery {
    MessageQuery {
        source: filter.source.clone(),
        destination: filter.destination.clone(),
        correlation_id: filter.correlation_id.clone(),
        reason: filter.reason,
        dead_letters: true,
        since: filter.since,
        until: filter.until,
        ..MessageQuery::default()
    }
}

fn events(filter: &RedriveFilter) -> DeadEventQuery {
    DeadEventQuery {
        service: filter.destination.clone(),
        subscription_id: filter.subscription_id,
        source: filter.source.clone(),
        correlation_id: filter.correlation_id.clone(),
        reason: filter.reason,
        since: filter.since,
        until: filter.until,
        ..DeadEventQuery::default()
    }
}
