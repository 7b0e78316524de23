//! Reading events: from memory if that has all, else from the archive.

use std::sync::Arc;

use super::Hub;
use super::error::HubError;
use super::reading::Reading;
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::event_lists::EventTypeEntry;
use crate::domain::refusal::Refusal;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::{EventWindow, EventsRead};
use crate::logic::name_query::NameQuery;
use crate::logic::page::Page;

impl Hub {
    /// One event.
    ///
    /// # Errors
    /// NOT_FOUND if it is not known or not kept; STORAGE_UNAVAILABLE if the archive does not answer.
    pub async fn event(&self, id: EventId) -> Result<Event, HubError> {
        self.flush().await?;
        let found = self.archive.events_by_id(vec![id]).await?.pop();
        found.ok_or_else(|| HubError::NotFound {
            what: format!("event {id}"),
        })
    }

    /// A page of the events that match. Whatever was acknowledged before is among them.
    ///
    /// # Errors
    /// GONE if events from `kept` on, if that is given, are gone; STORAGE_UNAVAILABLE without an
    /// archive that is needed; QUEUE_FULL if too much is read at once.
    pub async fn search_events(
        &self,
        reading: &mut Reading<'_>,
        query: EventQuery,
        kept: Option<Sequence>,
    ) -> Result<Page<Arc<Event>>, HubError> {
        let recent = self.events.recent(query.clone()).await?;
        check_kept(&recent.window, kept)?;
        if let Some(page) = recent.page {
            let bytes = page.items.iter().map(|event| event.bytes()).sum();
            reading.begin_with(bytes).await?;
            return Ok(page);
        }
        let visible = reading.begin_in_archive();
        let read = self.events.archived(query, visible).await?;
        // They may have gone while they were read.
        check_kept(&read.window, kept)?;
        Ok(read.page)
    }

    /// A page of the types of the events that are kept. Whatever was acknowledged before is among
    /// them.
    ///
    /// # Errors
    /// QUEUE_FULL if too much is read at once; STORAGE_UNAVAILABLE.
    pub async fn event_types(
        &self,
        reading: &mut Reading<'_>,
        query: NameQuery,
    ) -> Result<Page<EventTypeEntry>, HubError> {
        reading.begin_in_archive().await?;
        Ok(self.archive.event_types(query).await?)
    }

    /// The first and the last of the newest `n` that match, or of all if there are fewer.
    pub(super) async fn newest_events(
        &self,
        query: EventQuery,
        n: usize,
    ) -> Result<Option<(Sequence, Sequence)>, HubError> {
        let query = EventQuery {
            descending: true,
            limit: n,
            ..query
        };
        let ends =
            |newest_first: &[Sequence]| Some((*newest_first.last()?, *newest_first.first()?));
        let in_memory = EventQuery {
            // Those in memory are there in any case.
            most_bytes: Some(usize::MAX),
            ..query.clone()
        };
        if let Some(page) = self.events.recent(in_memory).await?.page {
            let sequences: Vec<_> = page.items.iter().map(|event| event.sequence).collect();
            return Ok(ends(&sequences));
        }
        self.flush().await?;
        Ok(ends(&self.archive.sequences(query).await?))
    }

    /// A page of what comes before the events in memory.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE without an archive that is needed.
    pub async fn events_before_memory(&self, query: EventQuery) -> Result<EventsRead, HubError> {
        self.events.before_memory(query, self.flush()).await
    }

    /// Where the log of events begins and ends now.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn event_window(&self) -> Result<EventWindow, HubError> {
        Ok(self.events.window().await?)
    }

    /// # Errors
    /// GONE if events from `from` on are gone.
    pub(super) async fn events_must_be_kept(&self, from: Sequence) -> Result<(), HubError> {
        check_kept(&self.event_window().await?, Some(from))
    }
}

pub(super) fn check_kept(window: &EventWindow, from: Option<Sequence>) -> Result<(), HubError> {
    let oldest = window.oldest;
    match from {
        Some(from) if from < oldest => Err(Refusal::EventsGone { oldest }.into()),
        _ => Ok(()),
    }
}
