//! `/v1/events`: publish one event or many, and read them.

pub(crate) mod batch;
pub(crate) mod list;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod replay;
use utoipa::OpenApi;

use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at(
        "/v1/events",
        [routing::get(list::search), routing::post(publish::publish)],
    );
    routes.at("/event", [routing::post(publish::publish)]);
    routes.at("/events", [routing::post(publish::publish)]);
    routes.at("/v1/events/batch", [routing::post(batch::publish_batch)]);
    // Before the events, whose ids would take its place.
    routes.at(
        "/v1/events/replay",
        [
            routing::get(replay::replay_by_query),
            routing::post(replay::replay),
        ],
    );
    routes.at("/v1/events/{id}", [routing::get(list::show)]);
}

#[derive(OpenApi)]
#[openapi(paths(
    publish::publish,
    batch::publish_batch,
    list::search,
    list::show,
    replay::replay,
    replay::replay_by_query,
))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}
