//! `GET /v1/events`: what was published.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::read::{EventCursor, PatternList, first_is_one};
use crate::api::field::{BodyField, field, text, word};
use crate::api::numbers::SequenceDigits;
use crate::api::problem::Problem;
use crate::api::texts::{OldCorrelation, OldService, OldStream, PointInTime};
use crate::domain::event::{Event, EventId, Sequence};
use crate::domain::subscription::ReplayFilter;
use crate::http::content_search::{self, PayloadContent, SearchedView};
use crate::http::event_view::EventView;
use crate::http::payload_view::PayloadQuery;
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::event_search::EventLook;
use crate::logic::event_query::EventQuery;
use crate::logic::payload_head::PayloadDetail;
use crate::web::page::PageQuery;
use crate::web::query::{self, Query};

/// Which events; those that match everything given.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventSearch {
    /// Patterns with commas between them; one has to match. `*` stands for one word, `#` for any
    /// number of words.
    #[param(inline, example = "order.*,payment.#")]
    event_type: Option<PatternList>,
    source: Option<OldService>,
    stream_id: Option<OldStream>,
    /// Or the event's own id, if it names none.
    correlation_id: Option<OldCorrelation>,
    /// Inclusive.
    #[param(inline)]
    from_sequence: Option<SequenceDigits>,
    /// Inclusive.
    #[param(inline)]
    to_sequence: Option<SequenceDigits>,
    /// Published then or later, by the hub's clock.
    from_timestamp: Option<PointInTime>,
    /// Published then or before.
    to_timestamp: Option<PointInTime>,
    #[param(default = "asc")]
    order: Option<EventOrder>,
}

/// By their sequences.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum EventOrder {
    Asc,
    Desc,
}

impl BodyField for EventOrder {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let read = |word: &str| match word {
            "asc" => Some(Self::Asc),
            "desc" => Some(Self::Desc),
            _ => None,
        };
        word(&text(json)?, read, &["asc", "desc"]).map_err(Problem::new)
    }
}

field!(EventOrder);

/// A page of a list of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventPage<'a> {
    events: Vec<EventView<'a>>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
    /// If a part of what they are was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched: Option<SearchedView>,
}

impl<'a> EventPage<'a> {
    /// With so much of their payloads.
    pub(crate) fn of(
        events: &'a [Arc<Event>],
        detail: PayloadDetail,
        next_cursor: Option<String>,
    ) -> Self {
        let views = events.iter().map(|event| EventView::of(event, detail));
        Self {
            events: views.collect(),
            count: events.len(),
            next_cursor,
            searched: None,
        }
    }
}

/// Find events
///
/// Oldest first, if nothing else is asked for. Whatever was acknowledged before is among them. A
/// cursor names a place in the order of all events, so that nothing is skipped or told twice
/// however much is published meanwhile. Everybody with a key may read all events. What no list is
/// ordered by is looked for as in the list of messages.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "search_events",
    tag = "events",
    params(EventSearch, PayloadContent, PayloadQuery, PageQuery::<EventCursor>),
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
    let (search, part) = (asked.read::<EventSearch>()?, asked.read()?);
    let detail = asked.read::<PayloadQuery>()?.detail();
    let content = content_search::of_events(&asked)?;
    let (query, kept) = search.query(&part);
    let mut reading = reading::of(&request, &hub);
    if content.is_empty() {
        let page = hub.search_events(&mut reading, query, kept).await?;
        let next_cursor = page.next.map(|next| next.sequence.to_string());
        let page = EventPage::of(&page.items, detail, next_cursor);
        return Ok(reading::json(reading, &page));
    }
    let look = EventLook {
        query,
        kept,
        content,
    };
    let found = hub.look_through_events(&mut reading, look).await?;
    let next_cursor = found.next.map(|sequence| sequence.to_string());
    let page = EventPage {
        searched: Some(found.searched.into()),
        ..EventPage::of(&found.items, detail, next_cursor)
    };
    Ok(reading::json(reading, &page))
}

impl EventSearch {
    /// What is asked for, and from which sequence on all of it has to be kept.
    fn query(self, part: &PageQuery<EventCursor>) -> (EventQuery, Option<Sequence>) {
        let descending = self.order == Some(EventOrder::Desc);
        let (from, to) = (
            first_is_one(self.from_sequence),
            first_is_one(self.to_sequence),
        );
        let mut query = EventQuery {
            from_sequence: from,
            to_sequence: to,
            from_timestamp: self.from_timestamp.map(|time| time.0),
            to_timestamp: self.to_timestamp.map(|time| time.0),
            descending,
            limit: part.limit(),
            ..EventQuery::matching(ReplayFilter {
                event_types: self.event_type.map_or_else(Vec::new, |types| types.0),
                source: self.source.map(|service| service.0),
                stream_id: self.stream_id.map(|stream| stream.0),
                correlation_id: self.correlation_id.map(|id| id.0.to_string()),
            })
        };
        let mut kept = from;
        if let Some(EventCursor(cursor)) = part.cursor {
            if descending {
                query.to_sequence = Some(to.map_or(cursor, |to| to.min(cursor)));
            } else {
                query.from_sequence = Some(from.map_or(cursor, |from| from.max(cursor)));
                kept = query.from_sequence;
            }
        }
        (query, kept)
    }
}

/// One event
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "show_event",
    tag = "events",
    params(("id" = EventId, Path), PayloadQuery),
    responses(
        (status = 200, description = "The event", body = EventView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or no longer kept"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = EventId(query::uuid("id", &id)?);
    let detail = query::read::<PayloadQuery>(&request)?.detail();
    let event = hub.event(id).await?;
    Ok(HttpResponse::Ok().json(EventView::of(&event, detail)))
}
