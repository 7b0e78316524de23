//! How a service, or an instance of it, leaves.

use actix_web::{HttpRequest, HttpResponse};

use crate::actors::messages::registry::Deregister;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::http::caller::Caller;
use crate::hub::Hub;
use crate::hub::acts::Act;
use crate::hub::error::HubError;

pub(super) async fn leave(
    request: &HttpRequest,
    hub: &Hub,
    service: ServiceName,
    instance_id: Option<InstanceId>,
) -> Result<HttpResponse, HubError> {
    let (name, instance) = (service.clone(), instance_id.clone());
    let left = hub.clients.registry.request(|reply| Deregister {
        service,
        instance_id,
        reply,
    });
    let left = left.await?;
    left.map_err(|refusal| HubError::refused(refusal, unknown(&name)))?;
    match instance {
        None => Act::new("deregister_service", "service", &name)
            .tell(&Caller::of(request).context(hub.clock.wall())),
        Some(instance) => {
            let on = format!("{instance} of {name}");
            Act::new("deregister_instance", "instance", &on)
                .tell(&Caller::of(request).context(hub.clock.wall()));
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn unknown(service: &ServiceName) -> HubError {
    HubError::NotFound {
        what: format!("service {service}, or this instance of it"),
    }
}
