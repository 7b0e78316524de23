//! `GET /v1/streams`: which there are.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::event_lists::StreamEntry;
use crate::domain::ids::StreamId;
use crate::domain::timestamp::Timestamp;
use crate::http::names::{self, NameSearch};
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::page::PageQuery;
use crate::web::query::Query;

/// A stream in the list.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamListItem {
    stream_id: StreamId,
    /// Of its last event.
    version: u64,
    /// Events kept.
    count: u64,
    /// When the last one was published.
    last_at: Timestamp,
}

/// A page of the list of streams.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamList {
    streams: Vec<StreamListItem>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// Which streams there are
///
/// Those that have events which are still kept, by their names. Everybody with a key may read all
/// streams.
#[utoipa::path(
    get,
    path = "/v1/streams",
    operation_id = "list_streams",
    tag = "streams",
    params(NameSearch, PageQuery::<StreamId>),
    responses(
        (status = 200, description = "The streams, in the order of the bytes of their names", body = StreamList),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn list(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let asked = Query::of(&request)?;
    let search: NameSearch = asked.read()?;
    let part: PageQuery<StreamId> = asked.read()?;
    let mut reading = reading::of(&request, &hub);
    let page = hub.streams(&mut reading, search.query(&part)).await?;
    let next_cursor = names::next_cursor(&page, |entry| entry.id.to_string());
    let streams: Vec<_> = page.items.into_iter().map(StreamListItem::from).collect();
    Ok(reading::json(
        reading,
        &StreamList {
            count: streams.len(),
            streams,
            next_cursor,
        },
    ))
}

impl From<StreamEntry> for StreamListItem {
    fn from(entry: StreamEntry) -> Self {
        Self {
            stream_id: entry.id,
            version: entry.version,
            count: entry.count,
            last_at: entry.last_at,
        }
    }
}
