//! A lease that runs, and how it ends.

use std::time::Duration;

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

/// What a consumer says of a message that it has.
#[derive(Debug)]
pub enum LeaseEnd {
    /// It is done with it.
    Ack,
    /// It could not handle it.
    Nack {
        /// Until the next attempt; `None`: as after any failure.
        delay: Option<Duration>,
        /// Why, as it is kept with the attempt.
        reason: Option<String>,
    },
}
