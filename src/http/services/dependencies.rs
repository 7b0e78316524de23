//! `/v1/services/{service}/dependencies`: whether a service has what it needs.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{Label, ServiceName};
use crate::http::body::{ReadBody, UnreadBody};
use crate::http::registration_input;
use crate::http::registration_input::dependencies::DependenciesBody;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::logic::dependencies::{DependencyReport, DependencyStatus};
use crate::web::query;

/// What a service needs, and what of it there is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Dependencies {
    service: ServiceName,
    /// Whether there is enough of everything, critical or not.
    satisfied: bool,
    /// What is missing, in words.
    #[schema(example = json!(["Requires 2 instances of rules-service, found 1"]))]
    issues: Vec<String>,
    dependencies: Vec<DependencyFound>,
    /// Ways on which the service needs itself; each begins and ends with it.
    #[schema(example = json!([["a", "b", "a"]]))]
    cycles: Vec<Vec<ServiceName>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DependencyFound {
    service: ServiceName,
    /// Only instances of exactly this version count; null: all do.
    version: Option<Label>,
    /// Without it the service is at most degraded.
    critical: bool,
    /// Instances, at least.
    required: u32,
    /// Available instances.
    found: u32,
    satisfied: bool,
}

/// Whether a service has what it needs
///
/// Its dependencies are those of all its instances. Nothing is refused for lack of them.
#[utoipa::path(
    get,
    path = "/v1/services/{service}/dependencies",
    operation_id = "show_dependencies",
    tag = "services",
    params(("service" = ServiceName, Path)),
    responses(
        (status = 200, description = "What it needs and what is there", body = Dependencies),
        (status = 400, description = "INVALID_REQUEST: this is no name of a service"),
        (status = 404, description = "NOT_FOUND: not registered"),
    ),
)]
pub(crate) async fn show(
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let report = hub.dependencies(&service, None).await?;
    Ok(HttpResponse::Ok().json(describe(service, report)))
}

/// Whether a service would have what it needs
///
/// Checks the list given, in place of what its instances registered, and stores nothing. The
/// service need not be registered yet.
#[utoipa::path(
    post,
    path = "/v1/services/{service}/dependencies",
    operation_id = "check_dependencies",
    tag = "services",
    params(("service" = ServiceName, Path)),
    request_body = DependenciesBody,
    responses(
        (status = 200, description = "What it would need and what is there", body = Dependencies),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
    ),
)]
pub(crate) async fn check(
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let service = query::service(&service)?;
    let body = ReadBody::one(&hub, payload, Subject::Request).await?;
    let instead = registration_input::dependencies::read_list(body.text())?;
    let report = hub.dependencies(&service, Some(instead)).await?;
    Ok(HttpResponse::Ok().json(describe(service, report)))
}

fn describe(service: ServiceName, report: DependencyReport) -> Dependencies {
    Dependencies {
        service,
        satisfied: report.is_satisfied(),
        issues: report.issues(),
        dependencies: report.findings.into_iter().map(describe_one).collect(),
        cycles: report.cycles,
    }
}

fn describe_one(finding: DependencyStatus) -> DependencyFound {
    DependencyFound {
        satisfied: finding.is_met(),
        found: finding.found,
        required: finding.dependency.minimum_instances,
        critical: finding.dependency.critical,
        service: finding.dependency.service,
        version: finding.dependency.version,
    }
}
