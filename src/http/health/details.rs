//! `/health/details`: how each part of the hub is.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::status::{code, uptime};
use crate::api::health::Components;
use crate::domain::service::Health;
use crate::http::sight;
use crate::hub::Hub;
use crate::hub::error::HubError;

/// How the hub and its parts are.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthDetails)]
pub(crate) struct Details<'a> {
    status: Health,
    version: &'static str,
    /// Whole seconds.
    uptime: u64,
    components: Components,
    /// Keys of the configuration that are set but without effect in this version.
    set_but_unused: &'a [String],
}

/// How the parts of the hub are
///
/// What is counted by service is at most a second old. Names are told as by `/health`; who sees
/// none sees numbers.
#[utoipa::path(
    get,
    path = "/health/details",
    operation_id = "show_health_details",
    tag = "health",
    responses(
        (status = 200, description = "It works, if degraded with something missing", body = Details),
        (status = 503, description = "It is starting or stopping", body = Details),
    ),
)]
pub(crate) async fn details(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let phase = hub.phase.get();
    let found = hub.pictures.latest(phase).await?;
    let picture = &found.what;
    let status = hub.health(phase, picture.admission.is_overloaded());
    Ok(HttpResponse::build(code(status)).json(Details {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        components: Components::of(&hub, picture, sight::of(&request, &hub)),
        set_but_unused: &hub.settings.unused,
    }))
}
