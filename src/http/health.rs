//! `/health`: how the hub is, answered from memory.

pub(crate) mod details;
mod status;
pub(crate) mod told;

use std::collections::BTreeMap;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::sight;
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::hub::lately::Found;
use crate::hub::picture::Picture;
use crate::hub::sight::Sight;
use crate::phase::Phase;
use crate::web::routing::{self, Routes};
use status::{code, uptime};
use told::{Told, WrittenHealth};

pub(crate) fn routes(routes: &mut Routes) {
    let health = [routing::get(health), routing::head(health)];
    routes.at("/health", health);
    let live = [routing::get(live), routing::head(live)];
    routes.at("/health/live", live);
    let ready = [routing::get(ready), routing::head(ready)];
    routes.at("/health/ready", ready);
    routes.at("/health/details", [routing::get(details::details)]);
}

#[derive(OpenApi)]
#[openapi(paths(health, live, ready, details::details))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// How the hub is, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthAnswer)]
pub(crate) struct HealthSummary {
    status: Health,
    version: &'static str,
    /// Whole seconds.
    uptime: u64,
    message_stats: MessageStats,
    /// Each by its name; empty for those who see no names.
    #[schema(value_type = BTreeMap<String, Health>)]
    services: BTreeMap<ServiceName, Health>,
    service_counts: ServiceCounts,
    /// The worst that is wrong now, in words; at most three things.
    attention: Vec<String>,
}

/// Counted ever, over restarts.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageStats {
    /// Delivered.
    processed: i64,
    /// Dead and expired.
    failed: i64,
    /// Everything that is not settled.
    pending: usize,
}

/// How many services are so.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceCounts {
    healthy: usize,
    degraded: usize,
    unhealthy: usize,
}

impl ServiceCounts {
    fn of(picture: &Picture) -> Self {
        let services = &picture.services;
        Self {
            healthy: services.healthy(),
            degraded: services.degraded,
            unhealthy: services.unhealthy,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// `healthy`.
    status: Health,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    status: Health,
    #[schema(pattern = "^(starting|open|draining)$")]
    phase: &'static str,
}

/// How the hub is
///
/// Answered from memory, at any time and to anybody; it is at most a second old. While there are
/// keys, services are named only to those who show one or ask on the hub's own machine.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "show_health",
    tag = "health",
    responses(
        (status = 200, description = "It works, if degraded with something missing", body = HealthSummary),
        (status = 503, description = "It is starting or stopping", body = HealthSummary),
    ),
)]
pub(crate) async fn health(
    request: HttpRequest,
    hub: web::Data<Hub>,
    told: web::Data<Told>,
) -> Result<HttpResponse, HubError> {
    let (phase, sight) = (hub.phase.get(), sight::of(&request, &hub));
    let told = told.to(sight.shows_names());
    let found = told.get(phase, || find(hub.clone(), phase, sight)).await?;
    let answer = &found.what;
    Ok(HttpResponse::build(answer.code)
        .content_type(ContentType::json())
        .body(answer.body.clone()))
}

async fn find(
    hub: web::Data<Hub>,
    phase: Phase,
    sight: Sight,
) -> Result<Found<WrittenHealth>, HubError> {
    let found = hub.pictures.latest(phase).await?;
    let picture = &found.what;
    let status = hub.health(phase, picture.admission.is_overloaded());
    let totals = picture.queues.totals;
    let services = match sight.shows_names() {
        true => {
            let inventory = hub.inventories.latest(phase).await?;
            let named = inventory.what.services.iter();
            named.map(|one| (one.service.clone(), one.status)).collect()
        }
        false => BTreeMap::new(),
    };
    let answer = HealthSummary {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime(&hub),
        message_stats: MessageStats {
            processed: totals.delivered,
            failed: totals.dead + totals.expired,
            pending: picture.queues.total.open(),
        },
        services,
        service_counts: ServiceCounts::of(picture),
        attention: match phase {
            Phase::Starting => Vec::new(),
            Phase::Open | Phase::Draining => hub.attention(picture, sight),
        },
    };
    let body = serde_json::to_vec(&answer).map_err(|_| HubError::Internal)?;
    Ok(Found {
        what: WrittenHealth {
            code: code(status),
            body: body.into(),
        },
        at: found.at,
        phase,
    })
}

/// Whether the process lives
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "show_liveness",
    tag = "health",
    security(()),
    responses((status = 200, description = "It lives", body = Liveness)),
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Liveness {
        status: Health::Healthy,
    })
}

/// Whether the hub takes messages
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "show_readiness",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "It is open. `degraded`: something is missing, or nothing new is taken in for want of disk space; what is there is delivered", body = Readiness),
        (status = 503, description = "It is starting or stopping", body = Readiness),
    ),
)]
pub(crate) async fn ready(hub: web::Data<Hub>) -> HttpResponse {
    // One queue that is full is no reason to send all others elsewhere.
    let phase = hub.phase.get();
    let status = hub.health(phase, false);
    let phase = match phase {
        Phase::Starting => "starting",
        Phase::Open => "open",
        Phase::Draining => "draining",
    };
    HttpResponse::build(code(status)).json(Readiness { status, phase })
}
