//! How the hub is, in a word.

use actix_web::http::StatusCode;

use crate::domain::service::Health;
use crate::hub::Hub;

/// Whoever looks at nothing else goes by the status.
pub(super) fn code(health: Health) -> StatusCode {
    match health {
        Health::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        Health::Healthy | Health::Degraded | Health::Unknown => StatusCode::OK,
    }
}

/// Whole seconds.
pub(super) fn uptime(hub: &Hub) -> u64 {
    hub.clock.running().as_secs()
}
