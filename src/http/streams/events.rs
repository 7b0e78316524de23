//! The events of one stream.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::snapshots::SnapshotView;
use super::stream_id::stream_id;
use crate::api::numbers::SequenceDigits;
use crate::domain::ids::StreamId;
use crate::http::event_view::EventView;
use crate::http::events::read::EventCursor;
use crate::http::payload_view::PayloadQuery;
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::page::PageQuery;
use crate::web::query::Query;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamSearch {
    /// Inclusive.
    #[param(inline, default = 1)]
    from_version: Option<SequenceDigits>,
}

/// A page of a stream's events, in the place of those that are gone a snapshot.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamEvents<'a> {
    stream_id: &'a StreamId,
    /// Of the stream's last event.
    version: u64,
    /// Only if events that were asked for are gone: what the stream added up to before `events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotView<'a>>,
    events: Vec<EventView<'a>>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// The events of a stream
///
/// In the order of their versions. If some that are asked for are gone, the answer begins with a
/// `snapshot` in their place, and the events are those after it.
#[utoipa::path(
    get,
    path = "/v1/streams/{id}/events",
    operation_id = "list_stream_events",
    tag = "streams",
    params(("id" = StreamId, Path), StreamSearch, PayloadQuery, PageQuery::<EventCursor>),
    responses(
        (status = 200, description = "The events", body = StreamEvents),
        (status = 400, description = "INVALID_REQUEST: the id or a parameter is wrong"),
        (status = 404, description = "NOT_FOUND: it never had an event"),
        (status = 410, description = "GONE: the archive was lost with the events and their snapshots; `details.oldest_version` says which are there, and a snapshot with a `state` takes their place"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn list(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = stream_id(&id)?;
    let query = Query::of(&request)?;
    let StreamSearch { from_version } = query.read()?;
    let part: PageQuery<EventCursor> = query.read()?;
    let limit = part.limit();
    let detail = query.read::<PayloadQuery>()?.detail();
    let given = from_version.map_or(1, |from| from.0.max(1));
    let from = part.cursor.map_or(given, |cursor| cursor.0);
    let mut reading = reading::of(&request, &hub);
    let page = hub.stream_events(&mut reading, &id, from, limit).await?;
    let next = page.events.next.as_ref();
    let events = page.events.items.iter();
    let view = StreamEvents {
        stream_id: &id,
        version: page.version,
        snapshot: page.snapshot.as_ref().map(SnapshotView::of),
        events: events.map(|event| EventView::of(event, detail)).collect(),
        count: page.events.items.len(),
        next_cursor: next.map(|event| event.stream_version().to_string()),
    };
    Ok(reading::json(reading, &view))
}
