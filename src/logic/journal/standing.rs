//! Which records are the latest word on something.

use ahash::AHashMap;

use crate::domain::fact::Fact;
use crate::domain::fact::compaction_key::CompactionKey;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::Position;

/// So many finished redrive jobs are remembered, the newest.
pub const FINISHED_JOBS: usize = 100;

/// The latest records about each subject that say anything but what holds without them.
#[derive(Default)]
pub struct Standing {
    latest: AHashMap<CompactionKey, Position>,
    finished_jobs: AHashMap<CompactionKey, Position>,
}

impl Standing {
    /// Learns from the next record.
    pub fn note(&mut self, position: Position, fact: &Fact) {
        let Some((subject, says_something)) = fact.compaction_key() else {
            return;
        };
        if let Fact::Subscription(SubscriptionFact::Unsubscribed(gone)) = fact {
            self.latest.remove(&CompactionKey::Position(gone.id));
        }
        if let Fact::Control(ControlFact::RedriveAdvanced(job)) = fact
            && job.status.is_finished()
        {
            self.latest.remove(&CompactionKey::ChosenLetters(job.job));
            self.latest.remove(&subject);
            self.finished_jobs.insert(subject, position);
        } else if says_something {
            self.latest.insert(subject, position);
        } else {
            self.latest.remove(&subject);
        }
    }

    /// Adds the positions of the records that must stay.
    pub fn kept(&self, positions: &mut Vec<Position>) {
        positions.extend(self.latest.values());
        let mut finished: Vec<_> = self.finished_jobs.values().copied().collect();
        finished.sort_unstable();
        let newest = finished.len().saturating_sub(FINISHED_JOBS);
        positions.extend(&finished[newest..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redrive::JobStatus;
    use crate::logic::journal::samples;

    fn kept(facts: &[Fact]) -> Vec<Position> {
        let mut standing = Standing::default();
        for (position, fact) in (1..).zip(facts) {
            standing.note(position, fact);
        }
        let mut positions = Vec::new();
        standing.kept(&mut positions);
        positions.sort_unstable();
        positions
    }

    #[test]
    fn the_latest_word_stays_unless_it_says_nothing() {
        let facts = [
            samples::queue_switched(Some(1), true),
            samples::queue_switched(Some(2), true),
            samples::queue_switched(None, true),
            samples::queue_switched(Some(1), false),
            samples::queue_switched(Some(2), true),
            samples::strategy_chosen(1),
            samples::quota_set(1),
            samples::accepted(1),
        ];
        assert_eq!(kept(&facts), [3, 5, 6, 7]);
    }

    #[test]
    fn a_circuit_that_left_a_forced_state_needs_no_record() {
        let facts = [
            samples::circuit_changed(1, true),
            samples::circuit_changed(2, true),
            samples::circuit_changed(1, false),
        ];
        assert_eq!(kept(&facts), [2]);
    }

    #[test]
    fn what_was_chosen_for_a_job_stays_until_it_is_finished() {
        let mut facts = vec![
            samples::redrive_chosen(1),
            samples::redrive_chosen(2),
            samples::redrive_advanced(1, JobStatus::Running),
            samples::redrive_advanced(1, JobStatus::Running),
        ];
        assert_eq!(kept(&facts), [1, 2, 4]);
        facts.push(samples::redrive_advanced(1, JobStatus::Done));
        assert_eq!(kept(&facts), [2, 5]);
    }

    #[test]
    fn of_the_finished_jobs_the_newest_stay() {
        let mut facts: Vec<_> = (0..150)
            .map(|job| samples::redrive_advanced(job, JobStatus::Done))
            .collect();
        facts.insert(0, samples::redrive_advanced(1000, JobStatus::Running));
        let kept = kept(&facts);
        assert_eq!(kept.len(), FINISHED_JOBS + 1);
        assert_eq!(kept[..2], [1, 52]);
    }
}
