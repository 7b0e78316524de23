//! `/v1/services` and `/registry`: who is there.

mod departure;
pub(crate) mod dependencies;
pub(crate) mod instances;
mod view;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use super::no_body::NoBody;
use super::reading;
use crate::api;
use crate::api::field::{BodyField, even_null, field, text};
use crate::api::problem::Problem;
use crate::api::texts::{OldInstance, OldService};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::strategy::Strategy;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::{HubError, Subject};
use crate::logic::page::MOST_BYTES;
use crate::web::caller::Caller;
use crate::web::page::{Order, PageQuery};
use crate::web::query::{self, NeverEmpty};
use crate::web::routing::{self, Routes, Way};
use departure::leave;
use view::{ServiceDetails, ServiceHealth};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/registry", [routing::post(instances::register)]);
    routes.at("/v1/services/register", at_register());
    routes.at("/v1/services", [routing::get(all), routing::delete(remove)]);
    let known = || [routing::get(show), routing::delete(deregister)];
    routes.at("/registry/{service}", known());
    let [get, delete] = known();
    routes.at(
        "/v1/services/{service}",
        [get, routing::put(choose), delete],
    );
    routes.at("/v1/services/{service}/health", [routing::get(health)]);
    routes.at(
        "/v1/services/{service}/dependencies",
        [
            routing::get(dependencies::show),
            routing::post(dependencies::check),
        ],
    );
    instance_routes(routes);
}

#[derive(OpenApi)]
#[openapi(paths(
    instances::register,
    all,
    show,
    choose,
    deregister,
    remove,
    health,
    dependencies::show,
    dependencies::check,
    instances::register_instance,
    instances::deregister_instance,
    instances::heartbeat,
    instances::drain,
))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// Instances register here, and here is also what every service has that is named like this.
fn at_register() -> [Way; 4] {
    let name = || web::Path::from("register".to_owned());
    [
        routing::post(instances::register),
        routing::get(move |request, hub| show(request, hub, name())),
        routing::put(move |request, hub, payload| choose(request, hub, name(), payload)),
        routing::delete(move |request, hub, body| deregister(request, hub, name(), body)),
    ]
}

fn instance_routes(routes: &mut Routes) {
    routes.at(
        "/v1/services/{service}/instances",
        [routing::post(instances::register_instance)],
    );
    routes.at(
        "/v1/services/{service}/instances/{instance}",
        [routing::delete(instances::deregister_instance)],
    );
    routes.at(
        "/v1/services/{service}/instances/{instance}/heartbeat",
        [routing::post(instances::heartbeat)],
    );
    routes.at(
        "/v1/services/{service}/instances/{instance}/drain",
        [routing::post(instances::drain)],
    );
}

/// Which instances of a service.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InstancePageQuery {
    /// Only those whose ids come after this one: `instances_after` of an earlier answer.
    after: Option<OldInstance>,
}

/// What is removed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemoveQuery {
    service: OldService,
    /// Only this instance. Left empty it would mean all of them.
    #[serde(default)]
    #[param(value_type = InstanceId)]
    instance_id: NeverEmpty<OldInstance>,
}

/// The list of services.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServicePage {
    services: Vec<ServiceDetails>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// All services
#[utoipa::path(
    get,
    path = "/v1/services",
    operation_id = "list_services",
    tag = "services",
    params(PageQuery::<ServiceName>),
    responses(
        (status = 200, description = "Those that are registered, by name", body = ServicePage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 429, description = "QUEUE_FULL: too much is read at once; see `Retry-After`"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let part: PageQuery<ServiceName> = query::read(&request)?;
    let views = hub.services().await?;
    let page = part.take_measured(
        views,
        Order::Ascending,
        |view| &view.service,
        |view| view.shown_bytes().min(MOST_BYTES),
    );
    let bytes = page
        .items
        .iter()
        .map(|view| view.shown_bytes().min(MOST_BYTES));
    let mut reading = reading::of(&request, &hub);
    reading.begin_with(2 * bytes.sum::<usize>()).await?;
    let circuits = hub.pushes_under_way(None).await;
    let services = page.items.into_iter().map(ServiceDetails::from);
    let services = services.map(|answer| answer.with_in_flight(&circuits));
    let services: Vec<_> = services.collect();
    Ok(reading::json(
        reading,
        &ServicePage {
            count: services.len(),
            services,
            next_cursor: page.next_cursor,
        },
    ))
}

/// One service, with its instances
#[utoipa::path(
    get,
    path = "/v1/services/{service}",
    operation_id = "show_service",
    tag = "services",
    params(("service" = ServiceName, Path), InstancePageQuery),
    responses(
        (status = 200, description = "The service", body = ServiceDetails),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service, or a parameter is wrong"),
        (status = 404, description = "NOT_FOUND: not registered"),
        (status = 429, description = "QUEUE_FULL: too much is read at once; see `Retry-After`"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let InstancePageQuery { after } = query::read(&request)?;
    let service = query::service(&service)?;
    let view = hub.service(&service).await?;
    let circuits = hub.pushes_under_way(Some(&service)).await;
    let mut reading = reading::of(&request, &hub);
    reading
        .begin_with(2 * view.shown_bytes().min(MOST_BYTES))
        .await?;
    let answer = ServiceDetails::after(view, after.as_ref().map(|after| &after.0));
    Ok(reading::json(reading, &answer.with_in_flight(&circuits)))
}

/// How a service is
#[utoipa::path(
    get,
    path = "/v1/services/{service}/health",
    operation_id = "show_service_health",
    tag = "services",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 200, description = "Its health and that of its instances, and why", body = ServiceHealth),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn health(
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let view = hub.service(&query::service(&service)?).await?;
    Ok(HttpResponse::Ok().json(ServiceHealth::from(view)))
}

/// How a service's next instance is chosen from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StrategyInput)]
pub(crate) struct StrategyBody {
    /// Null: as configured for all.
    #[serde(default, deserialize_with = "even_null")]
    #[schema(value_type = Option<Strategy>, required = true)]
    load_balancing_strategy: Option<Option<StrategyWord>>,
}

struct StrategyWord(Strategy);

impl BodyField for StrategyWord {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let strategy = Strategy::from_name(&text(json)?);
        strategy.map(Self).ok_or_else(|| {
            let names = Strategy::ALL.map(Strategy::name).join(", ");
            Problem::new(format!("must be one of {names}, or null"))
        })
    }
}

field!(StrategyWord);

/// Choose how the next instance is chosen
///
/// Kept over restarts of the hub, and for a service that deregisters and comes back.
#[utoipa::path(
    put,
    path = "/v1/services/{service}",
    operation_id = "choose_strategy",
    tag = "services",
    params(("service" = ServiceName, Path)),
    request_body = StrategyBody,
    responses(
        (status = 200, description = "The service as it is now", body = ServiceDetails),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn choose(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let caller = Caller::of(&request);
    // Before the body, of which nobody else is told what is wrong with it.
    caller.principal.may(Operation::ChooseStrategy(&service))?;
    let body = ReadBody::one(&hub, payload, Subject::Request).await?;
    let strategy = strategy(body.text())?;
    let context = caller.context(hub.clock.wall());
    hub.choose_strategy(&context, &service, strategy).await?;
    let view = hub.service(&service).await?;
    let circuits = hub.pushes_under_way(Some(&service)).await;
    Ok(HttpResponse::Ok().json(ServiceDetails::from(view).with_in_flight(&circuits)))
}

/// `None`: as configured for all.
fn strategy(text: &str) -> Result<Option<Strategy>, HubError> {
    let body: StrategyBody = api::body::command(Subject::Request, text)?;
    match body.load_balancing_strategy {
        Some(strategy) => Ok(strategy.map(|word| word.0)),
        None => {
            let problem = "is required; null stands for what is configured for all";
            let field = "load_balancing_strategy";
            Err(HubError::invalid(Subject::Request, field, problem))
        }
    }
}

/// Remove a service
///
/// What waits for it stays parked until it registers again.
#[utoipa::path(
    delete,
    path = "/v1/services/{service}",
    operation_id = "deregister_service",
    tag = "services",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 204, description = "Removed, with all its instances"),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn deregister(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    leave(&request, &hub, &service, None).await
}

/// Remove a service or an instance, named in the query
///
/// As DELETE of its path, also for what was named `.` or `..` by an earlier version, which no
/// client can put into a path.
#[utoipa::path(
    delete,
    path = "/v1/services",
    operation_id = "remove_service",
    tag = "services",
    params(RemoveQuery),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn remove(
    request: HttpRequest,
    hub: web::Data<Hub>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let asked: RemoveQuery = query::read(&request)?;
    let instance = asked.instance_id.0.map(|instance| instance.0);
    leave(&request, &hub, &asked.service.0, instance.as_ref()).await
}
