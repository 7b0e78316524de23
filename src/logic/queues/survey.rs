//! The queues at a glance, however many there are.

use super::Queues;
use super::pause::Pause;
use super::view::QueueDepths;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::ids::ServiceName;
use crate::domain::service::Outlook;

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

impl Queues {
    /// All destinations together, and those that hold messages back.
    pub fn survey(&self) -> QueueSurvey {
        let mut survey = QueueSurvey::default();
        for (service, destination) in &self.destinations {
            let depths = self.depths_in(destination);
            survey.total.add(&depths);
            survey.open_circuits +=
                usize::from(matches!(destination.outlook, Outlook::CircuitOpen { .. }));
            let may_go = destination.outlook == Outlook::Ready && depths.paused.is_none();
            if depths.waiting() > 0 && !may_go {
                survey.held_back.push((service.clone(), depths));
            }
        }
        survey.total.statistics += self.past();
        survey.total.paused = self.paused.clone();
        survey.held_back.sort_by(|(a, _), (b, _)| a.cmp(b));
        survey
    }
}
