//! How the queues are, as those are told who ask.

use super::pause::Pause;
use super::view::QueueDepths;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::ids::ServiceName;

/// The queues of one service, or of all.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueReport {
    /// Over the life of the data, at the very moment of the depths.
    pub totals: MessageTotals,
    /// Of all of them together.
    pub total: QueueDepths,
    /// Of each service, by name.
    pub services: Vec<(ServiceName, QueueDepths)>,
    /// Those that are paused by their own names, in their order; not looked for if one was asked for.
    pub paused: Vec<(ServiceName, Pause)>,
}
