//! Looking through dead letters: the two lists of messages and of events as one.

use std::sync::Arc;

use super::Hub;
use super::dead_letters::{DeadLetterFilter, DeadLetterRecord};
use super::error::HubError;
use super::message_record::MessageRecord;
use super::paging::SCAN;
use super::request::RequestContext;
use super::searching::{FoundPage, FoundPageOf, LookedAt, apart, fill};
use crate::logic::content_filter::ContentFilter;
use crate::logic::merged_lists::{MergedLists, StretchEnd};
use crate::logic::payload_head::PayloadDetail;
use crate::ports::archive::{DeadEventQuery, MessageQuery};

const MESSAGES: usize = 0;
const EVENTS: usize = 1;

/// What is asked of each dead letter, how much of it is shown, and how far both lists are.
struct DeadLetterLook {
    content: Arc<ContentFilter>,
    detail: PayloadDetail,
    messages: Option<MessageQuery>,
    events: Option<DeadEventQuery>,
    lists: MergedLists<DeadLetterRecord>,
}

impl Hub {
    /// A page of the dead letters that the principal may see and that match both. As
    /// [`Hub::search_dead_letters`], in a [turn](super::reading::Reading::begin_search) for
    /// searches.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE if the archive does not answer.
    pub async fn look_through_dead_letters(
        &self,
        context: &RequestContext<'_>,
        search: &DeadLetterFilter,
        content: ContentFilter,
        limit: usize,
    ) -> Result<FoundPage<DeadLetterRecord>, HubError> {
        let principal = context.principal;
        let query = search.query(principal.sees_only());
        let detail = search.detail;
        let mut look = DeadLetterLook {
            messages: query.messages.map(|messages| MessageQuery {
                detail: content.detail_read(detail),
                limit: SCAN,
                ..messages
            }),
            events: query.events.map(|events| DeadEventQuery {
                limit: SCAN,
                ..events
            }),
            content: Arc::new(content),
            detail,
            lists: MergedLists::new(2, search.before),
        };
        let page = FoundPageOf {
            limit,
            keep: |record: &DeadLetterRecord| record.is_seen_by(principal),
            bytes: |record: &DeadLetterRecord| record.bytes(detail),
            place: |record: &DeadLetterRecord| (record.position(), record.listed_at()),
        };
        fill(page, async || {
            let messages = self.look_at_messages(&mut look).await?;
            let events = self.look_at_events(&mut look).await?;
            let told = look.lists.tell();
            Ok(LookedAt {
                found: told.found,
                rows: messages + events,
                back_to: told.back_to,
                next: told.before,
            })
        })
        .await
    }

    /// Of the messages the next stretch, if it is their turn; how many there were.
    async fn look_at_messages(&self, look: &mut DeadLetterLook) -> Result<usize, HubError> {
        let Some(before) = look.lists.turn_of(MESSAGES) else {
            return Ok(0);
        };
        let Some(query) = look.messages.clone() else {
            look.lists.add(MESSAGES, [], StretchEnd::NOTHING);
            return Ok(0);
        };
        let page = self.archive.messages(MessageQuery { before, ..query });
        let page = page.await?;
        let is_last = page.is_last();
        let rows: Vec<_> = page.into_known().collect();
        let looked_at = rows.len();
        let last = rows
            .last()
            .map(|row| (row.position, row.message.accepted_at));
        let (content, detail) = (look.content.clone(), look.detail);
        let found = apart(move || {
            let meant = rows.into_iter().filter(|row| row.meets(&content));
            let shown = meant.map(|row| Box::new(row.with(detail)));
            let records = shown.map(|row| DeadLetterRecord::Message(MessageRecord::Archived(row)));
            records.collect::<Vec<_>>()
        });
        let found = with_positions(found.await?);
        look.lists
            .add(MESSAGES, found, StretchEnd { last, is_last });
        Ok(looked_at)
    }

    /// As [`Hub::look_at_messages`], of the events.
    async fn look_at_events(&self, look: &mut DeadLetterLook) -> Result<usize, HubError> {
        let Some(before) = look.lists.turn_of(EVENTS) else {
            return Ok(0);
        };
        let Some(query) = look.events.clone() else {
            look.lists.add(EVENTS, [], StretchEnd::NOTHING);
            return Ok(0);
        };
        let page = self.archive.dead_events(DeadEventQuery { before, ..query });
        let page = page.await?;
        let is_last = page.is_last();
        let rows: Vec<_> = page.into_known().collect();
        let looked_at = rows.len();
        let last = rows.last().map(|row| (row.position, row.dead_event.at));
        let (content, detail) = (look.content.clone(), look.detail);
        let found = apart(move || {
            let meant = rows.into_iter().filter(|row| row.meets(&content));
            let shown = meant.map(|row| Box::new(row.with(detail)));
            shown.map(DeadLetterRecord::Event).collect::<Vec<_>>()
        });
        let found = with_positions(found.await?);
        look.lists.add(EVENTS, found, StretchEnd { last, is_last });
        Ok(looked_at)
    }
}

fn with_positions(found: Vec<DeadLetterRecord>) -> impl Iterator<Item = (u64, DeadLetterRecord)> {
    let found = found.into_iter();
    found.map(|record| (record.position(), record))
}
