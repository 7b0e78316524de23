//! An attempt as users see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::ids::InstanceId;
use crate::domain::timestamp::Timestamp;

/// One try to hand a message to its destination.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    /// 1 for the first.
    number: u32,
    at: Timestamp,
    /// Which instance it was tried with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = InstanceId, required = false)]
    instance: Option<InstanceId>,
    outcome: AttemptOutcome,
    /// What the instance answered, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u16, required = false)]
    status_code: Option<u16>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    error: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at,
            instance: attempt.instance,
            outcome: attempt.outcome,
            status_code: attempt.status_code,
            duration_ms: attempt.duration_ms,
            error: attempt.error,
        }
    }
}

/// All of a message or an event, in their order.
pub(crate) fn views(attempts: Vec<Attempt>) -> Vec<AttemptView> {
    attempts.into_iter().map(AttemptView::from).collect()
}
