//! How a service, or an instance of it, leaves.

use actix_web::{HttpRequest, HttpResponse};

use crate::domain::ids::{InstanceId, ServiceName};
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::caller::Caller;

pub(super) async fn leave(
    request: &HttpRequest,
    hub: &Hub,
    service: &ServiceName,
    instance: Option<&InstanceId>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(request);
    let context = caller.context(hub.clock.wall());
    hub.deregister(&context, service, instance).await?;
    Ok(HttpResponse::NoContent().finish())
}
