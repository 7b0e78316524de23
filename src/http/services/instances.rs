//! `/v1/services/{service}/instances`: instances come, live and go.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::departure::leave;
use crate::api::unknown::Ignored;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::no_body::NoBody;
use crate::http::registration_input;
use crate::http::registration_input::RegistrationBody;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::logic::limits::Limit;
use crate::web::caller::Caller;
use crate::web::query;

#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    service: ServiceName,
    instance_id: InstanceId,
    status: Health,
    registered_at: Timestamp,
    /// Fields of the registration that the hub does not know and left out; missing if there were
    /// none.
    #[serde(skip_serializing_if = "Ignored::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    ignored: Ignored,
    /// What may not be meant so.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// A heartbeat was heard.
#[derive(Serialize, ToSchema)]
#[schema(as = HeartbeatAnswer)]
pub(crate) struct HeartbeatReceipt {
    service: ServiceName,
    instance_id: InstanceId,
    status: Health,
    /// When the next one is overdue; null if the instance registered without a `ttl`.
    expires_at: Option<Timestamp>,
}

/// The instance is sent nothing new.
#[derive(Serialize, ToSchema)]
pub(crate) struct Draining {
    service: ServiceName,
    instance_id: InstanceId,
    draining_since: Timestamp,
}

/// Register an instance
///
/// The service may be asked for messages and sent messages from now on, also after a restart of the
/// hub. The same `instance_id` again replaces the instance and keeps its health. Without one an
/// instance is known by its host, port and path, so another path is another instance: then the
/// answer has a `warning`.
#[utoipa::path(
    post,
    path = "/v1/services/register",
    operation_id = "register_service",
    tag = "services",
    request_body = RegistrationBody,
    responses(
        (status = 200, description = "It replaced the instance of the same id", body = Registered),
        (status = 201, description = "It is new", body = Registered),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 429, description = "LIMIT_REACHED: the service has as many instances as it may"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn register(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: UnreadBody,
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
    request_body = RegistrationBody,
    responses(
        (status = 200, description = "It replaced the instance of the same id", body = Registered),
        (status = 201, description = "It is new", body = Registered),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 429, description = "LIMIT_REACHED: the service has as many instances as it may"),
        (status = 507, description = "STORAGE_FULL: the disk is nearly full"),
    ),
)]
pub(crate) async fn register_instance(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let service = query::new_service(&service)?;
    enter(&request, &hub, payload, Some(service)).await
}

async fn enter(
    request: &HttpRequest,
    hub: &Hub,
    payload: UnreadBody,
    path: Option<ServiceName>,
) -> Result<HttpResponse, HubError> {
    let limit = Limit::RegistrationBytes;
    let most = hub.settings.limits.size(limit);
    let body = ReadBody::read(hub, payload, most, 1, Subject::Request).await;
    let body = body.map_err(|error| match error {
        HubError::TooLarge { .. } => HubError::TooLargeFor { limit, most },
        error => error,
    })?;
    let caller = Caller::of(request);
    let context = caller.context(hub.clock.wall());
    let rules = &hub.settings.registrations;
    let (registration, ignored) = registration_input::read(body.text(), path, rules, context.now)?;
    let service = registration.service.clone();
    let instance_id = registration.instance_id.clone();
    let registered_at = registration.registered_at;
    let registered = hub.register_instance(&context, registration).await?;
    let mut response = if registered.replaced {
        HttpResponse::Ok()
    } else {
        HttpResponse::Created()
    };
    let warning = registered.beside.map(|other| beside(&service, &other));
    Ok(response.json(Registered {
        service,
        instance_id,
        status: registered.health,
        registered_at,
        ignored,
        warning,
    }))
}

/// Whoever corrects the path of an instance means it to be the same one.
fn beside(service: &ServiceName, other: &InstanceId) -> String {
    format!(
        "{other} is another instance of {service} at the same host and port and gets messages as \
         well; if this one takes its place, remove it with DELETE \
         /v1/services/{service}/instances/{other}"
    )
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
pub(crate) async fn deregister_instance(
    request: HttpRequest,
    hub: web::Data<Hub>,
    path: web::Path<(String, String)>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let (service, instance) = instance_of(&path)?;
    leave(&request, &hub, &service, Some(&instance)).await
}

/// Say that an instance lives
///
/// Counts as a good sign, like a health check that was answered. An instance with a `ttl` that is
/// silent for longer than that is unhealthy until it is heard again.
#[utoipa::path(
    post,
    path = "/v1/services/{service}/instances/{instance}/heartbeat",
    operation_id = "heartbeat",
    tag = "services",
    params(("service" = ServiceName, Path), ("instance" = InstanceId, Path)),
    responses(
        (status = 200, description = "Heard", body = HeartbeatReceipt),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn heartbeat(
    request: HttpRequest,
    hub: web::Data<Hub>,
    path: web::Path<(String, String)>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let (service, instance_id) = instance_of(&path)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let alive = hub.heartbeat(&context, &service, &instance_id).await?;
    Ok(HttpResponse::Ok().json(HeartbeatReceipt {
        service,
        instance_id,
        status: alive.health,
        expires_at: alive.expires_at,
    }))
}

/// Send an instance nothing new
///
/// What it has it may finish. It is out of rotation, also after a restart of the hub, until it
/// registers again or is removed. Asking again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/services/{service}/instances/{instance}/drain",
    operation_id = "drain_instance",
    tag = "services",
    params(("service" = ServiceName, Path), ("instance" = InstanceId, Path)),
    responses(
        (status = 200, description = "It is draining", body = Draining),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is another service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn drain(
    request: HttpRequest,
    hub: web::Data<Hub>,
    path: web::Path<(String, String)>,
    _: NoBody,
) -> Result<HttpResponse, HubError> {
    let (service, instance_id) = instance_of(&path)?;
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let draining_since = hub.drain_instance(&context, &service, &instance_id).await?;
    Ok(HttpResponse::Ok().json(Draining {
        service,
        instance_id,
        draining_since,
    }))
}

/// The instance named by the path.
fn instance_of(
    (service, instance): &(String, String),
) -> Result<(ServiceName, InstanceId), HubError> {
    let service = query::service(service)?;
    let instance = InstanceId::parse(instance)
        .map_err(|error| HubError::invalid(Subject::Request, "instance_id", error))?;
    Ok((service, instance))
}
