//! Looking through lists for what no list is ordered by.
//!
//! A request looks at so many, or for so long, and then says how far it came: whoever wants goes on
//! from there. What is looked at comes in stretches, and is compared on a thread that nobody else
//! waits for.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Hub;
use super::error::HubError;
use super::message_record::MessageRecord;
use super::messages::MessageFilter;
use super::paging::SCAN;
use super::request::RequestContext;
use crate::actors::messages::scheduler::ListOpen;
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;
use crate::logic::content_filter::ContentFilter;
use crate::logic::page::MOST_BYTES;
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::listing::ListedMessage;
use crate::ports::archive::{ArchivedMessage, MessageQuery};

/// No request looks at more.
pub(super) const MOST_ROWS: usize = 200_000;
/// No request begins to look at another stretch after so long.
pub(super) const MOST_TIME: Duration = Duration::from_secs(1);

/// What was found by looking through a list, in its order.
pub struct FoundPage<T> {
    /// At most as many as were asked for; maybe none, although the list goes on.
    pub items: Vec<T>,
    /// Where to go on: before this place. `None`: the list was looked through.
    pub next: Option<Position>,
    /// How far it was.
    pub searched: Searched,
}

/// How far a list was looked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Searched {
    /// How many were looked at.
    pub rows: usize,
    /// When the last of them was accepted; `None`: there was none.
    pub back_to: Option<Timestamp>,
    /// Whether there is nothing more to look at.
    pub complete: bool,
}

/// What was looked at together, in the order of the list.
struct Stretch<T> {
    /// Those that are meant.
    found: Vec<T>,
    /// How many there were.
    rows: usize,
    /// When the last of them was accepted.
    back_to: Option<Timestamp>,
    /// The list goes on before this place; `None`: it ends.
    before: Option<Position>,
}

/// What is asked of messages of a list, and how much of each is shown.
struct Terms {
    content: ContentFilter,
    detail: PayloadDetail,
    limit: usize,
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
        let terms = Arc::new(Terms {
            content,
            detail: search.detail,
            limit,
        });
        if search.states.is_empty() {
            return Ok(FoundPage::nothing());
        }
        let keep = |record: &MessageRecord| {
            search.states.contains(&record.state()) && record.is_seen_by(context.principal)
        };
        let party = context.principal.sees_only();
        if !search.needs_archive() {
            let wanted = Arc::new(search.wanted(party));
            let mut before = search.before;
            return fill(&terms, keep, async || {
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
                Ok(Stretch {
                    found: self.open_records(found).await?,
                    rows: listed.looked_at,
                    back_to: listed.back_to,
                    before,
                })
            })
            .await;
        }
        let mut query = MessageQuery {
            detail: terms.detail_read(),
            limit: SCAN,
            ..search.query(party)
        };
        fill(&terms, keep, async || {
            let stretch = self.archived_stretch(&terms, query.clone()).await?;
            query.before = stretch.before;
            Ok(stretch)
        })
        .await
    }

    /// Of what the archive has the next stretch, and what the queues know now of those found.
    async fn archived_stretch(
        &self,
        terms: &Arc<Terms>,
        query: MessageQuery,
    ) -> Result<Stretch<MessageRecord>, HubError> {
        let page = self.archive.messages(query).await?;
        let is_last = page.is_last();
        let rows: Vec<_> = page.into_known().collect();
        let looked_at = rows.len();
        let last = rows
            .last()
            .map(|row| (row.position, row.message.accepted_at));
        let terms = terms.clone();
        let found = apart(move || terms.of_archived(rows)).await?;
        Ok(Stretch {
            found: self.refresh(found).await?,
            rows: looked_at,
            back_to: last.map(|(_, at)| at),
            before: last.map(|(position, _)| position).filter(|_| !is_last),
        })
    }
}

impl Terms {
    /// How much of payloads has to be read.
    fn detail_read(&self) -> PayloadDetail {
        match self.content.needs_payloads() {
            true => PayloadDetail::Full,
            false => self.detail,
        }
    }

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
        let mut found = Vec::new();
        for row in rows {
            if row.meets(&self.content) {
                let row = Box::new(row.with(self.detail));
                found.push(MessageRecord::Archived(row));
            }
        }
        found
    }
}

impl<T> FoundPage<T> {
    fn nothing() -> Self {
        Self {
            items: Vec::new(),
            next: None,
            searched: Searched {
                complete: true,
                ..Searched::default()
            },
        }
    }
}

/// Runs what may take a while where nobody waits for the thread.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HubError> {
    spawn_blocking(work).await.map_err(|_| HubError::Internal)
}

/// Fills a page with those to keep of what `next` finds, until it is full, the list ends or enough
/// was looked at.
async fn fill(
    terms: &Terms,
    keep: impl Fn(&MessageRecord) -> bool,
    mut next: impl AsyncFnMut() -> Result<Stretch<MessageRecord>, HubError>,
) -> Result<FoundPage<MessageRecord>, HubError> {
    let mut page = FoundPage::nothing();
    let mut bytes = 0;
    let begun = Instant::now();
    loop {
        let stretch = next().await?;
        page.searched.rows += stretch.rows;
        page.next = stretch.before;
        let mut found = stretch.found.into_iter().filter(&keep).peekable();
        while let Some(record) = found.next() {
            bytes += record.bytes(terms.detail);
            let is_full = page.items.len() + 1 == terms.limit || bytes >= MOST_BYTES;
            if is_full && (found.peek().is_some() || stretch.before.is_some()) {
                page.next = Some(record.position());
                page.searched.back_to = Some(record.message().accepted_at);
                page.searched.complete = false;
                page.items.push(record);
                return Ok(page);
            }
            page.items.push(record);
        }
        page.searched.back_to = stretch.back_to.or(page.searched.back_to);
        page.searched.complete = stretch.before.is_none();
        let is_enough = page.searched.rows >= MOST_ROWS || begun.elapsed() >= MOST_TIME;
        if page.searched.complete || is_enough {
            return Ok(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn nobody_looks_through_more_than_enough_and_whoever_wants_goes_on() {
        let terms = Terms {
            content: ContentFilter::default(),
            detail: PayloadDetail::None,
            limit: 10,
        };
        let mut left = 3 * MOST_ROWS as Position / 2;
        let mut rounds = Vec::new();
        loop {
            let page = fill(
                &terms,
                |_| true,
                async || {
                    left -= 500;
                    Ok(Stretch {
                        found: Vec::new(),
                        rows: 500,
                        back_to: Some(Timestamp::from_millis(left as i64)),
                        before: Some(left).filter(|left| *left > 0),
                    })
                },
            );
            let page = page.await.unwrap();
            let searched = page.searched;
            assert!(page.items.is_empty());
            assert_eq!(searched.back_to, Some(Timestamp::from_millis(left as i64)));
            assert_eq!(page.next.unwrap_or(0), left);
            assert_eq!(searched.complete, page.next.is_none());
            rounds.push(searched.rows);
            if searched.complete {
                break;
            }
        }
        // However slow the machine is, no round has more.
        assert_eq!(rounds.iter().sum::<usize>(), 3 * MOST_ROWS / 2);
        assert!(rounds.iter().all(|rows| *rows <= MOST_ROWS), "{rounds:?}");
        assert!(rounds.len() > 1);
    }
}
