//! `/v1/services/{service}/next`: the instance whose turn it is, for those who call it themselves.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::api::texts::OldMessageType;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::web::query;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/services/{service}/next", [routing::get(next)]);
}

#[derive(OpenApi)]
#[openapi(paths(next))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NextQuery {
    /// Only instances that take messages of this type.
    r#type: Option<OldMessageType>,
}

/// An instance of a service.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextInstance {
    service: ServiceName,
    instance_id: InstanceId,
    /// Where it is, without a path for messages.
    #[schema(example = "http://10.0.0.5:8080")]
    url: String,
}

/// Whose turn it is
///
/// Chosen as for a message, by the service's strategy; ask again and it is the turn of the next.
/// Nothing is sent, and the circuit is not asked.
#[utoipa::path(
    get,
    path = "/v1/services/{service}/next",
    operation_id = "next_instance",
    tag = "services",
    params(("service" = ServiceName, Path), NextQuery),
    responses(
        (status = 200, description = "An instance that takes messages now", body = NextInstance),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 404, description = "NOT_FOUND: no service of this name"),
        (status = 503, description = "SERVICE_UNAVAILABLE: no instance with a `url` can take messages now"),
    ),
)]
pub(crate) async fn next(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let NextQuery { r#type } = query::read(&request)?;
    let message_type = r#type.map(|word| word.0);
    let picked = hub.next_instance(&service, message_type).await?;
    Ok(HttpResponse::Ok().json(NextInstance {
        service,
        instance_id: picked.instance_id,
        url: picked.url,
    }))
}
