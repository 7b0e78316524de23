//! `/v1/events`: what was published.

pub mod list;
pub mod read;
pub mod replay;

use actix_web::web;

use super::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/events", "GET", [web::get().to(list::search)]);
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
