//! What one sends to `/v1/retry`.

use utoipa::ToSchema;

use crate::domain::ids::MessageId;

/// Which message to try again now.
#[derive(ToSchema)]
pub struct RetryInput {
    pub message_id: MessageId,
}
