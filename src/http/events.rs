//! `/v1/events`: publish one event or many, and read them.

pub mod batch;
pub mod list;
pub mod publish;
pub mod read;
pub mod replay;

use actix_web::{HttpResponse, web};

use super::Routes;
use crate::error::HubError;

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
        [web::get().to(follow), web::post().to(publish::publish)],
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

/// Follow events
///
/// Needs a WebSocket.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "follow_events",
    tag = "events",
    responses((status = 426, description = "UPGRADE_REQUIRED: this is for WebSockets")),
)]
pub async fn follow() -> Result<HttpResponse, HubError> {
    Err(HubError::UpgradeRequired)
}
