//! How the hub is, in a word.

use actix_web::http::StatusCode;

use crate::domain::service::Health;
use crate::hub::Hub;
use crate::phase::Phase;

/// Degraded while it works with something missing; unhealthy only when it takes nothing in.
pub(super) fn status(hub: &Hub, phase: Phase, is_overloaded: bool) -> (Health, StatusCode) {
    if phase != Phase::Open {
        return (Health::Unhealthy, StatusCode::SERVICE_UNAVAILABLE);
    }
    let has_no_disk = hub.status.intake.is_stopped();
    let degraded = is_overloaded || has_no_disk || !hub.status.archive_answers.get();
    (well(!degraded), StatusCode::OK)
}

pub(super) fn well(is_well: bool) -> Health {
    if is_well {
        Health::Healthy
    } else {
        Health::Degraded
    }
}

/// Whole seconds.
pub(super) fn uptime(hub: &Hub) -> u64 {
    hub.clock.running().as_secs()
}
