//! What one sends to `/v1/messages`.

use utoipa::ToSchema;

use crate::domain::attempt::AttemptOutcome;
use crate::domain::ids::InstanceId;
use crate::domain::timestamp::Timestamp;

/// One try to hand a message to its destination.
#[derive(ToSchema)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub at: Timestamp,
    /// Which instance it was tried with.
    #[schema(required = false)]
    pub instance: InstanceId,
    pub outcome: AttemptOutcome,
    /// What the instance answered, if it did.
    #[schema(required = false)]
    pub status_code: u16,
    pub duration_ms: u64,
    #[schema(required = false)]
    pub error: String,
}
