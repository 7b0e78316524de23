//! What became of messages, and what somebody does to them.

use std::sync::Arc;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::message_record::MessageRecord;
use super::paging::{self, PageOf, SCAN, Stretch};
use super::request::RequestContext;
use crate::actors::messages::dead_letters::DeleteMessage;
use crate::actors::messages::scheduler::{Cancel, Inspect, ListOpen, RetryNow};
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::page::Page;
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::listing::{ListedMessage, Wanted};
use crate::logic::queues::view::OpenMessage;
use crate::ports::archive::MessageQuery;

/// So many messages are inspected together: what each waits for takes some microseconds to find out,
/// and meanwhile nobody else gets a turn.
const INSPECTED: usize = 100;

/// Which messages are looked for, newest first.
#[derive(Clone, Debug)]
pub struct MessageFilter {
    /// Sent by this service.
    pub source: Option<ServiceName>,
    /// For this service.
    pub destination: Option<ServiceName>,
    /// Of this conversation.
    pub correlation_id: Option<String>,
    /// Those in one of these states.
    pub states: Vec<State>,
    /// Accepted at this time or later.
    pub since: Option<Timestamp>,
    /// Accepted before this time.
    pub until: Option<Timestamp>,
    /// How much of payloads is shown.
    pub detail: PayloadDetail,
    /// Where the page begins; `None`: with the newest.
    pub before: Option<Position>,
}

/// How a message was taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// It will not be delivered.
    Cancelled,
    /// It was settled, and is gone for good.
    Deleted,
}

impl MessageFilter {
    /// Those that are owed are known without the archive, and what is settled is not.
    pub fn needs_archive(&self) -> bool {
        self.states.iter().any(|state| state.is_settled())
    }

    pub(super) fn wanted(&self, party: Option<ServiceName>) -> Wanted {
        Wanted {
            source: self.source.clone(),
            destination: self.destination.clone(),
            party,
            correlation_id: self.correlation_id.clone(),
            states: self.states.clone(),
            since: self.since,
            until: self.until,
        }
    }

    pub(super) fn query(&self, party: Option<ServiceName>) -> MessageQuery {
        MessageQuery {
            source: self.source.clone(),
            destination: self.destination.clone(),
            party,
            correlation_id: self.correlation_id.clone(),
            // All together is no condition.
            states: match self.states.len() == State::ALL.len() {
                true => Vec::new(),
                false => self.states.clone(),
            },
            since: self.since,
            until: self.until,
            detail: self.detail,
            before: self.before,
            ..MessageQuery::default()
        }
    }
}

impl Hub {
    /// One message.
    ///
    /// # Errors
    /// NOT_FOUND if there is none that the principal may see; STORAGE_UNAVAILABLE if it may be in
    /// the archive, which does not answer.
    pub async fn message(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
    ) -> Result<MessageRecord, HubError> {
        let record = self.load_message(id).await?;
        record
            .filter(|record| record.is_seen_by(context.principal))
            .ok_or_else(|| HubError::NotFound {
                what: format!("message {id}"),
            })
    }

    /// What is known of a message: from the queues while it is owed, then from the archive.
    pub(super) async fn load_message(
        &self,
        id: MessageId,
    ) -> Result<Option<MessageRecord>, HubError> {
        let inspect = Inspect { ids: vec![id] };
        let open = self.clients.scheduler.query(inspect).await?;
        if let Some(open) = open.into_iter().flatten().next() {
            return Ok(Some(MessageRecord::Open(Box::new(open))));
        }
        self.flush().await?;
        let row = self.archive.message(id).await?;
        Ok(row.map(|row| MessageRecord::Archived(Box::new(row))))
    }

    /// A page of messages that the principal may see. Where the archive is
    /// [needed](MessageFilter::needs_archive), it has to be [flushed](Hub::flush) before.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE if the archive is needed and does not answer.
    pub async fn search_messages(
        &self,
        context: &RequestContext<'_>,
        search: &MessageFilter,
        limit: usize,
    ) -> Result<Page<MessageRecord>, HubError> {
        let party = context.principal.sees_only();
        if search.states.is_empty() {
            return Ok(Page::empty());
        }
        let keep = |record: &MessageRecord| {
            search.states.contains(&record.state()) && record.is_seen_by(context.principal)
        };
        if !search.needs_archive() {
            let page = PageOf {
                limit,
                keep,
                bytes: |record: &MessageRecord| record.bytes(search.detail),
            };
            let wanted = search.wanted(party);
            return self.list_open(wanted, search.before, page).await;
        }
        self.find_messages(search.query(party), limit, keep).await
    }

    /// A page of messages that are owed, from memory. Others get their turn between its pieces.
    async fn list_open(
        &self,
        wanted: Wanted,
        mut before: Option<Position>,
        page: PageOf<impl Fn(&MessageRecord) -> bool, impl Fn(&MessageRecord) -> usize>,
    ) -> Result<Page<MessageRecord>, HubError> {
        let wanted = Arc::new(wanted);
        let most = page.limit + 1;
        paging::fill(page, async || {
            let list = ListOpen {
                wanted: wanted.clone(),
                before,
                most,
            };
            let stretch = self.clients.scheduler.query(list).await?;
            before = stretch.before;
            Ok(Stretch {
                items: self.open_records(stretch.messages).await?,
                is_last: before.is_none(),
            })
        })
        .await
    }

    /// All that is known of these messages; those that were settled meanwhile are left out.
    pub(super) async fn open_records(
        &self,
        listed: Vec<ListedMessage>,
    ) -> Result<Vec<MessageRecord>, HubError> {
        let ids = listed.iter().map(ListedMessage::id).collect();
        let open = self.inspect(ids).await?.into_iter().flatten();
        let records = open.map(|open| MessageRecord::Open(Box::new(open)));
        Ok(records.collect())
    }

    /// What the queues know of these messages; `None` where nothing is owed. Others get their turn
    /// in between.
    async fn inspect(&self, ids: Vec<MessageId>) -> Result<Vec<Option<OpenMessage>>, HubError> {
        let mut known = Vec::with_capacity(ids.len());
        for ids in ids.chunks(INSPECTED) {
            let ids = ids.to_vec();
            known.extend(self.clients.scheduler.query(Inspect { ids }).await?);
        }
        Ok(known)
    }

    /// A page of what the archive has, with what the queues know now. What the archive cannot tell
    /// apart is left to `keep`.
    pub(super) async fn find_messages(
        &self,
        mut query: MessageQuery,
        limit: usize,
        keep: impl Fn(&MessageRecord) -> bool,
    ) -> Result<Page<MessageRecord>, HubError> {
        query.limit = limit;
        let detail = query.detail;
        let page = PageOf {
            limit,
            keep,
            bytes: |record: &MessageRecord| record.bytes(detail),
        };
        paging::fill(page, async || {
            let rows = self.archive.messages(query.clone()).await?;
            let is_last = rows.is_last();
            let rows = rows.into_known().map(Box::new);
            let records = rows.map(MessageRecord::Archived).collect();
            let items = self.refresh(records).await?;
            query.before = items.last().map(MessageRecord::position);
            query.limit = SCAN;
            Ok(Stretch { items, is_last })
        })
        .await
    }

    /// Replaces what the archive says of open messages by what the queues know now.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn refresh(
        &self,
        mut records: Vec<MessageRecord>,
    ) -> Result<Vec<MessageRecord>, HubError> {
        let is_open = |record: &&mut MessageRecord| !record.state().is_settled();
        let open = records.iter_mut().filter(is_open);
        let ids: Vec<_> = open.map(|record| record.id()).collect();
        if ids.is_empty() {
            return Ok(records);
        }
        let live = self.inspect(ids).await?;
        for (record, live) in records.iter_mut().filter(is_open).zip(live) {
            if let Some(mut open) = live {
                open.position = record.position();
                *record = MessageRecord::Open(Box::new(open));
            }
        }
        Ok(records)
    }

    /// Takes a message back, or deletes one that is settled.
    ///
    /// # Errors
    /// NOT_FOUND and AUTH_FAILED if it is not the principal's; CONFLICT if a push is under way, or it
    /// was settled at this moment.
    pub async fn remove_message(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
    ) -> Result<Removal, HubError> {
        let record = self.message(context, id).await?;
        let source = &record.message().source;
        let operation = Operation::RemoveMessage(source);
        context.principal.may(operation)?;
        if record.state().is_settled() {
            let dead_letters = &self.clients.dead_letters;
            dead_letters
                .request(|reply| DeleteMessage { id, reply })
                .await??;
            Act::new("delete_message", "message", &id).tell(context);
            return Ok(Removal::Deleted);
        }
        let scheduler = &self.clients.scheduler;
        match scheduler.request(|reply| Cancel { id, reply }).await? {
            Ok(()) => {
                Act::new("cancel_message", "message", &id).tell(context);
                Ok(Removal::Cancelled)
            }
            Err(Refusal::NotFound) => {
                let now = self.load_message(id).await?;
                let state = now.map_or(record.state(), |now| now.state());
                let hint = "only a message that is not settled can be cancelled";
                Err(Refusal::WrongState { state, hint }.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Has a message tried again now that waits for its next attempt.
    ///
    /// # Errors
    /// NOT_FOUND if it is not the principal's to see, AUTH_FAILED if it only sees it, CONFLICT if it
    /// does not wait.
    pub async fn retry_now(
        &self,
        context: &RequestContext<'_>,
        id: MessageId,
    ) -> Result<(), HubError> {
        let record = self.message(context, id).await?;
        let message = record.message();
        let operation = Operation::SendAgain(&message.source, &message.destination);
        context.principal.may(operation)?;
        let scheduler = &self.clients.scheduler;
        match scheduler.request(|reply| RetryNow { id, reply }).await? {
            Ok(()) => {
                Act::new("retry_message", "message", &id).tell(context);
                Ok(())
            }
            // Settled, since it is known and nothing is owed any more.
            Err(Refusal::NotFound) => {
                let hint = "only a message that waits for its next attempt can be retried now";
                let state = record.state();
                Err(Refusal::WrongState { state, hint }.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}
