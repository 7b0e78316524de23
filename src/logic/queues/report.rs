//! How the queues are, as those are told who ask.

use super::pause::Pause;
use super::view::QueueDepths;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::ids::ServiceName;

/// All queues together, and those that hold messages back, however many there are.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueSurvey {
    /// Over the life of the data, at the very moment of the depths.
    pub totals: MessageTotals,
    /// Of all of them together.
    pub total: QueueDepths,
    /// Those that are paused by their own names, in their order.
    pub paused: Vec<(ServiceName, Pause)>,
    /// Those in which something waits though no more of it may go: they are paused, nobody is there
    /// to take it, or the circuit is not closed. By name.
    pub held_back: Vec<(ServiceName, QueueDepths)>,
    /// Destinations whose circuits are open.
    pub open_circuits: usize,
}

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
