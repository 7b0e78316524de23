//! `/metrics`: what is measured.

use actix_web::{HttpRequest, HttpResponse, web};

use super::sight;
use utoipa::OpenApi;

use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    let metrics = [routing::get(metrics), routing::head(metrics)];
    routes.at("/metrics", metrics);
}

#[derive(OpenApi)]
#[openapi(paths(metrics))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The metrics, for Prometheus
///
/// At most a second old. While there are keys, series of a service or a type are shown only to
/// those who show a key or ask on the hub's own machine; others see its counters added up over all
/// of them, and its gauges not.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "show_metrics",
    tag = "health",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let text = hub.metrics_text(sight::of(&request, &hub)).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text))
}
