//! Queues that hand out nothing for a while.

use std::sync::Arc;

use crate::domain::timestamp::Timestamp;

/// That nothing is handed out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pause {
    /// By the system's clock; of two pauses the earlier counts.
    pub since: Timestamp,
    /// Who wanted it, in words, if that is known.
    pub by: Option<Arc<str>>,
}

pub(super) fn earliest<'a>(a: Option<&'a Pause>, b: Option<&'a Pause>) -> Option<&'a Pause> {
    [a, b].into_iter().flatten().min_by_key(|pause| pause.since)
}
