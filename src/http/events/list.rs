//! `GET /v1/events`: what was published.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::read;
use crate::domain::event::{Event, EventId};
use crate::http::event_view::EventView;
use crate::http::openapi::history::EventSearch;
use crate::http::openapi::messages::PageQuery;
use crate::http::query::{self, Query};
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::event_query::EventQuery;

/// A page of a list of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventPage<'a> {
    events: Vec<EventView<'a>>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

impl<'a> EventPage<'a> {
    pub(crate) fn of(events: &'a [Arc<Event>], next_cursor: Option<String>) -> Self {
        Self {
            events: events.iter().map(|event| EventView::of(event)).collect(),
            count: events.len(),
            next_cursor,
        }
    }
}

/// Find events
///
/// Oldest first, if nothing else is asked for. Whatever was acknowledged before is among them. A
/// cursor names a place in the order of all events, so that nothing is skipped or told twice
/// however much is published meanwhile. Everybody with a key may read all events.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "search_events",
    tag = "events",
    params(EventSearch, PageQuery),
    responses(
        (status = 200, description = "Those that match everything given", body = EventPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 410, description = "GONE: events from `from_sequence` or `cursor` on are no longer kept; `details.oldest_sequence` says which are"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn search(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let asked = Query::of(&request)?;
    let order = |word: &str| match word {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    };
    let descending = asked.word("order", "asc, desc", order)?.unwrap_or(false);
    let (from, to) = (
        read::sequence(&asked, "from_sequence")?,
        read::sequence(&asked, "to_sequence")?,
    );
    let cursor = read::cursor(&asked)?;
    let mut query = EventQuery {
        from_sequence: from,
        to_sequence: to,
        from_timestamp: asked.time("from_timestamp")?,
        to_timestamp: asked.time("to_timestamp")?,
        descending,
        limit: asked.limit()?,
        ..EventQuery::matching(read::filter(&asked, "event_type")?)
    };
    let mut kept = from;
    if let Some(cursor) = cursor {
        if descending {
            query.to_sequence = Some(to.map_or(cursor, |to| to.min(cursor)));
        } else {
            query.from_sequence = Some(from.map_or(cursor, |from| from.max(cursor)));
            kept = query.from_sequence;
        }
    }
    let mut reading = reading::of(&request, &hub);
    let page = hub.search_events(&mut reading, query, kept).await?;
    let next_cursor = page.next.map(|next| next.sequence.to_string());
    Ok(reading::json(
        reading,
        &EventPage::of(&page.items, next_cursor),
    ))
}

/// One event
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "show_event",
    tag = "events",
    params(("id" = EventId, Path)),
    responses(
        (status = 200, description = "The event", body = EventView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or no longer kept"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn show(
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = EventId(query::uuid("id", &id)?);
    let event = hub.event(id).await?;
    Ok(HttpResponse::Ok().json(EventView::of(&event)))
}
