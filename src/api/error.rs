//! The JSON object of an error, as an answer, an item of a batch and a frame of a socket show it.

use serde_json::{Map, Value, json};

use crate::domain::refusal::Refusal;
use crate::hub::error::{ErrorCode, HubError, shortened};

/// The object. `about` goes into its details: the request's id and time, or nothing for an item of
/// a batch.
pub(crate) fn body(error: &HubError, about: Map<String, Value>) -> Value {
    written(error.code(), &error.in_words(), details(error), about)
}

/// The object of these parts.
pub(crate) fn written(
    code: ErrorCode,
    message: &str,
    details: Map<String, Value>,
    about: Map<String, Value>,
) -> Value {
    let mut all = about;
    all.extend(details);
    json!({"code": code.name(), "message": message, "details": all})
}

/// What a client may go by beside the code.
pub(crate) fn details(error: &HubError) -> Map<String, Value> {
    let mut details = Map::new();
    let mut add = |key: &str, value: Value| drop(details.insert(key.to_owned(), value));
    match error {
        HubError::Invalid { field, .. } => add("field", json!(shortened(field))),
        HubError::NoService { field, service } => {
            add("field", json!(field));
            add("service", json!(service));
        }
        HubError::Differs { field }
        | HubError::Denied { field, .. }
        | HubError::Conflict { field, .. } => add("field", json!(field)),
        HubError::NoSuchVersion { field, current } => {
            add("field", json!(field));
            add("current_version", json!(current));
        }
        HubError::TooManyRequests { service, .. } => add("service", json!(service)),
        HubError::ShareFull { limit, most } | HubError::TooLargeFor { limit, most } => {
            add("limit", json!(limit.name()));
            add("most", json!(most));
        }
        HubError::Refused(refusal) => add_refusal(refusal, add),
        HubError::DeliveryFailed { reason, last_error } => {
            add("reason", json!(reason));
            add("last_error", json!(last_error));
        }
        _ => {}
    }
    details
}

/// Of a refusal, key by key.
fn add_refusal(refusal: &Refusal, mut add: impl FnMut(&str, Value)) {
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
