//! `/v1/dlq/redrive` and `/v1/dlq/delete`: jobs that send many dead letters again, or delete them.

pub(crate) mod input;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::no_body::NoBody;
use super::reading;
use crate::api::job::JobView;
use crate::domain::ids::JobId;
use crate::domain::redrive::{JobKind, Switch};
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::redrives::{RedriveStart, RedriveWish};
use crate::web::caller::Caller;
use crate::web::page::{Order, PageQuery};
use crate::web::query;
use crate::web::routing::{self, Routes};
use input::{DeleteBody, RedriveBody};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/dlq/redrive", [routing::get(all), routing::post(start)]);
    routes.at("/v1/dlq/delete", [routing::post(delete)]);
    routes.at("/v1/dlq/redrive/{job}", [routing::get(show)]);
    routes.at("/v1/dlq/redrive/{job}/pause", [routing::post(pause)]);
    routes.at("/v1/dlq/redrive/{job}/resume", [routing::post(resume)]);
    routes.at("/v1/dlq/redrive/{job}/cancel", [routing::post(cancel)]);
}

#[derive(OpenApi)]
#[openapi(paths(start, delete, all, show, pause, resume, cancel))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The list of jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobPage {
    items: Vec<JobView>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// What a job would send again, or delete.
#[derive(Serialize, ToSchema)]
pub(crate) struct DryRun {
    matched: u64,
}

/// Send many dead letters again
///
/// The job means the dead letters that are in the list now, each once: messages, and events that a
/// subscription did not get, which go to that subscription only. What dies from now on is not
/// touched. It survives a restart, and stops itself when 10 in a row die again. With `destination`
/// only messages are meant, and go there.
#[utoipa::path(
    post,
    path = "/v1/dlq/redrive",
    operation_id = "start_redrive",
    tag = "dead letters",
    request_body = Option<RedriveBody>,
    responses(
        (status = 200, description = "`dry_run`: how many match; nothing was sent", body = DryRun),
        (status = 202, description = "It runs", body = JobView),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered the destination"),
        (status = 429, description = "LIMIT_REACHED: as many jobs are unfinished as there may be. QUEUE_FULL: too much is searched at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn start(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    begin(&request, &hub, payload, JobKind::Redrive).await
}

/// Delete many dead letters
///
/// As a redrive job: it means the dead letters that are in the list now, survives a restart, and is
/// looked at, paused, resumed and cancelled like one. What it deletes goes for good, content and
/// all, but stays dead or expired in every count. `filter` or `ids` has to be given; the filter `{}`
/// means all.
#[utoipa::path(
    post,
    path = "/v1/dlq/delete",
    operation_id = "delete_dead_letters",
    tag = "dead letters",
    request_body = DeleteBody,
    responses(
        (status = 200, description = "With `dry_run`: how many match; nothing was deleted", body = DryRun),
        (status = 202, description = "It runs", body = JobView),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 429, description = "LIMIT_REACHED: as many jobs are unfinished as there may be. QUEUE_FULL: too much is searched at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    begin(&request, &hub, payload, JobKind::Delete).await
}

async fn begin(
    request: &HttpRequest,
    hub: &web::Data<Hub>,
    payload: UnreadBody,
    kind: JobKind,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(request);
    let context = caller.context(hub.clock.wall());
    let jobs = hub.redrives(&context, RedriveWish::Run)?;
    let body = ReadBody::one(hub, payload, SUBJECT).await?;
    let asked = input::read(body.text(), kind)?;
    let mut reading = reading::of(request, hub);
    if asked.target.looks_inside() {
        reading.begin_search().await?;
    }
    Ok(match jobs.start(asked).await? {
        RedriveStart::Counted(matched) => HttpResponse::Ok().json(DryRun { matched }),
        RedriveStart::Started(job) => HttpResponse::Accepted().json(JobView::from(*job)),
    })
}

/// All redrive jobs, newest first
///
/// Those that are not finished, and the 100 that finished last.
#[utoipa::path(
    get,
    path = "/v1/dlq/redrive",
    operation_id = "list_redrives",
    tag = "dead letters",
    params(PageQuery::<JobId>),
    responses(
        (status = 200, description = "The jobs", body = JobPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let jobs = hub.redrives(&caller.context(hub.clock.wall()), RedriveWish::See)?;
    let part: PageQuery<JobId> = query::read(&request)?;
    let page = part.take(jobs.all().await?, Order::Descending, |job| &job.job);
    let items: Vec<_> = page.items.into_iter().map(JobView::from).collect();
    Ok(HttpResponse::Ok().json(JobPage {
        count: items.len(),
        items,
        next_cursor: page.next_cursor,
    }))
}

/// One redrive job
#[utoipa::path(
    get,
    path = "/v1/dlq/redrive/{job}",
    operation_id = "show_redrive",
    tag = "dead letters",
    params(("job" = JobId, Path)),
    responses(
        (status = 200, description = "How far it is", body = JobView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
        (status = 404, description = "NOT_FOUND: no such job"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    job: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let jobs = hub.redrives(&caller.context(hub.clock.wall()), RedriveWish::See)?;
    let id = JobId(query::uuid("job", &job)?);
    Ok(HttpResponse::Ok().json(JobView::from(jobs.one(id).await?)))
}

/// Pause a redrive job
///
/// A job that is paused already stays so.
#[utoipa::path(
    post,
    path = "/v1/dlq/redrive/{job}/pause",
    operation_id = "pause_redrive",
    tag = "dead letters",
    params(("job" = JobId, Path)),
    responses(
        (status = 200, description = "It is paused, also over a restart", body = JobView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: no such job"),
        (status = 409, description = "CONFLICT: it is finished"),
    ),
)]
pub(crate) async fn pause(
    request: HttpRequest,
    hub: web::Data<Hub>,
    job: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, &job, Switch::Pause).await
}

/// Let a paused redrive job go on
///
/// What failed in a row before no longer counts.
#[utoipa::path(
    post,
    path = "/v1/dlq/redrive/{job}/resume",
    operation_id = "resume_redrive",
    tag = "dead letters",
    params(("job" = JobId, Path)),
    responses(
        (status = 200, description = "It runs", body = JobView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: no such job"),
        (status = 409, description = "CONFLICT: it is finished"),
    ),
)]
pub(crate) async fn resume(
    request: HttpRequest,
    hub: web::Data<Hub>,
    job: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, &job, Switch::Resume).await
}

/// End a redrive job
///
/// What it has sent again stays sent.
#[utoipa::path(
    post,
    path = "/v1/dlq/redrive/{job}/cancel",
    operation_id = "cancel_redrive",
    tag = "dead letters",
    params(("job" = JobId, Path)),
    responses(
        (status = 200, description = "It is cancelled", body = JobView),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: no such job"),
        (status = 409, description = "CONFLICT: it is finished"),
    ),
)]
pub(crate) async fn cancel(
    request: HttpRequest,
    hub: web::Data<Hub>,
    job: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, &job, Switch::Cancel).await
}

async fn switch(
    request: &HttpRequest,
    hub: &Hub,
    job: &str,
    switch: Switch,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(request);
    let jobs = hub.redrives(&caller.context(hub.clock.wall()), RedriveWish::Run)?;
    let job = JobId(query::uuid("job", job)?);
    let switched = jobs.switch(job, switch).await?;
    Ok(HttpResponse::Ok().json(JobView::from(switched)))
}
