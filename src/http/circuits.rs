//! `/circuit`: how well each service takes what it is sent.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::ask::ask;
use super::auth::Caller;
use super::{Hub, Routes};
use crate::actors::messages::{CircuitView, InspectCircuits};
use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::error::HubError;

pub fn routes(routes: &mut Routes<'_>) {
    for path in ["/circuit", "/v1/circuits"] {
        routes.at(path, "GET", [web::get().to(all)]);
    }
}

/// How well a service takes what it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Circuit)]
pub struct CircuitAnswer {
    service: ServiceName,
    state: CircuitState,
    /// Failed attempts in a row.
    failure_count: u32,
    last_failure: Option<Timestamp>,
    /// Seconds that an open circuit stays open.
    reset_timeout: f64,
    open_until: Option<Timestamp>,
    in_flight: u32,
    /// How many attempts may be under way now.
    window: u32,
}

/// The list of circuits.
#[derive(Serialize, ToSchema)]
pub struct CircuitPage {
    circuits: Vec<CircuitAnswer>,
    count: usize,
    /// Always null: all are on one page.
    next_cursor: Option<String>,
}

/// All circuits
#[utoipa::path(
    get,
    path = "/v1/circuits",
    operation_id = "list_circuits",
    tag = "circuits",
    responses(
        (status = 200, description = "One for each service that is pushed to", body = CircuitPage),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
    ),
)]
pub async fn all(request: HttpRequest, hub: web::Data<Hub>) -> Result<HttpResponse, HubError> {
    Caller::of(&request).must_be_operator()?;
    let circuits = ask(&hub.handles.circuits, |reply| InspectCircuits {
        service: None,
        reply,
    })
    .await?;
    let circuits: Vec<_> = circuits.into_iter().map(describe).collect();
    Ok(HttpResponse::Ok().json(CircuitPage {
        count: circuits.len(),
        circuits,
        next_cursor: None,
    }))
}

fn describe(view: CircuitView) -> CircuitAnswer {
    CircuitAnswer {
        service: view.service,
        state: view.state,
        failure_count: view.failure_count,
        last_failure: view.last_failure,
        reset_timeout: view.reset_timeout.as_secs_f64(),
        open_until: view.open_until,
        in_flight: view.in_flight,
        window: view.window,
    }
}
