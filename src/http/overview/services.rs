//! `GET /v1/overview/services`: services as rows, sorted and chosen by the hub, so that nobody has to
//! fetch them all to see the worst.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::field::{texts, words};
use crate::api::numbers::Digits;
use crate::api::service_row::ServiceRowDetails;
use crate::api::texts::OldService;
use crate::domain::circuit::CircuitState;
use crate::domain::service::Health;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::logic::service_rows::{RowFilter, RowSort, ServiceRow, choose};
use crate::web::caller::Caller;
use crate::web::query;

const MOST_ROWS: u64 = 200;
const DEFAULT_ROWS: usize = 100;
const LONGEST_PART: usize = 100;

/// Which rows, and in which order.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowQuery {
    /// A part of the name, in small or capital letters.
    #[param(inline)]
    q: Option<NamePart>,
    /// This one alone.
    service: Option<OldService>,
    #[param(inline)]
    health: Option<HealthWord>,
    #[param(inline)]
    circuit: Option<CircuitWord>,
    /// Whether the queue is paused.
    #[param(inline)]
    queue: Option<QueueWord>,
    /// Figures sort the largest first.
    #[param(inline)]
    sort: Option<SortWord>,
    /// `desc` turns names round, `asc` figures.
    #[param(inline)]
    order: Option<OrderWord>,
    #[param(inline)]
    limit: Option<Digits<1, { MOST_ROWS }>>,
    /// The `next_cursor` of the page before; only by name.
    cursor: Option<OldService>,
}

texts! {
    NamePart(String) = |text: &str| match text.len() {
        1..=LONGEST_PART => Ok(text.to_owned()),
        _ => Err("must be 1 to 100 characters"),
    };
}

words! {
    HealthWord(Health) {
        "healthy" => Health::Healthy,
        "degraded" => Health::Degraded,
        "unhealthy" => Health::Unhealthy,
        "unknown" => Health::Unknown,
    }
    CircuitWord(CircuitState) {
        "CLOSED" => CircuitState::Closed,
        "OPEN" => CircuitState::Open,
        "HALF_OPEN" => CircuitState::HalfOpen,
    }
    /// Whether it is paused.
    QueueWord(bool) {
        "running" => false,
        "paused" => true,
    }
    SortWord(RowSort) {
        "name" => RowSort::Name,
        "queued" => RowSort::Queued,
        "oldest_age" => RowSort::OldestAge,
        "in_rate" => RowSort::InRate,
        "out_rate" => RowSort::OutRate,
        "fail_rate" => RowSort::FailRate,
        "dead_letters" => RowSort::DeadLetters,
    }
    /// Whether it goes down.
    OrderWord(bool) {
        "asc" => false,
        "desc" => true,
    }
}

/// Rows of services.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceRowPage {
    services: Vec<ServiceRowDetails>,
    /// All that match, on this page or not.
    total: usize,
    /// Where the next page begins, if there is more; only by name.
    next_cursor: Option<String>,
}

/// Services at a glance
///
/// What the registry, the circuits and the queues know of each, in one row: of services that are
/// registered, and of those for which something is left. At most a second old. By figures only the
/// first `limit` can be had. A service sees its own row.
#[utoipa::path(
    get,
    path = "/v1/overview/services",
    operation_id = "list_service_rows",
    tag = "overview",
    params(RowQuery),
    responses(
        (status = 200, description = "Those that match everything given", body = ServiceRowPage),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
    ),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let asked: RowQuery = query::read(&request)?;
    let sort = asked.sort.map_or(RowSort::Name, |word| word.0);
    let after = asked.cursor.map(|cursor| cursor.0);
    if after.is_some() && sort != RowSort::Name {
        let problem = "goes with sort=name; by figures there are only the first";
        return Err(HubError::invalid(Subject::Request, "cursor", problem));
    }
    let is_descending = asked.order.map(|word| word.0);
    let is_reversed = is_descending.is_some_and(|down| down == (sort == RowSort::Name));
    let limit = asked.limit.map_or(DEFAULT_ROWS, |limit| limit.0 as usize);
    let filter = RowFilter {
        service: asked.service.map(|service| service.0),
        part: asked.q.map(|part| part.0),
        health: asked.health.map(|word| word.0),
        circuit: asked.circuit.map(|word| word.0),
        is_paused: asked.queue.map(|word| word.0),
    };
    let now = hub.clock.wall();
    let filter = hub.visible_rows(&Caller::of(&request).context(now), filter);
    let found = hub.service_rows().await?;
    // One more tells whether there is another page.
    let part = (after.as_ref(), limit + 1);
    let chosen = filter.map(|filter| choose(&found.what, &filter, (sort, is_reversed), part));
    let (rows, total) = chosen.map_or_else(Default::default, |chosen| (chosen.rows, chosen.total));
    let shown = &rows[..rows.len().min(limit)];
    let is_more = rows.len() > limit && sort == RowSort::Name;
    let last = shown.last().filter(|_| is_more);
    let windows = hub.windows_of(shown.iter().map(|row| &row.service)).await;
    let of = |row: &&ServiceRow| {
        let window = windows.get(&row.service).copied();
        ServiceRowDetails::of(row, window, now)
    };
    Ok(HttpResponse::Ok().json(ServiceRowPage {
        services: shown.iter().map(of).collect(),
        total,
        next_cursor: last.map(|row| row.service.to_string()),
    }))
}
