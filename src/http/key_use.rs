//! `/v1/service-keys`: whether a key is still in use, before somebody takes it out of the configuration.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::{Operation, Role};
use crate::hub::error::HubError;
use crate::hub::keys::KeysOf;
use crate::web::caller::principal;
use crate::web::page::{Order, PageQuery};
use crate::web::query;
use crate::web::routing::{self, Routes};

const MINUTE_MS: i64 = 60_000;

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/service-keys", [routing::get(all)]);
}

#[derive(OpenApi)]
#[openapi(paths(all))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The configured keys of a service; never the keys themselves.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceKeys {
    service: ServiceName,
    operator: bool,
    viewer: bool,
    /// In the order of the configuration.
    keys: Vec<KeyDetails>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ServiceKey)]
pub(crate) struct KeyDetails {
    /// Its place among the keys of the service in the configuration, from 1.
    place: usize,
    /// To the minute; null: not since the hub started.
    last_used_at: Option<Timestamp>,
}

/// The list of services that have keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceKeyPage {
    items: Vec<ServiceKeys>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// Which keys are in use
///
/// Of each service that has `service_keys`, when each of them was last used since the hub started.
#[utoipa::path(
    get,
    path = "/v1/service-keys",
    operation_id = "list_service_keys",
    tag = "services",
    params(PageQuery::<ServiceName>),
    responses(
        (status = 200, description = "One for each service that has keys, by name", body = ServiceKeyPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    principal(&request).may(Operation::SeeKeys)?;
    let part: PageQuery<ServiceName> = query::read(&request)?;
    let keys = hub.keys.now().in_use().collect();
    let page = part.take(keys, Order::Ascending, |one: &KeysOf<'_>| one.service);
    let started = hub.clock.wall().minus(hub.clock.running());
    let items: Vec<_> = page
        .items
        .iter()
        .map(|one| describe(one, started))
        .collect();
    Ok(HttpResponse::Ok().json(ServiceKeyPage {
        count: items.len(),
        items,
        next_cursor: page.next_cursor,
    }))
}

fn describe(one: &KeysOf<'_>, started: Timestamp) -> ServiceKeys {
    let keys = one.last_used.iter().enumerate();
    let keys = keys.map(|(index, used)| KeyDetails {
        place: index + 1,
        last_used_at: used.map(|used| {
            let at = started.plus(used).as_millis();
            Timestamp::from_millis(at - at.rem_euclid(MINUTE_MS))
        }),
    });
    ServiceKeys {
        service: one.service.clone(),
        operator: one.role == Role::Operator,
        viewer: one.role == Role::Viewer,
        keys: keys.collect(),
    }
}
