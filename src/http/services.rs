//! `/v1/services` and `/registry`: who is there.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::ask::{ask, look};
use super::auth::Caller;
use super::body::{self, Body};
use super::{Hub, Routes, list, query, registration_input};
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

/// The interface document's shape and more.
#[derive(Serialize)]
struct ServiceAnswer {
    service: ServiceName,
    status: Health,
    last_seen: Option<Timestamp>,
    /// Of the instance that registered last.
    version: Option<Label>,
    instances: Vec<InstanceAnswer>,
}

#[derive(Serialize)]
struct InstanceAnswer {
    instance_id: InstanceId,
    status: Health,
    version: Option<Label>,
    url: Option<String>,
    message_endpoint: Option<String>,
    max_in_flight: u32,
    endpoints: Vec<Endpoint>,
    metadata: Option<Payload>,
    registered_at: Timestamp,
    last_seen: Option<Timestamp>,
}

async fn register(
    request: HttpRequest,
    hub: web::Data<Hub>,
    payload: web::Payload,
) -> Result<HttpResponse, HubError> {
    enter(&request, &hub, payload, None).await
}

async fn register_instance(
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
    let answer = json!({
        "service": registration.service,
        "instance_id": registration.instance_id,
        "registered_at": registration.registered_at,
    });
    let registered = ask(&hub.handles.register, |reply| Register {
        registration,
        reply,
    })
    .await?;
    let mut answer = answer;
    answer["status"] = json!(registered.health);
    if registered.replaced {
        Ok(HttpResponse::Ok().json(answer))
    } else {
        Ok(HttpResponse::Created().json(answer))
    }
}

async fn all(hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    let views = look(&hub.handles.services, InspectServices { service: None }).await?;
    let answers: Vec<_> = views.into_iter().map(describe).collect();
    Ok(list::page("services", &answers, None))
}

async fn show(hub: web::Data<Hub>, service: web::Path<String>) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let asked = InspectServices {
        service: Some(service.clone()),
    };
    let view = look(&hub.handles.services, asked).await?.pop();
    let view = view.ok_or_else(|| unknown(&service))?;
    Ok(HttpResponse::Ok().json(describe(view)))
}

async fn deregister(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    leave(&request, &hub, service, None).await
}

async fn deregister_instance(
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
