//! `/v1/quotas`: how much each service may send and is sent.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::{Body, Incoming};
use super::caller::Caller;
use super::fields::{self, Field, raw};
use super::no_body::NoBody;
use super::openapi::messages::NamePageQuery;
use super::openapi::quotas::QuotaInput;
use super::page::{Order, Part};
use super::query;
use super::query::Query;
use super::routing::{self, Routes};
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::{HubError, Subject};
use crate::logic::quotas::QuotaView;
use crate::logic::token_bucket::default_burst;

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/quotas", "GET", [routing::get(all)]);
    let one = [
        routing::get(show),
        routing::put(set),
        routing::delete(delete),
    ];
    routes.at("/v1/quotas/{service}", "GET, PUT, DELETE", one);
}

/// The quota that is in force for a service; null: no limit.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
pub(crate) struct QuotaAnswer {
    service: ServiceName,
    /// Messages per second it may send.
    send_rate: Option<f64>,
    /// Messages it may send at once after a pause.
    send_burst: Option<u32>,
    /// Messages per second it is handed.
    deliver_rate: Option<f64>,
    /// Messages it has in hand at once.
    max_in_flight: Option<u32>,
    /// Bytes of messages that may wait for it.
    max_waiting_bytes: Option<u64>,
    /// Requests per second it may make.
    request_rate: Option<f64>,
    /// Requests it may make at once after a pause.
    request_burst: Option<u32>,
    /// `api`: it was set here, which wins over the `configuration`.
    #[schema(pattern = "^(api|configuration)$")]
    source: &'static str,
}

/// The list of quotas.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotaPage {
    items: Vec<QuotaAnswer>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// All quotas
#[utoipa::path(
    get,
    path = "/v1/quotas",
    operation_id = "list_quotas",
    tag = "quotas",
    params(NamePageQuery),
    responses(
        (status = 200, description = "One for each service that has one, by name", body = QuotaPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    caller.principal.may(Operation::SeeQuotas)?;
    let part = Part::of(&Query::of(&request)?)?;
    let views = hub.quotas(&caller.context(hub.clock.wall())).await?;
    let page = part.take(views, Order::Ascending, |view| &view.service);
    let items: Vec<_> = page.items.into_iter().map(describe).collect();
    Ok(HttpResponse::Ok().json(QuotaPage {
        count: items.len(),
        items,
        next_cursor: page.next_cursor,
    }))
}

/// The quota of a service
#[utoipa::path(
    get,
    path = "/v1/quotas/{service}",
    operation_id = "show_quota",
    tag = "quotas",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 200, description = "The quota in force", body = QuotaAnswer),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: the service has no quota"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    caller.principal.may(Operation::SeeQuotas)?;
    let service = query::service(&service)?;
    let view = hub
        .quota(&caller.context(hub.clock.wall()), service)
        .await?;
    Ok(HttpResponse::Ok().json(describe(view)))
}

/// Set the quota of a service
///
/// It replaces the whole quota, holds from the next message on and survives a restart of the hub.
/// The service need not be registered.
#[utoipa::path(
    put,
    path = "/v1/quotas/{service}",
    operation_id = "set_quota",
    tag = "quotas",
    params(("service" = ServiceName, Path)),
    request_body = QuotaInput,
    responses(
        (status = 200, description = "The quota in force", body = QuotaAnswer),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 429, description = "LIMIT_REACHED: as many quotas are set as there may be"),
    ),
)]
pub(crate) async fn set(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: Incoming,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    // Before the body, of which nobody else is told what is wrong with it.
    caller.principal.may(Operation::SetQuota)?;
    let service = query::new_service(&service)?;
    let body = Body::one(&hub, payload, SUBJECT).await?;
    let quota = read(body.text())?;
    let context = caller.context(hub.clock.wall());
    let view = hub.set_quota(&context, service, quota).await?;
    Ok(HttpResponse::Ok().json(describe(view)))
}

/// Take back the quota of a service
///
/// The one of the configuration, if any, is in force again.
#[utoipa::path(
    delete,
    path = "/v1/quotas/{service}",
    operation_id = "delete_quota",
    tag = "quotas",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 204, description = "Taken back"),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: no quota of this service was set here"),
    ),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    caller.principal.may(Operation::SetQuota)?;
    let service = query::service(&service)?;
    let context = caller.context(hub.clock.wall());
    hub.delete_quota(&context, service).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read(text: &str) -> Result<Quota, HubError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Given<'a> {
        #[serde(borrow, default, deserialize_with = "raw")]
        send_rate: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        send_burst: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        deliver_rate: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        max_in_flight: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        max_waiting_bytes: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        request_rate: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "raw")]
        request_burst: Option<&'a RawValue>,
    }
    let given = fields::object::<Given<'_>>(SUBJECT, text)?;
    let quota = Quota {
        send_rate: rate("send_rate", given.send_rate)?,
        send_burst: count("send_burst", given.send_burst)?,
        deliver_rate: rate("deliver_rate", given.deliver_rate)?,
        max_in_flight: count("max_in_flight", given.max_in_flight)?,
        max_waiting_bytes: Field::given(SUBJECT, "max_waiting_bytes", given.max_waiting_bytes)
            .map(|field| field.whole(1, Quota::MOST_BYTES))
            .transpose()?,
        request_rate: rate("request_rate", given.request_rate)?,
        request_burst: count("request_burst", given.request_burst)?,
    };
    if quota.request_burst.is_some() && quota.request_rate.is_none() {
        let problem = "has no effect without request_rate";
        return Err(HubError::invalid(SUBJECT, "request_burst", problem));
    }
    if quota.send_burst.is_some() && quota.send_rate.is_none() {
        let problem = "has no effect without send_rate";
        return Err(HubError::invalid(SUBJECT, "send_burst", problem));
    }
    if quota.is_empty() {
        let problem = "must have at least one of send_rate, deliver_rate, max_in_flight, \
                       max_waiting_bytes, request_rate";
        return Err(HubError::invalid(SUBJECT, "body", problem));
    }
    Ok(quota)
}

fn rate(name: &'static str, json: Option<&RawValue>) -> Result<Option<f64>, HubError> {
    let Some(field) = Field::given(SUBJECT, name, json) else {
        return Ok(None);
    };
    let rate = serde_json::from_str(field.json.get()).ok();
    match rate.filter(|rate| Quota::is_rate(*rate)) {
        Some(rate) => Ok(Some(rate)),
        None => Err(field.wrong(Quota::RATES)),
    }
}

fn count(name: &'static str, json: Option<&RawValue>) -> Result<Option<u32>, HubError> {
    let Some(field) = Field::given(SUBJECT, name, json) else {
        return Ok(None);
    };
    let count = field.whole(1, Quota::MOST.into())?;
    Ok(u32::try_from(count).ok())
}

fn describe(view: QuotaView) -> QuotaAnswer {
    let quota = view.quota;
    QuotaAnswer {
        service: view.service,
        send_rate: quota.send_rate,
        send_burst: quota.send_burst.or(quota.send_rate.map(default_burst)),
        deliver_rate: quota.deliver_rate,
        max_in_flight: quota.max_in_flight,
        max_waiting_bytes: quota.max_waiting_bytes,
        request_rate: quota.request_rate,
        request_burst: quota
            .request_burst
            .or(quota.request_rate.map(default_burst)),
        source: view.source.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::quotas::Source;

    #[test]
    fn reads_what_is_given() {
        let quota = read(r#"{"send_rate": 0.5, "send_burst": 3, "deliver_rate": null}"#).unwrap();
        let expected = Quota {
            send_rate: Some(0.5),
            send_burst: Some(3),
            ..Quota::default()
        };
        assert_eq!(quota, expected);
        assert!(read(r#"{"max_in_flight": 1000000}"#).is_ok());
        assert!(read(r#"{"max_in_flight": 1000000, "more": []}"#).is_err());
    }

    #[test]
    fn a_burst_nobody_gave_is_shown_as_it_is() {
        let view = |send_rate| QuotaView {
            service: ServiceName::parse("shop").unwrap(),
            quota: Quota {
                send_rate,
                ..Quota::default()
            },
            source: Source::Configuration,
        };
        assert_eq!(describe(view(Some(0.1))).send_burst, Some(1));
        assert_eq!(describe(view(Some(20.0))).send_burst, Some(20));
        assert_eq!(describe(view(None)).send_burst, None);
    }
}
