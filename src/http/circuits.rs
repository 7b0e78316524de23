//! `/circuit`: how well each service and callback takes what it is sent, and how to decide that oneself.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{OpenApi, ToSchema};

use super::body::{ReadBody, UnreadBody};
use crate::api;
use crate::api::field::{BodyField, field, text};
use crate::api::numbers::PositiveSeconds;
use crate::api::problem::Problem;
use crate::api::texts::Printable;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::circuits::WantedCircuit;
use crate::hub::error::{HubError, Subject};
use crate::logic::circuit_view::{CircuitView, ForcedView};
use crate::web::caller::Caller;
use crate::web::page::{Order, PageQuery};
use crate::web::query;
use crate::web::routing::{self, Routes};

const SUBJECT: Subject = Subject::Request;

pub(crate) fn routes(routes: &mut Routes) {
    for path in ["/circuit", "/v1/circuits"] {
        routes.at(path, [routing::get(all)]);
    }
    for path in ["/circuit/{service}", "/v1/circuits/{service}"] {
        let one = [routing::get(show), routing::put(force)];
        routes.at(path, one);
    }
}

#[derive(OpenApi)]
#[openapi(paths(all, show, force))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// How well a service, or an origin of callbacks, takes what it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Circuit)]
pub(crate) struct CircuitDetails {
    /// A service, or the origin of callbacks.
    service: CircuitName,
    state: CircuitState,
    /// What led to this state; null if it never changed since the hub started.
    #[schema(example = "5 failed attempts in a row, the last: HTTP 503")]
    reason: Option<String>,
    /// Null unless somebody wanted this state.
    forced: Option<ForcedDetails>,
    /// Failed attempts in a row.
    failure_count: u32,
    /// Attempts that ended within the last minute while the circuit was closed, since it last
    /// closed.
    recent_attempts: u32,
    /// Those of them that failed.
    recent_failures: u32,
    /// Their part, from 0 to 1; null without attempts.
    failure_rate: Option<f64>,
    last_failure: Option<Timestamp>,
    /// Seconds that an open circuit stays open.
    reset_timeout: f64,
    open_until: Option<Timestamp>,
    in_flight: u32,
    /// How many attempts may be under way now.
    window: u32,
}

/// A state that somebody wanted.
#[derive(Serialize, ToSchema)]
#[schema(as = ForcedCircuit)]
pub(crate) struct ForcedDetails {
    /// Null if the caller had no name.
    by: Option<ServiceName>,
    since: Timestamp,
}

/// The state a circuit should go into.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CircuitInput, example = json!({"state": "OPEN", "reason": "database maintenance", "reset_timeout": 600}))]
pub(crate) struct ForceBody {
    /// In upper or lower case. `OPEN` parks what waits until `reset_timeout` is over, then one
    /// message at a time is tried; `HALF_OPEN` begins with that; `CLOSED` lets messages through,
    /// one at first, then 2, 4, …
    state: StateWord,
    /// Printable text, kept and shown with the circuit as long as it is in this state.
    #[schema(inline)]
    reason: Reason,
    /// Seconds an `OPEN` circuit stays open; `circuit_breaker_reset_timeout` if not given.
    #[schema(inline)]
    reset_timeout: Option<PositiveSeconds>,
}

type Reason = Printable<500>;

struct StateWord(CircuitState);

impl BodyField for StateWord {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = "must be one of CLOSED, OPEN, HALF_OPEN";
        let state = CircuitState::from_name(&text(json)?);
        state.map(Self).ok_or_else(|| Problem::new(problem))
    }
}

field!(StateWord, as CircuitState);

/// The list of circuits.
#[derive(Serialize, ToSchema)]
pub(crate) struct CircuitPage {
    circuits: Vec<CircuitDetails>,
    count: usize,
    /// Where the next page begins, if there is more.
    next_cursor: Option<String>,
}

/// All circuits
#[utoipa::path(
    get,
    path = "/v1/circuits",
    operation_id = "list_circuits",
    tag = "circuits",
    params(PageQuery::<CircuitName>),
    responses(
        (status = 200, description = "One for each service, by name, then one for each origin of callbacks", body = CircuitPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    caller.principal.may(Operation::SeeCircuits)?;
    let part: PageQuery<CircuitName> = query::read(&request)?;
    let circuits = hub.circuits(&caller.context(hub.clock.wall())).await?;
    let page = part.take(circuits, Order::Ascending, |view| &view.circuit);
    let circuits: Vec<_> = page.items.into_iter().map(describe).collect();
    Ok(HttpResponse::Ok().json(CircuitPage {
        count: circuits.len(),
        circuits,
        next_cursor: page.next_cursor,
    }))
}

/// One circuit
#[utoipa::path(
    get,
    path = "/v1/circuits/{service}",
    operation_id = "show_circuit",
    tag = "circuits",
    params(("service" = CircuitName, Path)),
    responses(
        (status = 200, description = "The circuit", body = CircuitDetails),
        (status = 400, description = "INVALID_REQUEST: this is no name of a circuit"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
        (status = 404, description = "NOT_FOUND: no service of this name, and no subscription with a callback there"),
    ),
)]
pub(crate) async fn show(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    caller.principal.may(Operation::SeeCircuits)?;
    let name = name(&service)?;
    let context = caller.context(hub.clock.wall());
    let circuit = hub.circuit(&context, &name).await?;
    Ok(HttpResponse::Ok().json(describe(circuit)))
}

/// Force a circuit
///
/// It stays in that state until it leaves it as usual, also over a restart of the hub. Attempts
/// that are under way have no say any more.
#[utoipa::path(
    put,
    path = "/v1/circuits/{service}",
    operation_id = "force_circuit",
    tag = "circuits",
    params(("service" = CircuitName, Path)),
    request_body = ForceBody,
    responses(
        (status = 200, description = "The circuit as it is now", body = CircuitDetails),
        (status = 400, description = "INVALID_REQUEST: `details.field` names what is wrong"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator"),
        (status = 404, description = "NOT_FOUND: no service of this name, and no subscription with a callback there"),
    ),
)]
pub(crate) async fn force(
    request: HttpRequest,
    hub: web::Data<Hub>,
    service: web::Path<String>,
    payload: UnreadBody,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    // Before the body, of which nobody else is told what is wrong with it.
    caller.principal.may(Operation::ForceCircuit)?;
    let name = name(&service)?;
    let body = ReadBody::one(&hub, payload, SUBJECT).await?;
    let asked: ForceBody = api::body::command(SUBJECT, body.text())?;
    let wanted = WantedCircuit {
        state: asked.state.0,
        reason: asked.reason.0,
        reset_timeout: asked.reset_timeout.map(|timeout| timeout.0),
    };
    let context = caller.context(hub.clock.wall());
    let circuit = hub.force_circuit(&context, &name, wanted).await?;
    Ok(HttpResponse::Ok().json(describe(circuit)))
}

/// The name of a service, or `callback:` and an origin.
fn name(text: &str) -> Result<CircuitName, HubError> {
    CircuitName::parse(text).map_err(|error| HubError::invalid(SUBJECT, "service", error))
}

fn describe(view: CircuitView) -> CircuitDetails {
    let (attempts, failures) = (view.recent_attempts, view.recent_failures);
    CircuitDetails {
        service: view.circuit,
        state: view.state,
        reason: view.reason,
        forced: view
            .forced
            .map(|ForcedView { by, since }| ForcedDetails { by, since }),
        failure_count: view.failure_count,
        recent_attempts: attempts,
        recent_failures: failures,
        failure_rate: (attempts > 0).then(|| f64::from(failures) / f64::from(attempts)),
        last_failure: view.last_failure,
        reset_timeout: view.reset_timeout.as_secs_f64(),
        open_until: view.open_until,
        in_flight: view.in_flight,
        window: view.window,
    }
}
