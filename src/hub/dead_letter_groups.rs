//! Dead letters that died alike, at a glance.

use std::sync::Arc;

use tokio::time::Instant;

use super::Hub;
use super::access::Operation;
use super::error::HubError;
use super::groups_kept::{GroupsFound, GroupsQuery, KeptAnswer};
use super::paging::SCAN;
use super::reading::Reading;
use super::request::RequestContext;
use super::searching::{MOST_ROWS, MOST_TIME, apart};
use crate::logic::dead_letter_groups::{DeadLetterGroups, GroupedLetter};
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::{
    ArchivedDeadEvent, ArchivedMessage, DeadEventQuery, DeadLetterQuery, MessageQuery,
};

/// What is left to look at.
struct LettersLeft {
    messages: Option<MessageQuery>,
    events: Option<DeadEventQuery>,
    rows: usize,
}

impl Hub {
    /// The dead letters that match, by what they have in common: the newest as long as there is
    /// time. As they were at most five seconds ago.
    ///
    /// # Errors
    /// AUTH_FAILED for a plain service; QUEUE_FULL if too much is read at once;
    /// STORAGE_UNAVAILABLE.
    pub async fn dead_letter_groups(
        &self,
        context: &RequestContext<'_>,
        reading: &mut Reading<'_>,
        query: &GroupsQuery,
    ) -> Result<Arc<GroupsFound>, HubError> {
        context.principal.may(Operation::SeeOverview)?;
        if let Some(found) = self.groups_kept.find(query) {
            return Ok(found);
        }
        reading.begin_search().await?;
        // Whoever had the turn before may have asked the same.
        if let Some(found) = self.groups_kept.find(query) {
            return Ok(found);
        }
        let asked_at = Instant::now();
        reading.begin_in_archive().await?;
        let found = Arc::new(self.group_dead_letters(query).await?);
        self.groups_kept.keep(KeptAnswer {
            query: query.clone(),
            asked_at,
            found: found.clone(),
        });
        Ok(found)
    }

    async fn group_dead_letters(&self, query: &GroupsQuery) -> Result<GroupsFound, HubError> {
        let begun = Instant::now();
        let content = Arc::new(query.content.clone());
        let mut left = LettersLeft::of(query);
        let mut groups = DeadLetterGroups::new(query.by);
        while !left.is_nothing() && left.rows < MOST_ROWS && begun.elapsed() < MOST_TIME {
            // Of both kinds in turn: who has many of one sees the newest of the other, too.
            let messages = self.next_messages(&mut left).await?;
            let events = self.next_events(&mut left).await?;
            let content = content.clone();
            groups = apart(move || {
                let messages = messages.iter().filter(|row| row.meets(&content));
                messages.for_each(|row| groups.add(of_message(row)));
                let events = events.iter().filter(|row| row.meets(&content));
                events.for_each(|row| groups.add(of_event(row)));
                groups
            })
            .await?;
        }
        let (groups, is_all) = groups.into_largest();
        Ok(GroupsFound {
            groups,
            complete: left.is_nothing() && is_all,
        })
    }

    async fn next_messages(
        &self,
        left: &mut LettersLeft,
    ) -> Result<Vec<ArchivedMessage>, HubError> {
        let Some(query) = &mut left.messages else {
            return Ok(Vec::new());
        };
        let page = self.archive.messages(query.clone()).await?;
        query.before = page.items.last().map(|row| row.position);
        if page.is_last() {
            left.messages = None;
        }
        left.rows += page.items.len();
        Ok(page.items)
    }

    async fn next_events(
        &self,
        left: &mut LettersLeft,
    ) -> Result<Vec<ArchivedDeadEvent>, HubError> {
        let Some(query) = &mut left.events else {
            return Ok(Vec::new());
        };
        let page = self.archive.dead_events(query.clone()).await?;
        query.before = page.items.last().map(|row| row.position);
        if page.is_last() {
            left.events = None;
        }
        left.rows += page.items.len();
        Ok(page.items)
    }
}

impl LettersLeft {
    fn of(query: &GroupsQuery) -> Self {
        let DeadLetterQuery { messages, events } = DeadLetterQuery::matching(&query.filter);
        let messages = messages.map(|messages| MessageQuery {
            detail: query.content.detail_read(PayloadDetail::None),
            limit: SCAN,
            ..messages
        });
        let events = events.map(|events| DeadEventQuery {
            limit: SCAN,
            ..events
        });
        Self {
            messages,
            events,
            rows: 0,
        }
    }

    fn is_nothing(&self) -> bool {
        self.messages.is_none() && self.events.is_none()
    }
}

fn of_message(row: &ArchivedMessage) -> GroupedLetter<'_> {
    GroupedLetter {
        id: row.message.id,
        destination: &row.message.destination,
        reason: row.reason,
        error: row.last_error(),
        at: row.settled_at.unwrap_or(row.message.accepted_at),
    }
}

fn of_event(row: &ArchivedDeadEvent) -> GroupedLetter<'_> {
    let dead_event = &row.dead_event;
    GroupedLetter {
        id: dead_event.id,
        destination: &dead_event.service,
        reason: Some(dead_event.reason),
        error: row.last_error(),
        at: dead_event.at,
    }
}
