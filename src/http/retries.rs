//! `/v1/retry`: how a message's attempts stand, and an attempt now.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use crate::api;
use crate::api::texts::Id;
use crate::domain::ids::MessageId;
use crate::domain::message::State;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::web::caller::Caller;
use crate::web::query;
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/retry/status/{message_id}", [routing::get(status)]);
    routes.at("/v1/retry", [routing::post(retry_now)]);
}

#[derive(OpenApi)]
#[openapi(paths(status, retry_now))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// Which message to try again now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetryInput)]
pub(crate) struct RetryBody {
    #[schema(value_type = MessageId)]
    message_id: Id,
}

/// How the attempts of a message stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetryStatus {
    message_id: MessageId,
    status: State,
    /// Finished ones.
    attempts: u32,
    max_attempts: u32,
    next_retry_at: Option<Timestamp>,
    /// How the last attempt failed.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RetriedNow {
    message_id: MessageId,
    /// `queued`.
    status: State,
}

/// How the attempts of a message stand
#[utoipa::path(
    get,
    path = "/v1/retry/status/{message_id}",
    operation_id = "show_retry_status",
    tag = "retries",
    params(("message_id" = MessageId, Path)),
    responses(
        (status = 200, description = "The attempts", body = RetryStatus),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or not the caller's to see"),
        (status = 503, description = "STORAGE_UNAVAILABLE: it may be in the archive, which does not answer"),
    ),
)]
pub(crate) async fn status(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("message_id", &id)?);
    let caller = Caller::of(&request);
    let record = hub.message(&caller.context(hub.clock.wall()), id).await?;
    Ok(HttpResponse::Ok().json(RetryStatus {
        message_id: id,
        status: record.state(),
        attempts: record.delivery_attempts(),
        max_attempts: hub.settings.max_retry_attempts,
        next_retry_at: record.next_attempt(),
        error: record.last_error().map(str::to_owned),
    }))
}

/// Try a message again now
///
/// Only one that waits for its next attempt.
#[utoipa::path(
    post,
    path = "/v1/retry",
    operation_id = "retry_message",
    tag = "retries",
    request_body = RetryBody,
    responses(
        (status = 202, description = "It is in line again", body = RetriedNow),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller neither sent it nor receives it"),
        (status = 404, description = "NOT_FOUND: not known, or not the caller's to see"),
        (status = 409, description = "CONFLICT: it is not waiting for its next attempt"),
        (status = 503, description = "STORAGE_UNAVAILABLE: it may be in the archive, which does not answer"),
    ),
)]
pub(crate) async fn retry_now(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let RetryBody { message_id } = api::body::command(SUBJECT, body.text())?;
    let id = MessageId(message_id.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.retry_now(&context, id).await?;
    Ok(HttpResponse::Accepted().json(RetriedNow {
        message_id: id,
        status: State::Queued,
    }))
}
