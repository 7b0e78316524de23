//! `/v1/quotas`: how much each service may send and is sent.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::no_body::NoBody;
use crate::api;
use crate::api::field::{BodyField, field};
use crate::api::numbers::{WholeNumber, number};
use crate::api::problem::Problem;
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::logic::quotas::QuotaView;
use crate::logic::token_bucket::default_burst;
use crate::web::caller::Caller;
use crate::web::page::{Order, PageQuery};
use crate::web::query;
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/quotas", [routing::get(all)]);
    let one = [
        routing::get(show),
        routing::put(set),
        routing::delete(delete),
    ];
    routes.at("/v1/quotas/{service}", one);
}

#[derive(OpenApi)]
#[openapi(paths(all, show, set, delete))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The whole quota of a service: at least one field, and what is left out has no limit. Unknown
/// fields are refused; null means that a field is not given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuotaInput, example = json!({"send_rate": 50, "send_burst": 200, "max_in_flight": 10}))]
pub(crate) struct QuotaBody {
    /// Messages per second the service may send; more are refused.
    #[schema(inline)]
    send_rate: Option<Rate>,
    /// Messages it may send at once after a pause; only with `send_rate`. One second's worth, at
    /// least 1, if not given.
    #[schema(inline)]
    send_burst: Option<Count>,
    /// Messages per second the service is handed; more wait.
    #[schema(inline)]
    deliver_rate: Option<Rate>,
    /// Messages the service has in hand at once, over all its instances and consumers; more wait.
    #[schema(inline)]
    max_in_flight: Option<Count>,
    /// Bytes of messages that may wait for the service; more are refused.
    #[schema(inline)]
    max_waiting_bytes: Option<WholeNumber<1, { Quota::MOST_BYTES }>>,
    /// Requests per second the service may make; more are refused.
    #[schema(inline)]
    request_rate: Option<Rate>,
    /// Requests it may make at once after a pause; only with `request_rate`. One second's worth, at
    /// least 1, if not given.
    #[schema(inline)]
    request_burst: Option<Count>,
}

type Count = WholeNumber<1, { Quota::MOST as u64 }>;

struct Rate(f64);

impl BodyField for Rate {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let rate = serde_json::from_str(json.get()).ok();
        let rate = rate.filter(|rate| Quota::is_rate(*rate));
        rate.map(Self).ok_or_else(|| Problem::new(Quota::RATES))
    }
}

field!(
    Rate,
    number()
        .exclusive_minimum(Some(0))
        .maximum(Some(Quota::HIGHEST_RATE))
);

/// The quota that is in force for a service; null: no limit.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
pub(crate) struct QuotaDetails {
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
    items: Vec<QuotaDetails>,
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
    params(PageQuery::<ServiceName>),
    responses(
        (status = 200, description = "One for each service that has one, by name", body = QuotaPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let quotas = hub.quota_reader(&caller.context(hub.clock.wall()))?;
    let part: PageQuery<ServiceName> = query::read(&request)?;
    let page = part.take(quotas.all().await?, Order::Ascending, |view| &view.service);
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
        (status = 200, description = "The quota in force", body = QuotaDetails),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
        (status = 404, description = "NOT_FOUND: the service has no quota"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let quotas = hub.quota_reader(&caller.context(hub.clock.wall()))?;
    let service = query::service(&service)?;
    Ok(HttpResponse::Ok().json(describe(quotas.one(service).await?)))
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
    request_body = QuotaBody,
    responses(
        (status = 200, description = "The quota in force", body = QuotaDetails),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 429, description = "LIMIT_REACHED: as many quotas are set as there may be"),
    ),
)]
pub(crate) async fn set(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let quotas = hub.quota_writer(&caller.context(hub.clock.wall()))?;
    let service = query::new_service(&service)?;
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let quota = read(body.text())?;
    let view = quotas.set(service, quota).await?;
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
    let quotas = hub.quota_writer(&caller.context(hub.clock.wall()))?;
    let service = query::service(&service)?;
    quotas.delete(service).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read(text: &str) -> Result<Quota, HubError> {
    let given: QuotaBody = api::body::command(SUBJECT, text)?;
    let (rate, count) = (|rate: Rate| rate.0, |count: Count| count.0 as u32);
    let quota = Quota {
        send_rate: given.send_rate.map(rate),
        send_burst: given.send_burst.map(count),
        deliver_rate: given.deliver_rate.map(rate),
        max_in_flight: given.max_in_flight.map(count),
        max_waiting_bytes: given.max_waiting_bytes.map(|bytes| bytes.0),
        request_rate: given.request_rate.map(rate),
        request_burst: given.request_burst.map(count),
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

fn describe(view: QuotaView) -> QuotaDetails {
    let quota = view.quota;
    QuotaDetails {
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
