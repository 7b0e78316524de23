//! What of a refusal a client may go by beside its code.

use serde_json::{Value, json};

use crate::domain::refusal::Refusal;

/// Adds it key by key.
pub(super) fn add_refusal(refusal: &Refusal, mut add: impl FnMut(&str, Value)) {
    match refusal {
        Refusal::LimitReached { limit, most } => {
            add("limit", json!(limit));
            add("most", json!(most));
        }
        Refusal::OtherContent => add("field", json!("id")),
        Refusal::BeyondNewest { .. } => add("field", json!("from_sequence")),
        Refusal::UnknownService { service } => {
            add("field", json!("destination"));
            add("service", json!(service));
        }
        Refusal::RateLimited { service, .. } => add("service", json!(service)),
        Refusal::VersionConflict { expected, current } => {
            add("expected_version", json!(expected));
            add("current_version", json!(current));
        }
        Refusal::EventsGone { oldest } => add("oldest_sequence", json!(oldest)),
        Refusal::VersionsGone { oldest } => add("oldest_version", json!(oldest)),
        Refusal::StaleLeases { stale } => add("leases", json!(stale)),
        Refusal::WrongState { state, .. } => add("state", json!(state)),
        Refusal::WrongStatus { status, .. } => add("status", json!(status)),
        _ => {}
    }
}
