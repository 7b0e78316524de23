//! `…/payload`: the bytes that were stored, as an answer of their own.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use utoipa::OpenApi;

use super::reading;
use crate::domain::event::EventId;
use crate::domain::ids::{ContentType, MessageId};
use crate::domain::json_text::JsonText;
use crate::domain::payload::{Payload, RawPayload};
use crate::hub::Hub;
use crate::hub::dead_letters::DeadLetterRecord;
use crate::hub::error::HubError;
use crate::web::caller::Caller;
use crate::web::query;
use crate::web::routing::{self, Routes};

/// A payload is what a stranger wrote. In the origin of the hub no browser shows it: it is saved. As
/// with every answer its type is not guessed at, and nothing in it would run (`src/web/cors.rs`).
const SAVED: (header::HeaderName, &str) = (header::CONTENT_DISPOSITION, "attachment");
const JSON: &str = "application/json";
const UNKNOWN: &str = "application/octet-stream";

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/messages/{id}/payload", [routing::get(of_message)]);
    routes.at("/v1/events/{id}/payload", [routing::get(of_event)]);
    routes.at("/v1/dlq/{id}/payload", [routing::get(of_dead_letter)]);
}

#[derive(OpenApi)]
#[openapi(paths(of_message, of_event, of_dead_letter))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The payload of a message
///
/// Byte for byte as it was given. What was sent as bytes comes as what its sender said it is, and
/// as an attachment.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}/payload",
    operation_id = "show_message_payload",
    tag = "messages",
    params(("id" = MessageId, Path)),
    responses(
        (status = 200, description = "The payload", content((JsonText = "application/json"), (String = "*/*"))),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or not the caller's to see"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: it may be in the archive, which does not answer"),
    ),
)]
pub(crate) async fn of_message(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let record = hub.message(&caller.context(hub.clock.wall()), id).await?;
    of_payload(&request, &hub, &record.message().payload).await
}

/// The payload of an event
///
/// Byte for byte as it was published.
#[utoipa::path(
    get,
    path = "/v1/events/{id}/payload",
    operation_id = "show_event_payload",
    tag = "events",
    params(("id" = EventId, Path)),
    responses(
        (status = 200, description = "The payload", body = JsonText),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not known, or no longer kept"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn of_event(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = EventId(query::uuid("id", &id)?);
    let event = hub.event(id).await?;
    of_json(&request, &hub, &event.payload).await
}

/// The payload of a dead letter
///
/// As that of a message, or of the event that a subscription did not get.
#[utoipa::path(
    get,
    path = "/v1/dlq/{id}/payload",
    operation_id = "show_dead_letter_payload",
    tag = "dead letters",
    params(("id" = MessageId, Path)),
    responses(
        (status = 200, description = "The payload", content((JsonText = "application/json"), (String = "*/*"))),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: not in the list, or not the caller's to see"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: the archive does not answer"),
    ),
)]
pub(crate) async fn of_dead_letter(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = MessageId(query::uuid("id", &id)?);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    match hub.dead_letter(&context, id).await? {
        DeadLetterRecord::Message(record) => {
            of_payload(&request, &hub, &record.message().payload).await
        }
        DeadLetterRecord::Event(row) => {
            of_json(&request, &hub, &row.dead_event.event.payload).await
        }
    }
}

async fn of_payload(
    request: &HttpRequest,
    hub: &Hub,
    payload: &Payload,
) -> Result<HttpResponse, HubError> {
    match payload {
        Payload::Json(text) => of_json(request, hub, text).await,
        Payload::Raw(raw) => of_bytes(request, hub, raw).await,
    }
}

async fn of_json(
    request: &HttpRequest,
    hub: &Hub,
    json: &JsonText,
) -> Result<HttpResponse, HubError> {
    let text = json.as_json();
    let mut reading = reading::of(request, hub);
    reading.begin_with(text.len()).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    response.content_type(JSON);
    let text = Bytes::copy_from_slice(text.as_bytes());
    Ok(reading::whole(reading, response, text))
}

async fn of_bytes(
    request: &HttpRequest,
    hub: &Hub,
    raw: &RawPayload,
) -> Result<HttpResponse, HubError> {
    let mut reading = reading::of(request, hub);
    reading.begin_with(raw.bytes.len()).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    response.content_type(media_type(raw.content_type.as_ref()));
    response.insert_header(SAVED);
    Ok(reading::whole(reading, response, raw.bytes.clone()))
}

/// As a header can say it; a type may have characters that none can have.
fn media_type(given: Option<&ContentType>) -> HeaderValue {
    let given = given
        .map(|given| given.as_str())
        .filter(|given| given.is_ascii());
    let header = given.and_then(|given| HeaderValue::from_str(given).ok());
    header.unwrap_or(HeaderValue::from_static(UNKNOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_no_header_can_say_is_unknown() {
        let said = |text: &str| {
            let given = ContentType::parse(text).unwrap();
            media_type(Some(&given)).to_str().unwrap().to_owned()
        };
        assert_eq!(said("text/html; charset=utf-8"), "text/html; charset=utf-8");
        assert_eq!(said("text/hämmer"), UNKNOWN);
        assert_eq!(media_type(None), UNKNOWN);
    }
}
