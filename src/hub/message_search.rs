//! Looking through messages.

use std::sync::Arc;

use super::Hub;
use super::error::HubError;
use super::message_record::MessageRecord;
use super::messages::MessageFilter;
use super::paging::SCAN;
use super::request::RequestContext;
use super::searching::{FoundPage, FoundPageOf, LookedAt, apart, fill};
use crate::actors::messages::scheduler::ListOpen;
use crate::logic::content_filter::ContentFilter;
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::listing::ListedMessage;
use crate::ports::archive::{ArchivedMessage, MessageQuery};

/// What is asked of each message, and how much of it is shown.
struct Terms {
    content: ContentFilter,
    detail: PayloadDetail,
}

impl Hub {
    /// A page of the messages that the principal may see and that match both. As
    /// [`Hub::search_messages`], in a [turn](super::reading::Reading::begin_search) for searches.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE if the archive is needed and does not answer.
    pub async fn look_through_messages(
        &self,
        context: &RequestContext<'_>,
        search: &MessageFilter,
        content: ContentFilter,
        limit: usize,
    ) -> Result<FoundPage<MessageRecord>, HubError> {
        if search.states.is_empty() {
            return Ok(FoundPage::nothing());
        }
        let detail = search.detail;
        let terms = Arc::new(Terms { content, detail });
        let page = FoundPageOf {
            limit,
            keep: |record: &MessageRecord| {
                search.states.contains(&record.state()) && record.is_seen_by(context.principal)
            },
            bytes: |record: &MessageRecord| record.bytes(detail),
            place: |record: &MessageRecord| (record.position(), record.message().accepted_at),
        };
        let party = context.principal.sees_only();
        if !search.needs_archive() {
            let wanted = Arc::new(search.wanted(party));
            let mut before = search.before;
            return fill(page, async || {
                let wanted = wanted.clone();
                let list = ListOpen {
                    wanted,
                    before,
                    most: usize::MAX,
                };
                let listed = self.clients.scheduler.query(list).await?;
                before = listed.before;
                let (terms, open) = (terms.clone(), listed.messages);
                let found = apart(move || terms.of_open(open)).await?;
                Ok(LookedAt {
                    found: self.open_records(found).await?,
                    rows: listed.looked_at,
                    back_to: listed.back_to,
                    next: before,
                })
            })
            .await;
        }
        let mut query = MessageQuery {
            detail: terms.content.detail_read(detail),
            limit: SCAN,
            ..search.query(party)
        };
        fill(page, async || {
            let stretch = self.archived_stretch(&terms, query.clone()).await?;
            query.before = stretch.next;
            Ok(stretch)
        })
        .await
    }

    /// Of what the archive has the next stretch, and what the queues know now of those found.
    async fn archived_stretch(
        &self,
        terms: &Arc<Terms>,
        query: MessageQuery,
    ) -> Result<LookedAt<MessageRecord>, HubError> {
        let page = self.archive.messages(query).await?;
        let is_last = page.is_last();
        let rows: Vec<_> = page.into_known().collect();
        let looked_at = rows.len();
        let last = rows
            .last()
            .map(|row| (row.position, row.message.accepted_at));
        let terms = terms.clone();
        let found = apart(move || terms.of_archived(rows)).await?;
        Ok(LookedAt {
            found: self.refresh(found).await?,
            rows: looked_at,
            back_to: last.map(|(_, at)| at),
            next: last.map(|(position, _)| position).filter(|_| !is_last),
        })
    }
}

impl Terms {
    /// Those that are meant.
    fn of_open(&self, mut listed: Vec<ListedMessage>) -> Vec<ListedMessage> {
        listed.retain(|one| {
            let last_error = one.last_error.as_deref();
            self.content.matches(&one.message, last_error)
        });
        listed
    }

    /// Those that are meant, with no more than is shown of them.
    fn of_archived(&self, rows: Vec<ArchivedMessage>) -> Vec<MessageRecord> {
        let meant = rows.into_iter().filter(|row| row.meets(&self.content));
        let shown = meant.map(|row| Box::new(row.with(self.detail)));
        shown.map(MessageRecord::Archived).collect()
    }
}
