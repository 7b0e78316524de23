//! Pausing, resuming and clearing queues.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api;
use crate::api::field::Narrowing;
use crate::api::message::{LevelWord, PriorityInput};
use crate::api::texts::OldService;
use crate::domain::ids::ServiceName;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::no_body::NoBody;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::{HubError, Subject};
use crate::web::caller::{Caller, principal};
use crate::web::query::{self, NeverEmpty};
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/queue/pause", [routing::post(pause)]);
    routes.at("/v1/queue/resume", [routing::post(resume)]);
    routes.at("/v1/queue", [routing::delete(clear)]);
}

/// Which queue. May be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SwitchInput)]
struct SwitchBody {
    /// The queues of all services if not given.
    #[serde(default)]
    #[schema(value_type = ServiceName)]
    service: Narrowing<OldService>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClearQuery {
    service: OldService,
    /// Only this level.
    #[serde(default)]
    #[param(value_type = PriorityInput)]
    priority: NeverEmpty<LevelWord>,
}

/// Whether a queue hands messages out.
#[derive(Serialize, ToSchema)]
pub(crate) struct Switched {
    /// Null: the queues of all services.
    service: Option<ServiceName>,
    /// `paused` or `active`.
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Cleared {
    service: ServiceName,
    /// So many messages were cancelled.
    cancelled: u64,
}

/// Pause a queue
///
/// Nothing is handed out to the service (without `service`: to any) from now on, also after a
/// restart. Messages are accepted as before, and what is under way is finished.
#[utoipa::path(
    post,
    path = "/v1/queue/pause",
    operation_id = "pause_queue",
    tag = "queue",
    request_body = SwitchBody,
    responses(
        (status = 200, description = "It is paused", body = Switched),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered this destination"),
    ),
)]
pub(crate) async fn pause(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, payload, true).await
}

/// Resume a queue
///
/// Without `service` the pause of all queues ends; a queue that was paused by name stays paused.
#[utoipa::path(
    post,
    path = "/v1/queue/resume",
    operation_id = "resume_queue",
    tag = "queue",
    request_body = SwitchBody,
    responses(
        (status = 200, description = "It hands out again", body = Switched),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered this destination"),
    ),
)]
pub(crate) async fn resume(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, payload, false).await
}

async fn switch(
    request: &HttpRequest,
    hub: &Hub,
    payload: UnreadBody,
    paused: bool,
) -> Result<HttpResponse, HubError> {
    // Before the body, of which nobody else is told what is wrong with it.
    principal(request).may(Operation::SwitchQueue)?;
    let body = ReadBody::one(hub, payload, SUBJECT).await?;
    let SwitchBody { service } = api::body::optional(SUBJECT, body.text())?;
    let service = service.0.map(|service| service.0);
    let caller = Caller::of(request);
    let context = caller.context(hub.clock.wall());
    hub.switch_queue(&context, service.as_ref(), paused).await?;
    let status = if paused { "paused" } else { "active" };
    Ok(HttpResponse::Ok().json(Switched { service, status }))
}

/// Clear a queue
///
/// Cancels what waits for the service, of one priority or of all: queued, parked, scheduled and
/// retrying messages, but not what is under way.
#[utoipa::path(
    delete,
    path = "/v1/queue",
    operation_id = "clear_queue",
    tag = "queue",
    params(ClearQuery),
    responses(
        (status = 200, description = "How many were cancelled", body = Cleared),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered this destination"),
    ),
)]
pub(crate) async fn clear(
    request: HttpRequest,
    hub: web::Data<Hub>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    // Before the query, as with a body.
    principal(&request).may(Operation::ClearQueue)?;
    let asked: ClearQuery = query::read(&request)?;
    let (service, priority) = (asked.service.0, asked.priority.0);
    let priority = priority.map(|level| level.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let cancelled = hub.clear_queue(&context, &service, priority).await?;
    Ok(HttpResponse::Ok().json(Cleared { service, cancelled }))
}
