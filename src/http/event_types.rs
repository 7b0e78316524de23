//! `/v1/event-types`: which types of events there are.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::names::{self, NameSearch};
use super::reading;
use crate::domain::event_lists::EventTypeEntry;
use crate::domain::ids::EventType;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::page::PageQuery;
use crate::web::query::Query;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/event-types", [routing::get(list)]);
}

#[derive(OpenApi)]
#[openapi(paths(list))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// A type of events in the list.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventTypeListItem {
    event_type: EventType,
    /// Events of this type that are kept; 1,000 stands for so many or more.
    count: u64,
    /// When the last one was published.
    last_at: Timestamp,
}

/// A page of the list of types.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventTypeList {
    event_types: Vec<EventTypeListItem>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// Which types of events there are
///
/// Those of events that are still kept, by their names. Everybody with a key may read all events.
#[utoipa::path(
    get,
    path = "/v1/event-types",
    operation_id = "list_event_types",
    tag = "events",
    params(NameSearch, PageQuery::<EventType>),
    responses(
        (status = 200, description = "The types, in the order of the bytes of their names", body = EventTypeList),
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
    let part: PageQuery<EventType> = asked.read()?;
    let mut reading = reading::of(&request, &hub);
    let page = hub.event_types(&mut reading, search.query(&part)).await?;
    let next_cursor = names::next_cursor(&page, |entry| entry.event_type.to_string());
    let event_types = page.items.into_iter().map(EventTypeListItem::from);
    let event_types: Vec<_> = event_types.collect();
    Ok(reading::json(
        reading,
        &EventTypeList {
            count: event_types.len(),
            event_types,
            next_cursor,
        },
    ))
}

impl From<EventTypeEntry> for EventTypeListItem {
    fn from(entry: EventTypeEntry) -> Self {
        Self {
            event_type: entry.event_type,
            count: entry.count,
            last_at: entry.last_at,
        }
    }
}
