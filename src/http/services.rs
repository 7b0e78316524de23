//! `/v1/services` and `/registry`: who is there.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::{ask, look};
use super::auth::Caller;
use super::body::{self, Body};
use super::openapi::{self, services::RegistrationInput};
use super::{Hub, Routes, query, registration_input};
use crate::actors::messages::{Deregister, InspectServices, InstanceView, Register, ServiceView};
use crate::domain::ids::{InstanceId, Label, ServiceName};
use crate::domain::message::Payload;
use crate::domain::refusal::Refusal;
use crate::domain::service::{Endpoint, Health};
use crate::domain::timestamp::Timestamp;
use crate::error::{HubError, Subject};

pub fn routes(routes: &mut Routes<'_>) {
    routes.at("/registry", "POST", [web::post().to(register)]);
    routes.at("/v1/services/register", "POST", [web::post().to(register)]);
    routes.at("/v1/services", "GET", [web::get().to(all)]);
    let one = || [web::get().to(show), web::delete().to(deregister)];
    routes.at("/registry/{service}", "GET, DELETE", one());
    routes.at("/v1/services/{service}", "GET, DELETE", one());
    routes.at(
        "/v1/services/{service}/health",
        "GET",
        [web::get().to(show)],
    );
    routes.at(
        "/v1/services/{service}/instances",
        "POST",
        [web::post().to(register_instance)],
    );
    routes.at(
        "/v1/services/{service}/instances/{instance}",
        "DELETE",
        [web::delete().to(deregister_instance)],
    );
}

/// A service and its instances.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub struct ServiceAnswer {
    service: ServiceName,
    status: Health,
    /// When an instance last gave a sign of life.
    last_seen: Option<Timestamp>,
    /// Of the instance that registered last.
    version: Option<Label>,
    instances: Vec<InstanceAnswer>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Instance)]
pub struct InstanceAnswer {
    instance_id: InstanceId,
    status: Health,
    version: Option<Label>,
    url: Option<String>,
    message_endpoint: Option<String>,
    max_in_flight: u32,
    #[schema(value_type = Vec<openapi::services::Endpoint>)]
    endpoints: Vec<Endpoint>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Payload>,
    registered_at: Timestamp,
    last_seen: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
pub struct Registered {
    service: ServiceName,
    instance_id: InstanceId,
    status: Health,
    registered_at: Timestamp,
}

/// The list of services.
#[derive(Serialize, ToSchema)]
pub struct ServicePage {
    services: Vec<ServiceAnswer>,
    count: usize,
    /// Always null: all are on one page.
    next_cursor: Option<String>,
}

/// Register an instance
///
/// The service may be asked for messages and sent messages from now on, also after a restart of
/// the hub. The same `instance_id` again replaces the instance and keeps its health.
#[utoipa::path(
    post,
    path = "/v1/services/register",
    operation_id = "register_service",
    tag = "services",
    request_body = RegistrationInput,
    responses(
        (status = 200, description = "It replaced the instance of the same id", body = Registered),
        (status = 201, description = "It is new", body = Registered),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub async fn register(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    enter(&request, &hub, payload, None).await
}

/// Register an instance of this service
#[utoipa::path(
    post,
    path = "/v1/services/{service}/instances",
    operation_id = "register_instance",
    tag = "services",
    params(("service" = ServiceName, Path)),
    request_body = RegistrationInput,
    responses(
        (status = 200, description = "It replaced the instance of the same id", body = Registered),
        (status = 201, description = "It is new", body = Registered),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub async fn register_instance(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    enter(&request, &hub, payload, Some(service)).await
}

async fn enter(
    request: &HttpRequest,
    hub: &Hub,
    payload: web::Payload,
    path: Option<ServiceName>,
) -> Result<HttpResponse, HubError> {
    let body = Body::read(hub, payload, body::ONE, 1, Subject::Request).await?;
    let registration = registration_input::read(body.text(), path, hub.clock.now())?;
    Caller::of(request).must_be(&registration.service)?;
    let service = registration.service.clone();
    let instance_id = registration.instance_id.clone();
    let registered_at = registration.registered_at;
    let registered = ask(&hub.handles.register, |reply| Register {
        registration,
        reply,
    })
    .await?;
    let mut response = if registered.replaced {
        HttpResponse::Ok()
    } else {
        HttpResponse::Created()
    };
    Ok(response.json(Registered {
        service,
        instance_id,
        status: registered.health,
        registered_at,
    }))
}

/// All services
#[utoipa::path(
    get,
    path = "/v1/services",
    operation_id = "list_services",
    tag = "services",
    responses((status = 200, description = "All that are registered", body = ServicePage)),
)]
pub async fn all(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let views = look(&hub.handles.services, InspectServices { service: None }).await?;
    let services: Vec<_> = views.into_iter().map(describe).collect();
    Ok(HttpResponse::Ok().json(ServicePage {
        count: services.len(),
        services,
        next_cursor: None,
    }))
}

/// One service, with its instances
#[utoipa::path(
    get,
    path = "/v1/services/{service}",
    operation_id = "show_service",
    tag = "services",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 200, description = "The service", body = ServiceAnswer),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub async fn show(
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let asked = InspectServices {
        service: Some(service.clone()),
    };
    let view = look(&hub.handles.services, asked).await?.pop();
    let view = view.ok_or_else(|| unknown(&service))?;
    Ok(HttpResponse::Ok().json(describe(view)))
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
pub async fn deregister(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    leave(&request, &hub, service, None).await
}

/// Remove an instance
#[utoipa::path(
    delete,
    path = "/v1/services/{service}/instances/{instance}",
    operation_id = "deregister_instance",
    tag = "services",
    params(("service" = ServiceName, Path), ("instance" = InstanceId, Path)),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub async fn deregister_instance(
    request: HttpRequest,
    hub: web::Data<Hub>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HubError> {
    let (service, instance) = path.into_inner();
    let service = query::service(&service)?;
    let instance = InstanceId::parse(&instance)
        .map_err(|error| HubError::invalid(Subject::Request, "instance_id", error))?;
    leave(&request, &hub, service, Some(instance)).await
}

async fn leave(
    request: &HttpRequest,
    hub: &Hub,
    service: ServiceName,
    instance_id: Option<InstanceId>,
) -> Result<HttpResponse, HubError> {
    Caller::of(request).must_be(&service)?;
    let name = service.clone();
    let left = ask(&hub.handles.deregister, |reply| Deregister {
        service,
        instance_id,
        reply,
    });
    match left.await? {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(Refusal::NotFound) => Err(unknown(&name)),
        Err(refusal) => Err(refusal.into()),
    }
}

fn unknown(service: &ServiceName) -> HubError {
    HubError::NotFound {
        what: format!("service {service}, or this instance of it"),
    }
}

fn describe(view: ServiceView) -> ServiceAnswer {
    let newest = view
        .instances
        .iter()
        .max_by_key(|instance| instance.registration.registered_at);
    ServiceAnswer {
        version: newest.and_then(|instance| instance.registration.version.clone()),
        service: view.service,
        status: view.status,
        last_seen: view.last_seen,
        instances: view.instances.into_iter().map(describe_instance).collect(),
    }
}

fn describe_instance(view: InstanceView) -> InstanceAnswer {
    let registration = &*view.registration;
    let address = registration.address.as_ref();
    InstanceAnswer {
        instance_id: registration.instance_id.clone(),
        status: view.health,
        version: registration.version.clone(),
        url: address.map(|address| address.url.clone()),
        message_endpoint: address.map(|address| address.message_endpoint.clone()),
        max_in_flight: registration.max_in_flight,
        endpoints: registration.endpoints.clone(),
        metadata: registration.metadata.clone(),
        registered_at: registration.registered_at,
        last_seen: view.last_seen,
    }
}
