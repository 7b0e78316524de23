//! Looking through events.

use std::sync::Arc;

use super::Hub;
use super::error::HubError;
use super::events::check_kept;
use super::paging::SCAN;
use super::reading::Reading;
use super::searching::{FoundPage, FoundPageOf, LookedAt, apart, fill};
use crate::domain::event::{Event, Sequence};
use crate::logic::content_filter::ContentFilter;
use crate::logic::event_query::EventQuery;
use crate::logic::page::Page;

/// Which events are looked through, and for what.
#[derive(Clone, Debug)]
pub struct EventLook {
    /// Those that match this, in its order; at most so many are found.
    pub query: EventQuery,
    /// From here on all have to be kept; `None`: nobody asks.
    pub kept: Option<Sequence>,
    /// What each has to be.
    pub content: ContentFilter,
}

impl Hub {
    /// A page of the events that match, after those that match nothing else were looked at. As
    /// [`Hub::search_events`].
    ///
    /// # Errors
    /// As [`Hub::search_events`].
    pub async fn look_through_events(
        &self,
        reading: &mut Reading<'_>,
        look: EventLook,
    ) -> Result<FoundPage<Arc<Event>>, HubError> {
        reading.begin_search().await?;
        reading.begin().await?;
        let descending = look.query.descending;
        let behind = |sequence: Sequence| match descending {
            true => sequence.saturating_sub(1),
            false => sequence + 1,
        };
        let page = FoundPageOf {
            limit: look.query.limit,
            keep: |_: &Arc<Event>| true,
            bytes: |event: &Arc<Event>| event.bytes(),
            place: |event: &Arc<Event>| (behind(event.sequence), event.published_at),
        };
        let (mut query, mut kept) = (look.query, look.kept);
        query.limit = SCAN;
        let content = Arc::new(look.content);
        let mut is_visible = false;
        fill(page, async || {
            let page = self.event_stretch(reading, (&query, kept), &mut is_visible);
            let page = page.await?;
            let next = page.next.as_ref().map(|event| event.sequence);
            if descending {
                query.to_sequence = next;
            } else {
                // What is behind is read no more, and may go.
                (query.from_sequence, kept) = (next, next);
            }
            let (rows, content) = (page.items.len(), content.clone());
            let back_to = page.items.last().map(|event| event.published_at);
            let meant = move |event: &Arc<Event>| content.matches_event(event, None);
            let found = apart(move || page.items.into_iter().filter(meant).collect());
            Ok(LookedAt {
                found: found.await?,
                rows,
                back_to,
                next,
            })
        })
        .await
    }

    /// The next events, from memory if it has them all, else from the archive, where what was
    /// acknowledged before has to be made visible once.
    async fn event_stretch(
        &self,
        reading: &mut Reading<'_>,
        (query, kept): (&EventQuery, Option<Sequence>),
        is_visible: &mut bool,
    ) -> Result<Page<Arc<Event>>, HubError> {
        let recent = self.events.recent(query.clone()).await?;
        check_kept(&recent.window, kept)?;
        if let Some(page) = recent.page {
            return Ok(page);
        }
        let is_new = !std::mem::replace(is_visible, true);
        let visible = async {
            match is_new {
                true => reading.begin_in_archive().await,
                false => Ok(()),
            }
        };
        let read = self.events.archived(query.clone(), visible).await?;
        check_kept(&read.window, kept)?;
        Ok(read.page)
    }
}
