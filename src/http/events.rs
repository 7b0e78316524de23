//! `/v1/events`: publish one event or many, and read them.

pub mod batch;
pub mod list;
pub mod publish;
pub mod read;
pub mod replay;

use actix_web::web;

use super::{Routes, socket};

pub fn routes(routes: &mut Routes<'_>) {
    routes.at(
        "/v1/events",
        "GET, POST",
        [
            web::get().to(list::search),
            web::post().to(publish::publish),
        ],
    );
    routes.at("/event", "POST", [web::post().to(publish::publish)]);
    routes.at(
        "/events",
        "GET, POST",
        [
            web::get().to(socket::open),
            web::post().to(publish::publish),
        ],
    );
    routes.at(
        "/v1/events/batch",
        "POST",
        [web::post().to(batch::publish_batch)],
    );
    // Before the events, whose ids would take its place.
    routes.at(
        "/v1/events/replay",
        "GET, POST",
        [
            web::get().to(replay::replay_by_query),
            web::post().to(replay::replay),
        ],
    );
    routes.at("/v1/events/{id}", "GET", [web::get().to(list::show)]);
}
