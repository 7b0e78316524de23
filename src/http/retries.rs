//! `/v1/retry`: how a message's attempts stand, and an attempt now.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ask::ask;
use super::auth::Caller;
use super::body::{self, Body};
use super::fields::{self, Field};
use super::messages::visible;
use super::{Hub, Routes, query};
use crate::actors::messages::RetryNow;
use crate::domain::ids::MessageId;
use crate::domain::refusal::Refusal;
use crate::error::{HubError, Subject};

const SUBJECT: Subject = Subject::Request;

pub fn routes(routes: &mut Routes<'_>) {
    routes.at(
        "/v1/retry/status/{message_id}",
        "GET",
        [web::get().to(status)],
    );
    routes.at("/v1/retry", "POST", [web::post().to(retry_now)]);
}

#[derive(Deserialize)]
struct RetryBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    message_id: Option<&'a RawValue>,
}

async fn status(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("message_id", &id)?);
    let view = visible(&hub, id, &Caller::of(&request)).await?;
    Ok(HttpResponse::Ok().json(json!({
        "message_id": id,
        "status": view.state,
        "attempts": view.delivery_attempts,
        "max_attempts": hub.settings.max_retry_attempts,
        "next_retry_at": view.next_attempt,
        "error": view.last_error,
    })))
}

async fn retry_now(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    let body = Body::read(&hub, payload, body::ONE, 1, SUBJECT).await?;
    let asked: RetryBody<'_> = fields::object(SUBJECT, body.text())?;
    let id = Field::required(SUBJECT, "message_id", asked.message_id)?.parse::<Uuid>("a UUID")?;
    let id = MessageId(id);
    let view = visible(&hub, id, &Caller::of(&request)).await?;
    match ask(&hub.handles.retry_now, |reply| RetryNow { id, reply }).await? {
        Ok(()) => Ok(HttpResponse::Accepted().json(json!({"message_id": id, "status": "queued"}))),
        // Settled, since it is known and nothing is owed any more.
        Err(Refusal::NotFound) => {
            let hint = "only a message that waits for its next attempt can be retried now";
            Err(Refusal::WrongState {
                state: view.state,
                hint,
            }
            .into())
        }
        Err(refusal) => Err(refusal.into()),
    }
}
