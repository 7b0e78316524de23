//! The events of one stream.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::snapshots::SnapshotView;
use super::stream::{stream_id, version};
use crate::domain::event::{Event, Snapshot};
use crate::domain::ids::StreamId;
use crate::domain::refusal::Refusal;
use crate::http::event_view::EventView;
use crate::http::events::read;
use crate::http::openapi::history::StreamSearch;
use crate::http::openapi::messages::PageQuery;
use crate::http::query::Query;
use crate::http::reading::Reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::event_query::EventQuery;
use crate::logic::page::Page;

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
    params(("id" = StreamId, Path), StreamSearch, PageQuery),
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
    let asked = Query::of(&request)?;
    let limit = asked.limit()?;
    let from = asked.number("from_version", 0, read::LAST_SEQUENCE)?;
    let from = read::cursor(&asked)?.or(from).unwrap_or(1).max(1);
    let version = version(&hub, &id).await?;
    let mut reading = Reading::of(&hub, &request);
    let (snapshot, page) = read_from(&mut reading, &id, from, version, limit).await?;
    let next_cursor = page.next.map(|event| version_of(&event).to_string());
    let events = page.items;
    Ok(reading.json(&StreamEvents {
        stream_id: &id,
        version,
        snapshot: snapshot.as_ref().map(SnapshotView::of),
        events: events.iter().map(|event| EventView::of(event)).collect(),
        count: events.len(),
        next_cursor,
    }))
}

/// The events from version `from` on, after a snapshot if the first of them are gone. `version`
/// is the stream's last.
async fn read_from(
    reading: &mut Reading<'_>,
    id: &StreamId,
    from: u64,
    version: u64,
    limit: usize,
) -> Result<(Option<Snapshot>, Page<Arc<Event>>), HubError> {
    let query = |from| EventQuery {
        stream_id: Some(id.clone()),
        from_version: Some(from),
        limit,
        ..EventQuery::default()
    };
    let page = read::read(reading, query(from)).await?;
    // The last one that is gone.
    let gone = match page.items.first() {
        Some(first) => version_of(first) - 1,
        None => version,
    };
    if gone < from {
        return Ok((None, page));
    }
    let hub = reading.hub;
    reading.begin_in_archive().await?;
    reading.begin_snapshot().await?;
    let exact = hub.archive.snapshot(id.clone(), gone).await?;
    if let Some(snapshot) = exact.filter(|snapshot| snapshot.version == gone) {
        return Ok((Some(snapshot), page));
    }
    // Somebody took a later one, so that none was needed when the events went.
    let newest = hub.archive.snapshot(id.clone(), u64::MAX).await?;
    let newest = newest.filter(|snapshot| snapshot.version > gone);
    let Some(snapshot) = newest else {
        return Err(Refusal::VersionsGone { oldest: gone + 1 }.into());
    };
    let page = read::read(reading, query(snapshot.version + 1)).await?;
    Ok((Some(snapshot), page))
}

fn version_of(event: &Event) -> u64 {
    event.stream.as_ref().map_or(0, |place| place.version)
}
