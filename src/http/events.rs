//! `/v1/events`: publish one event or many, and read them.

pub mod batch;
pub mod publish;

use actix_web::{HttpResponse, web};

use super::Routes;
use crate::error::HubError;

pub fn routes(routes: &mut Routes<'_>) {
    for path in ["/v1/events", "/event"] {
        routes.at(path, "POST", [web::post().to(publish::publish)]);
    }
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
