//! A lease that runs.

use crate::domain::ids::MessageId;
use crate::domain::timestamp::Timestamp;

/// Which message is with a consumer, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub id: MessageId,
    pub since: Timestamp,
    /// `None`: until it is settled or given back.
    pub until: Option<Timestamp>,
}
