//! Pulling: `/v1/services/{service}/receive` and `/v1/leases`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::{Body, Incoming};
use super::caller::{Caller, principal};
use super::fields::unknown::unknown;
use super::fields::{self, Field};
use super::openapi::leases::{AckInput, ExtendInput, LeasedMessage, NackInput, ReceiveInput};
use super::query;
use super::routing::{self, Routes};
use super::waits::unless_over;
use crate::domain::ids::{Label, LeaseToken, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::{HubError, Subject};
use crate::hub::receive::{LONGEST_LEASE, MOST_LEASES};
use crate::logic::push::Envelope;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;

const SUBJECT: Subject = Subject::Request;
const MOST_MESSAGES: u64 = 1000;
const LONGEST_WAIT_MS: u64 = 60_000;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at(
        "/v1/services/{service}/receive",
        "POST",
        [routing::post(receive)],
    );
    routes.at("/v1/leases/ack", "POST", [routing::post(ack)]);
    routes.at("/v1/leases/nack", "POST", [routing::post(nack)]);
    routes.at("/v1/leases/extend", "POST", [routing::post(extend)]);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiveBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    max: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    wait_ms: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    lease: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeaseBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    leases: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    delay: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    reason: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    lease: Option<&'a RawValue>,
}

impl<'a> LeaseBody<'a> {
    /// Reads a body that has no other than its `own` fields.
    fn read(text: &'a str, own: &[&str]) -> Result<Self, HubError> {
        let body: Self = fields::object(SUBJECT, text)?;
        for (name, json) in [
            ("delay", body.delay),
            ("reason", body.reason),
            ("lease", body.lease),
        ] {
            if json.is_some() && !own.contains(&name) {
                return Err(HubError::invalid(SUBJECT, name, unknown(name, own)));
            }
        }
        Ok(body)
    }
}

/// A message in a puller's hands.
#[derive(Serialize)]
struct Handed<'a> {
    #[serde(flatten)]
    envelope: Envelope<'a>,
    lease: LeaseToken,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Received)]
pub(crate) struct Answer<'a> {
    /// None, if nothing came in time.
    #[schema(value_type = Vec<LeasedMessage>)]
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
    request_body = Option<ReceiveInput>,
    responses(
        (status = 200, description = "The most urgent messages", body = Answer),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 507, description = "STORAGE_FULL: the service is new and the disk is nearly full"),
    ),
)]
pub(crate) async fn receive(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let service = query::new_service(&service)?;
    // Before the body, of which nobody else is told what is wrong with it.
    principal(&request).may(Operation::ReceiveMessages(&service))?;
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let text = if body.text().trim().is_empty() {
        "{}"
    } else {
        body.text()
    };
    let asked: ReceiveBody<'_> = fields::object(SUBJECT, text)?;
    let whole = |name, json, least, most, default| match Field::given(SUBJECT, name, json) {
        Some(field) => field.whole(least, most),
        None => Ok(default),
    };
    let max = whole("max", asked.max, 1, MOST_MESSAGES, 10)?;
    let wait = whole("wait_ms", asked.wait_ms, 0, LONGEST_WAIT_MS, 0)?;
    let lease = Field::given(SUBJECT, "lease", asked.lease)
        .map(lease_length)
        .transpose()?;
    // Whoever waits for a message keeps nobody else out.
    drop(body);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let wait = Duration::from_millis(wait);
    let mut leased = hub.receive(&context, service, max as usize, (wait, lease))?;
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
    HttpResponse::Ok().json(Answer {
        messages: handed.collect(),
    })
}

/// The messages were handled
#[utoipa::path(
    post,
    path = "/v1/leases/ack",
    operation_id = "ack_leases",
    tag = "leases",
    request_body = AckInput,
    responses(
        (status = 200, description = "They are delivered", body = Acknowledged),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn ack(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let asked = LeaseBody::read(body.text(), &["leases"])?;
    let leases = leases(asked.leases)?;
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
    request_body = NackInput,
    responses(
        (status = 200, description = "They were given back", body = Returned),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn nack(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let asked = LeaseBody::read(body.text(), &["leases", "delay", "reason"])?;
    let leases = leases(asked.leases)?;
    let count = leases.len();
    let delay = Field::given(SUBJECT, "delay", asked.delay);
    let delay = delay.map(|field| field.duration()).transpose()?;
    let reason = Field::given(SUBJECT, "reason", asked.reason);
    let reason = reason
        .map(|field| field.name(Label::given))
        .transpose()?
        .map(|reason| reason.to_string());
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
    request_body = ExtendInput,
    responses(
        (status = 200, description = "They last until then", body = Extended),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 409, description = "CONFLICT: `details.leases` ran out, were settled, or are another service's; nothing was changed"),
    ),
)]
pub(crate) async fn extend(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let asked = LeaseBody::read(body.text(), &["leases", "lease"])?;
    let leases = leases(asked.leases)?;
    let count = leases.len();
    let lease = Field::given(SUBJECT, "lease", asked.lease)
        .map(lease_length)
        .transpose()?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let until = hub.extend_leases(&context, leases, lease).await?;
    Ok(HttpResponse::Ok().json(Extended {
        extended: count,
        until,
    }))
}

pub(crate) fn lease_length(field: Field<'_>) -> Result<Duration, HubError> {
    let lease = field.positive_duration()?;
    if lease > LONGEST_LEASE {
        return Err(field.wrong("must be at most 43200 seconds; extend the lease on the way"));
    }
    Ok(lease)
}

pub(crate) fn leases(json: Option<&RawValue>) -> Result<Vec<LeaseToken>, HubError> {
    let field = Field::required(SUBJECT, "leases", json)?;
    let problem = format!("must have 1 to {MOST_LEASES} items");
    let tokens: Vec<Uuid> = field.list(MOST_LEASES, "an array of lease tokens", &problem)?;
    if tokens.is_empty() {
        return Err(field.wrong(problem));
    }
    Ok(tokens.into_iter().map(LeaseToken).collect())
}
