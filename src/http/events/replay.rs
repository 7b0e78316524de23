//! `/v1/events/replay`: past events from some point on, to the caller or to a subscription.

pub(crate) mod input;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::EventPage;
use super::read;
use crate::domain::ids::JobId;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::reading;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::payload_head::PayloadDetail;
use crate::web::caller::Caller;
use crate::web::query::Query;
use input::{ReplayBody, ReplayRequest, ReplaySearch, SUBJECT};

/// A replay to a subscription has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayStarted {
    replay_id: JobId,
}

/// Replay events
///
/// Without `deliver_to` the events are the answer, page by page, oldest first. With it they go to
/// that subscription beside its live ones, each marked as a replay.
#[utoipa::path(
    post,
    path = "/v1/events/replay",
    operation_id = "replay_events",
    tag = "events",
    request_body = ReplayBody,
    responses(
        (status = 200, description = "The events", body = EventPage),
        (status = 202, description = "`deliver_to`: they are on their way", body = ReplayStarted),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong, or what the mode needs"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 410, description = "GONE: events from `from_sequence` or `cursor` on are no longer kept; `details.oldest_sequence` says which are"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn replay(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked = ReplayRequest::from_body(body.text())?;
    answer(&hub, &request, asked).await
}

/// Replay events, asked for in the query
///
/// Only to the caller: what is to be sent to a subscription is asked for with POST.
#[utoipa::path(
    get,
    path = "/v1/events/replay",
    operation_id = "replay_events_by_query",
    tag = "events",
    params(ReplaySearch),
    responses(
        (status = 200, description = "The events", body = EventPage),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong, or what the mode needs; `deliver_to` is for POST only"),
        (status = 410, description = "GONE: events from `from_sequence` or `cursor` on are no longer kept; `details.oldest_sequence` says which are"),
        (status = 429, description = "QUEUE_FULL: too much is read at once. See `Retry-After`"),
        (status = 503, description = "STORAGE_UNAVAILABLE: not all of it is in memory, and the archive does not answer"),
    ),
)]
pub(crate) async fn replay_by_query(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let asked = ReplayRequest::from_query(&Query::of(&request)?)?;
    answer(&hub, &request, asked).await
}

async fn answer(
    hub: &Hub,
    request: &HttpRequest,
    asked: ReplayRequest,
) -> Result<HttpResponse, HubError> {
    let wanted = match asked {
        ReplayRequest::ToSubscription(subscription, order) => {
            let caller = Caller::of(request);
            let context = caller.context(hub.clock.wall());
            let replay_id = hub.start_replay(&context, subscription, order).await?;
            return Ok(HttpResponse::Accepted().json(ReplayStarted { replay_id }));
        }
        ReplayRequest::Page(wanted) => wanted,
    };
    let mut reading = reading::of(request, hub);
    let page = hub.replay_page(&mut reading, &wanted).await?;
    let next_cursor = page.next.map(read::written);
    Ok(reading::json(
        reading,
        &EventPage::of(&page.events, PayloadDetail::Full, next_cursor),
    ))
}
