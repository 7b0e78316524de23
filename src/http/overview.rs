//! `/v1/overview` and `/v1/stats`: the hub and its services at a glance, and the last day.

mod services;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::api::field::words;
use crate::api::overview::OverviewDetails;
use crate::api::texts::PointInTime;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::stats::{STEP, Series};
use crate::web::caller::Caller;
use crate::web::query;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/overview", [routing::get(overview)]);
    routes.at("/v1/overview/services", [routing::get(services::all)]);
    routes.at("/v1/stats", [routing::get(stats)]);
}

#[derive(OpenApi)]
#[openapi(paths(overview, services::all, stats))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

/// The hub at a glance
///
/// How it is, where all messages are, how many there are of what, and what is wrong: the worst
/// first, each with a sentence. At most a second old, and of the same size however large the hub
/// is.
#[utoipa::path(
    get,
    path = "/v1/overview",
    operation_id = "show_overview",
    tag = "overview",
    responses(
        (status = 200, description = "What is so now", body = OverviewDetails),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn overview(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = Caller::of(&request);
    let found = hub.overview(&caller.context(hub.clock.wall())).await?;
    let is_overloaded = found.what.picture.what.admission.is_overloaded();
    let status = hub.health(hub.phase.get(), is_overloaded);
    let overview = OverviewDetails::of(&hub, status, &found.what);
    Ok(HttpResponse::Ok().json(overview))
}

/// Which part of the last day, and how finely.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    /// From then on; else from the first sample on.
    since: Option<PointInTime>,
    /// Seconds between two values. Of several samples rates are averaged, of all else the last one
    /// counts.
    #[param(inline, default = "10")]
    step: Option<StepWord>,
}

words! {
    /// So many samples make one.
    StepWord(usize) {
        "10" => 1,
        "60" => 6,
        "600" => 60,
    }
}

/// What happened, as columns: each has one value for each step.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Seconds.
    step: i64,
    /// When the first step begins.
    from: Timestamp,
    series: Series,
}

/// The last day in figures
///
/// A sample is taken every ten seconds and kept in memory for 24 hours, as long as the hub runs.
/// Rates are per second, times in seconds, sizes in bytes.
#[utoipa::path(
    get,
    path = "/v1/stats",
    operation_id = "show_stats",
    tag = "overview",
    params(StatsQuery),
    responses(
        (status = 200, description = "The samples, oldest first", body = Stats),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 403, description = "AUTH_FAILED: the caller is no operator and no viewer"),
    ),
)]
pub(crate) async fn stats(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let StatsQuery { since, step } = query::read(&request)?;
    let samples = step.map_or(1, |step| step.0);
    let caller = Caller::of(&request);
    let context = caller.context(hub.clock.wall());
    let part = hub.stats(&context, since.map(|since| since.0), samples)?;
    Ok(HttpResponse::Ok().json(Stats {
        step: STEP * samples as i64,
        from: part.from,
        series: part.series,
    }))
}
