//! Dead letters of either kind, as one list.

use std::time::Duration;

use super::events::LetterQuery;
use super::messages::MessageQuery;
use crate::domain::redrive::{RedriveFilter, RedriveJob};

/// Which dead letters. Messages stand in the list where they were accepted, events where they
/// died, so that a position is never that of two.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeadLetterQuery {
    /// `None`: no messages.
    pub messages: Option<MessageQuery>,
    /// `None`: no events.
    pub events: Option<LetterQuery>,
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
        // One that dies again stands further on, where the walk would come across it.
        query.events = query.events.filter(|_| job.events_before.is_some());
        if let Some(events) = &mut query.events {
            events.before = job.events_before;
        }
        query
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

fn events(filter: &RedriveFilter) -> LetterQuery {
    LetterQuery {
        service: filter.destination.clone(),
        subscription_id: filter.subscription_id,
        source: filter.source.clone(),
        correlation_id: filter.correlation_id.clone(),
        reason: filter.reason,
        since: filter.since,
        until: filter.until,
        ..LetterQuery::default()
    }
}
