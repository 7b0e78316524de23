//! `/v1/queue/status`: what waits, and how full it is.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

pub(crate) mod operations;

use crate::api::texts::OldService;
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;
use crate::domain::timestamp::Timestamp;
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::admission_report::{AdmissionEvents, AdmissionReport, DestinationAdmission};
use crate::logic::queues::view::QueueDepths;
use crate::web::query;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/v1/queue/status", [routing::get(status)]);
    operations::routes(routes);
}

#[derive(OpenApi)]
#[openapi(paths(status, operations::pause, operations::resume, operations::clear))]
struct Described;

pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Described::openapi()
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// Only this destination.
    service: Option<OldService>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct QueueStatus {
    /// `active`, `throttled` from 90 % of a lane, `overloaded` while refusing, `paused`.
    #[schema(pattern = "^(active|throttled|overloaded|paused)$")]
    status: &'static str,
    paused_since: Option<Timestamp>,
    /// Who paused it, if that is known: a service, or `anonymous` with an address.
    paused_by: Option<String>,
    /// How many are queued or parked, by priority.
    #[schema(value_type = BTreeMap<String, usize>)]
    queues: BTreeMap<&'static str, usize>,
    /// Queued and parked.
    total_size: usize,
    /// Everything that is not settled.
    total_messages: usize,
    /// Seconds since the message next in line was accepted.
    oldest_age: f64,
    in_flight: usize,
    /// Waiting for an instance, or for an open circuit.
    parked: usize,
    retrying: usize,
    scheduled: usize,
    /// In the list; null while the archive does not answer.
    dead_letters: Option<u64>,
    statistics: QueueStatistics,
}

/// Counted since the hub started.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueueStatistics {
    messages_enqueued: u64,
    /// Settled.
    messages_dequeued: u64,
    /// Given up since start: dead and expired.
    messages_dropped: u64,
    /// Messages refused for want of room. Only in the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_overflows: Option<u64>,
    /// How often a lane became 90 % full. Only in the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle_events: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueueReport)]
pub(crate) struct QueueResponse {
    #[serde(flatten)]
    total: QueueStatus,
    /// By destination.
    #[schema(value_type = BTreeMap<String, QueueStatus>)]
    services: BTreeMap<ServiceName, QueueStatus>,
}

/// What waits, and how full it is
#[utoipa::path(
    get,
    path = "/v1/queue/status",
    operation_id = "show_queue_status",
    tag = "queue",
    params(QueueQuery),
    responses(
        (status = 200, description = "The queues", body = QueueResponse),
        (status = 400, description = "INVALID_REQUEST: a parameter is wrong or given twice"),
        (status = 404, description = "SERVICE_NOT_FOUND: nobody ever registered this destination"),
    ),
)]
pub(crate) async fn status(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let QueueQuery { service } = query::read(&request)?;
    let service = service.map(|service| service.0);
    let overview = hub.queue_overview(service.as_ref()).await?;
    let (report, admission) = (overview.queues, overview.admission);
    let dead_letters = overview.dead_letters;
    let now = hub.clock.wall();
    let mut services = BTreeMap::new();
    for (name, depths) in report.services {
        let mut status = describe(&depths, word(&admission, Some(&name)), now);
        status.dead_letters = dead_letters
            .as_ref()
            .map(|dead_letters| dead_letters.by_destination.get(&name).copied().unwrap_or(0));
        services.insert(name, status);
    }
    let mut total = describe(&report.total, word(&admission, service.as_ref()), now);
    total.dead_letters = match &service {
        Some(service) => services.get(service).and_then(|status| status.dead_letters),
        None => dead_letters.map(|dead_letters| dead_letters.total),
    };
    let events = events(&admission, service.as_ref());
    total.statistics.queue_overflows = Some(events.overflows);
    total.statistics.throttle_events = Some(events.throttles);
    Ok(HttpResponse::Ok().json(QueueResponse { total, services }))
}

/// What happened at the admission gate to the messages of one service, or of all.
fn events(admission: &AdmissionReport, service: Option<&ServiceName>) -> AdmissionEvents {
    let mut sum = match service {
        Some(_) => AdmissionEvents::default(),
        None => admission.past_events,
    };
    for destination in destinations(admission, service) {
        sum += destination.events;
    }
    sum
}

/// How full one service is, or each of all.
fn destinations<'a>(
    admission: &'a AdmissionReport,
    service: Option<&'a ServiceName>,
) -> impl Iterator<Item = &'a DestinationAdmission> + Clone {
    let meant = move |name: &ServiceName| service.is_none_or(|service| service == name);
    let destinations = admission
        .destinations
        .iter()
        .filter(move |(name, _)| meant(name));
    destinations.map(|(_, destination)| destination)
}

fn word(admission: &AdmissionReport, service: Option<&ServiceName>) -> &'static str {
    let mut destinations = destinations(admission, service);
    if admission.memory_full || destinations.clone().any(|destination| destination.is_full) {
        "overloaded"
    } else if destinations.any(|destination| destination.is_throttled) {
        "throttled"
    } else {
        "active"
    }
}

fn describe(depths: &QueueDepths, status: &'static str, now: Timestamp) -> QueueStatus {
    let levels = Priority::ALL
        .into_iter()
        .map(Priority::name)
        .zip(depths.levels);
    QueueStatus {
        status: if depths.paused.is_some() {
            "paused"
        } else {
            status
        },
        paused_since: depths.paused.as_ref().map(|pause| pause.since),
        paused_by: depths
            .paused
            .as_ref()
            .and_then(|pause| pause.by.as_deref().map(str::to_owned)),
        queues: levels.collect(),
        total_size: depths.waiting(),
        total_messages: depths.open(),
        oldest_age: depths
            .oldest()
            .map_or(0.0, |oldest| now.since(oldest).as_secs_f64()),
        in_flight: depths.in_flight,
        parked: depths.parked,
        retrying: depths.retrying,
        scheduled: depths.scheduled,
        dead_letters: None,
        statistics: QueueStatistics {
            messages_enqueued: depths.statistics.enqueued,
            messages_dequeued: depths.statistics.dequeued,
            messages_dropped: depths.statistics.dead,
            queue_overflows: None,
            throttle_events: None,
        },
    }
}
