//! `/v1/streams`: the events of one thing, and what they add up to.

pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod snapshots;
mod stream_id;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::domain::ids::StreamId;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::routing::{self, Routes};
use stream_id::stream_id;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/streams", [routing::get(list::list)]);
    routes.at("/v1/streams/{id}", [routing::get(show)]);
    routes.at("/v1/streams/{id}/events", [routing::get(events::list)]);
    routes.at("/v1/streams/{id}/state", [routing::get(snapshots::state)]);
    routes.at(
        "/v1/streams/{id}/snapshots",
        [routing::post(snapshots::take)],
    );
    routes.at(
        "/v1/streams/{id}/snapshots/latest",
        [routing::get(snapshots::latest)],
    );
}

#[derive(OpenApi)]
#[openapi(paths(
    list::list,
    show,
    events::list,
    snapshots::state,
    snapshots::take,
    snapshots::latest
))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// How far a stream is, and what is kept of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Stream)]
pub(crate) struct StreamView<'a> {
    stream_id: &'a StreamId,
    /// Of its last event.
    version: u64,
    /// Events kept; null while the archive does not answer.
    count: Option<u64>,
    /// When the oldest event kept was published.
    first_at: Option<Timestamp>,
    /// When the newest event kept was published.
    last_at: Option<Timestamp>,
}

/// One stream
///
/// Its version is known also without the archive, and never goes back. Everybody with a key may
/// read all streams.
#[utoipa::path(
    get,
    path = "/v1/streams/{id}",
    operation_id = "show_stream",
    tag = "streams",
    params(("id" = StreamId, Path)),
    responses(
        (status = 200, description = "The stream", body = StreamView),
        (status = 400, description = "INVALID_REQUEST: the id is no stream id"),
        (status = 404, description = "NOT_FOUND: it never had an event"),
    ),
)]
pub(crate) async fn show(
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = stream_id(&id)?;
    let stream = hub.stream(&id).await?;
    Ok(HttpResponse::Ok().json(StreamView {
        stream_id: &id,
        version: stream.version,
        count: stream.count,
        first_at: stream.first_at,
        last_at: stream.last_at,
    }))
}
