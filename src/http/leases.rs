//! Pulling: `/v1/services/{service}/receive` and `/v1/leases`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::waits::unless_over;
use crate::api;
use crate::api::leases::{LeaseLength, LeaseTokens};
use crate::api::numbers::{Seconds, WholeNumber};
use crate::api::texts::NewLabel;
use crate::domain::ids::{LeaseToken, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::{HubError, Subject};
use crate::hub::receive::ReceiveTerms;
use crate::logic::push::Envelope;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;
use crate::web::caller::{Caller, principal};
use crate::web::query;
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/services/{service}/receive", [routing::post(receive)]);
    routes.at("/v1/leases/ack", [routing::post(ack)]);
    routes.at("/v1/leases/nack", [routing::post(nack)]);
    routes.at("/v1/leases/extend", [routing::post(extend)]);
}

#[derive(OpenApi)]
#[openapi(paths(receive, ack, nack, extend))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// How many messages, and for how long. May be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiveInput)]
pub(crate) struct ReceiveBody {
    /// How many messages at most; fewer if they are large (about 4 MiB).
    #[schema(inline, default = 10)]
    max: Option<WholeNumber<1, 1000>>,
    /// Milliseconds to wait for a first message.
    #[schema(inline, default = 0)]
    wait_ms: Option<WholeNumber<0, 60_000>>,
    /// Seconds until the messages are given to somebody else.
    #[schema(inline, default = 30)]
    lease: Option<LeaseLength>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AckInput)]
pub(crate) struct AckBody {
    /// All of them or, if one is stale, none.
    #[schema(inline)]
    leases: LeaseTokens,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NackInput)]
pub(crate) struct NackBody {
    /// All of them or, if one is stale, none.
    #[schema(inline)]
    leases: LeaseTokens,
    /// Seconds until the next attempt, cut at `max_retry_delay`; the usual backoff if not given.
    #[schema(inline)]
    delay: Option<Seconds>,
    /// Kept with the attempt.
    reason: Option<NewLabel>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExtendInput)]
pub(crate) struct ExtendBody {
    /// All of them or, if one is stale, none.
    #[schema(inline)]
    leases: LeaseTokens,
    /// Seconds from now.
    #[schema(inline, default = 30)]
    lease: Option<LeaseLength>,
}

/// A message with the lease it is handed out under.
#[derive(Serialize, ToSchema)]
#[schema(as = LeasedMessage)]
struct Handed<'a> {
    #[serde(flatten)]
    #[schema(inline)]
    envelope: Envelope<'a>,
    lease: LeaseToken,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Received)]
pub(crate) struct ReceivedBatch<'a> {
    /// None, if nothing came in time.
    messages: Vec<Handed<'a>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Acknowledged {
    acknowledged: usize,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Returned {
    returned: usize,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Extended {
    extended: usize,
    until: Timestamp,
}

/// Ask for messages
///
/// They are leased to the caller, who settles them with ack, or gives them back with nack. A lease
/// that runs out is a failed attempt. Asking makes the service known.
#[utoipa::path(
    post,
    path = "/v1/services/{service}/receive",
    operation_id = "receive_messages",
    tag = "leases",
    params(("service" = ServiceName, Path)),
    request_body = Option<ReceiveBody>,
    responses(
        (status = 200, description = "The most urgent messages", body = ReceivedBatch),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 507, description = "STORAGE_FULL: the service is new and the disk is nearly full"),
    ),
)]
pub(crate) async fn receive(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let service = query::new_service(&service)?;
    // Before the body, of which nobody else is told what is wrong with it.
    principal(&request).may(Operation::ReceiveMessages(&service))?;
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: ReceiveBody = api::body::optional(SUBJECT, body.text())?;
    let max = asked.max.map_or(10, |max| max.0);
    let wait = asked.wait_ms.map_or(0, |wait| wait.0);
    let lease = asked.lease.map(|lease| lease.0);
    // Whoever waits for a message keeps nobody else out.
    drop(body);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let wait = Duration::from_millis(wait);
    let terms = ReceiveTerms {
        max: max as usize,
        wait,
        lease,
    };
    let mut leased = hub.receive(&context, service, terms)?;
    let leased = match wait.is_zero() {
        true => leased.await?,
        // Who says no more may be gone.
        false => match unless_over(&request, &mut leased).await {
            Some(leased) => leased?,
            None => hub.receive_no_more(leased).await?,
        },
    };
    Ok(answer(&hub, &leased))
}

fn answer(hub: &Hub, leased: &[Leased]) -> HttpResponse {
    let (most, now) = (hub.settings.max_retry_attempts, hub.clock.moment());
    let handed = leased.iter().map(|leased| Handed {
        envelope: Envelope::handed_out(&leased.delivery, most, now),
        lease: leased.token,
    });
    HttpResponse::Ok().json(ReceivedBatch {
        messages: handed.collect(),
    })
}

/// The messages were handled
#[utoipa::path(
    post,
    path = "/v1/leases/ack",
    operation_id = "ack_leases",
    tag = "leases",
    request_body = AckBody,
    responses(
        (status = 200, description = "They are delivered", body = Acknowledged),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn ack(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let AckBody { leases } = api::body::command(SUBJECT, body.text())?;
    let LeaseTokens(leases) = leases;
    let count = leases.len();
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.end_leases(&context, leases, LeaseEnd::Ack).await?;
    Ok(HttpResponse::Ok().json(Acknowledged {
        acknowledged: count,
    }))
}

/// The messages could not be handled
///
/// Each is a failed attempt: another follows, or the message becomes a dead letter.
#[utoipa::path(
    post,
    path = "/v1/leases/nack",
    operation_id = "nack_leases",
    tag = "leases",
    request_body = NackBody,
    responses(
        (status = 200, description = "They were given back", body = Returned),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn nack(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: NackBody = api::body::command(SUBJECT, body.text())?;
    let LeaseTokens(leases) = asked.leases;
    let count = leases.len();
    let delay = asked.delay.map(|delay| delay.0);
    let reason = asked.reason.map(|reason| reason.0.to_string());
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    hub.end_leases(&context, leases, LeaseEnd::Nack { delay, reason })
        .await?;
    Ok(HttpResponse::Ok().json(Returned { returned: count }))
}

/// More time for the messages
#[utoipa::path(
    post,
    path = "/v1/leases/extend",
    operation_id = "extend_leases",
    tag = "leases",
    request_body = ExtendBody,
    responses(
        (status = 200, description = "They last until then", body = Extended),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn extend(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: ExtendBody = api::body::command(SUBJECT, body.text())?;
    let LeaseTokens(leases) = asked.leases;
    let count = leases.len();
    let lease = asked.lease.map(|lease| lease.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let until = hub.extend_leases(&context, leases, lease).await?;
    Ok(HttpResponse::Ok().json(Extended {
        extended: count,
        until,
    }))
}
