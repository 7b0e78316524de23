//! `/v1/events`: publish one event or many, and read them.

pub(crate) mod batch;
pub(crate) mod list;
pub(crate) mod publish;
pub(crate) mod read;
pub(crate) mod replay;

use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at(
        "/v1/events",
        "GET, POST",
        [routing::get(list::search), routing::post(publish::publish)],
    );
    routes.at("/event", "POST", [routing::post(publish::publish)]);
    routes.at(
        "/events",
        "GET, POST",
        [
            routing::get(crate::websocket::open),
            routing::post(publish::publish),
        ],
    );
    routes.at(
        "/v1/events/batch",
        "POST",
        [routing::post(batch::publish_batch)],
    );
    // Before the events, whose ids would take its place.
    routes.at(
        "/v1/events/replay",
        "GET, POST",
        [
            routing::get(replay::replay_by_query),
            routing::post(replay::replay),
        ],
    );
    routes.at("/v1/events/{id}", "GET", [routing::get(list::show)]);
}
