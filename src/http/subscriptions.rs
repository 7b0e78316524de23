//! `/v1/subscriptions`: who is sent which events.

mod view;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::no_body::NoBody;
use super::subscription_input::{ChangesBody, SubscriptionBody};
use super::subscription_input::{SUBJECT, changed, wanted};
use crate::api;
use crate::api::texts::{OldService, SubscriptionText};
use crate::domain::subscription::SubscriptionId;
use crate::domain::subscription_view::SubscriptionView;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::caller::Caller;
use crate::web::page::{Order, PageQuery};
use crate::web::query::{self, Query};
use crate::web::routing::{self, Routes};
use view::{NewSubscription, SubscriptionDetails, TestDetails};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/subscribe", [routing::post(subscribe)]);
    routes.at("/unsubscribe", [routing::post(unsubscribe)]);
    let all = [routing::get(all), routing::post(subscribe)];
    routes.at("/v1/subscriptions", all);
    let one = [
        routing::get(show),
        routing::patch(change),
        routing::delete(delete),
    ];
    routes.at("/v1/subscriptions/{id}", one);
    let pause = [routing::post(pause)];
    routes.at("/v1/subscriptions/{id}/pause", pause);
    let resume = [routing::post(resume)];
    routes.at("/v1/subscriptions/{id}/resume", resume);
    let test = [routing::post(test)];
    routes.at("/v1/subscriptions/{id}/test", test);
}

#[derive(OpenApi)]
#[openapi(paths(subscribe, all, show, change, delete, pause, resume, test, unsubscribe))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// Which subscription to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnsubscribeInput)]
pub(crate) struct UnsubscribeBody {
    subscription_id: SubscriptionText,
}

/// Which subscriptions.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubscriptionSearch {
    service: Option<OldService>,
}

/// A page of the list of subscriptions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionPage {
    subscriptions: Vec<SubscriptionDetails>,
    /// On this page.
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Unsubscribed)]
pub(crate) struct UnsubscribedReceipt {
    subscription_id: SubscriptionId,
    /// `unsubscribed`.
    status: &'static str,
}

/// Subscribe a callback
///
/// The hub POSTs every event that matches to the callback, signed as Standard Webhooks: in
/// sequence, again and again until it is taken, given up after `max_retry_attempts`. The same
/// service, types and address again answer the subscription there is, which stays as it is and
/// where it is.
#[utoipa::path(
    post,
    path = "/v1/subscriptions",
    operation_id = "subscribe",
    tag = "subscriptions",
    request_body = SubscriptionBody,
    responses(
        (status = 201, description = "Subscribed; the secret is shown only now", body = NewSubscription),
        (status = 200, description = "There was one already; its secret is not shown", body = SubscriptionDetails),
        (status = 400, description = "INVALID_SUBSCRIPTION: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: `service` is not the caller"),
        (status = 409, description = "CONFLICT: there is one already, with another `durable`, `secret` or `max_in_flight` than is given; details: `field`"),
        (status = 410, description = "GONE: events from `from_sequence` on are gone; details: `oldest_sequence`"),
    ),
)]
pub(crate) async fn subscribe(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let caller = Caller::of(&request);
    let wanted = wanted(body.text(), &caller.principal, &hub.settings.outgoing_deny)?;
    let context = caller.context(hub.clock.wall());
    let (view, is_new) = hub.subscribe(&context, wanted).await?;
    match is_new {
        true => Ok(HttpResponse::Created().json(NewSubscription::new(&view))),
        false => Ok(HttpResponse::Ok().json(SubscriptionDetails::new(&view))),
    }
}

/// All subscriptions
#[utoipa::path(
    get,
    path = "/v1/subscriptions",
    operation_id = "list_subscriptions",
    tag = "subscriptions",
    params(SubscriptionSearch, PageQuery::<SubscriptionId>),
    responses(
        (status = 200, description = "Those the caller may see, oldest first", body = SubscriptionPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: `service` is not the caller"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let query = Query::of(&request)?;
    let part: PageQuery<SubscriptionId> = query.read()?;
    let SubscriptionSearch { service } = query.read()?;
    let service = service.map(|service| service.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let views = hub.subscriptions(&context, service).await?;
    let page = part.take_measured(
        views,
        Order::Ascending,
        |view| &view.subscription.id,
        pattern_bytes,
    );
    let subscriptions: Vec<_> = page.items.iter().map(SubscriptionDetails::new).collect();
    Ok(HttpResponse::Ok().json(SubscriptionPage {
        count: subscriptions.len(),
        subscriptions,
        next_cursor: page.next_cursor,
    }))
}

/// What may be long about a subscription.
fn pattern_bytes(view: &SubscriptionView) -> usize {
    let patterns = view.subscription.event_types.iter();
    patterns.map(|pattern| pattern.as_str().len()).sum()
}

/// One subscription, and how far it is
#[utoipa::path(
    get,
    path = "/v1/subscriptions/{id}",
    operation_id = "show_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 200, description = "The subscription", body = SubscriptionDetails),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 404, description = "NOT_FOUND: no such subscription, or not the caller's"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let id = read_id(&id)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    Ok(answer(&hub.subscription(&context, id).await?))
}

/// Change a subscription
///
/// Other event types hold from the events on that it was not given yet.
#[utoipa::path(
    patch,
    path = "/v1/subscriptions/{id}",
    operation_id = "change_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "As it is now", body = SubscriptionDetails),
        (status = 400, description = "INVALID_SUBSCRIPTION: `details.field` names what is wrong. INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 409, description = "CONFLICT: it is one of sockets, or another of the service has these types and this address"),
    ),
)]
pub(crate) async fn change(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let id = read_id(&id)?;
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let change = changed(body.text(), &hub.settings.outgoing_deny)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    Ok(answer(
        &hub.change_subscription(&context, id, change).await?,
    ))
}

/// End a subscription
#[utoipa::path(
    delete,
    path = "/v1/subscriptions/{id}",
    operation_id = "delete_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 204, description = "It is no more"),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
    ),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let id = read_id(&id)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.end_subscription(&context, id, "delete_subscription")
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Send nothing more for now
///
/// What is published meanwhile waits. What is under way comes to its end.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/pause",
    operation_id = "pause_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 200, description = "As it is now", body = SubscriptionDetails),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 409, description = "CONFLICT: it is one of sockets"),
    ),
)]
pub(crate) async fn pause(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, read_id(&id)?, true).await
}

/// Go on where it was paused, by somebody or by an answer of 410
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/resume",
    operation_id = "resume_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 200, description = "As it is now", body = SubscriptionDetails),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 409, description = "CONFLICT: it is one of sockets"),
    ),
)]
pub(crate) async fn resume(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    switch(&request, &hub, read_id(&id)?, false).await
}

/// Call a callback once, to see what it answers
///
/// One POST with an event of the type `message-hub.test`, signed as all are, that nobody published:
/// its sequence is 0. It goes past the circuit, also to a subscription that is paused, and changes
/// nothing: neither the position nor the circuit hears of it. One is under way at a time, and two
/// seconds are between the beginnings of two.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/test",
    operation_id = "test_subscription",
    tag = "subscriptions",
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 200, description = "What came of it, whether the callback took it or not", body = TestDetails),
        (status = 400, description = "INVALID_REQUEST: the id is no UUID"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
        (status = 409, description = "CONFLICT: it is one of sockets, or a test of it is under way"),
        (status = 429, description = "RATE_LIMITED: it was tested just now; see `Retry-After`"),
    ),
)]
pub(crate) async fn test(
    request: HttpRequest,
    hub: web::Data<Hub>,
    id: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let id = read_id(&id)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let test = hub.test_subscription(&context, id).await?;
    Ok(HttpResponse::Ok().json(TestDetails::from(test)))
}

/// End a subscription, by its id in the body
#[utoipa::path(
    post,
    path = "/unsubscribe",
    operation_id = "unsubscribe",
    tag = "subscriptions",
    request_body = UnsubscribeBody,
    responses(
        (status = 200, description = "It is no more", body = UnsubscribedReceipt),
        (status = 400, description = "INVALID_SUBSCRIPTION: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the subscription is another service's"),
        (status = 404, description = "NOT_FOUND: no such subscription"),
    ),
)]
pub(crate) async fn unsubscribe(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: UnsubscribeBody = api::body::command(SUBJECT, body.text())?;
    let SubscriptionText(subscription_id) = asked.subscription_id;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.end_subscription(&context, subscription_id, "unsubscribe")
        .await?;
    Ok(HttpResponse::Ok().json(UnsubscribedReceipt {
        subscription_id,
        status: "unsubscribed",
    }))
}

fn read_id(text: &str) -> Result<SubscriptionId, HubError> {
    query::uuid("id", text).map(SubscriptionId)
}

async fn switch(
    request: &HttpRequest,
    hub: &Hub,
    id: SubscriptionId,
    paused: bool,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(request);
    let context = caller.context(hub.clock.wall());
    Ok(answer(
        &hub.switch_subscription(&context, id, paused).await?,
    ))
}

fn answer(view: &SubscriptionView) -> HttpResponse {
    HttpResponse::Ok().json(SubscriptionDetails::new(view))
}
