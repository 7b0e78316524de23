//! Ranks, whatever the system's clock does.

use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::lanes::RankPolicy;

use super::entry::{Entry, Place};
use super::{Queues, destination_of};

/// A system's clock that was set by less moves no rank: a deadline is a matter of seconds.
const NOTEWORTHY_MS: i64 = 1_000;

/// Ranks are on the hub's own clock, in order of acceptance: a message accepted while the system's
/// clock was wrong is neither first nor last for it.
#[derive(Debug)]
pub(super) struct Ranking {
    policy: RankPolicy,
    /// When the latest message came.
    latest: Timestamp,
    /// By how much the hub's clock is ahead of the one that deadlines are on, in milliseconds.
    hub_ahead: i64,
}

impl Ranking {
    pub fn new(policy: RankPolicy) -> Self {
        Self {
            policy,
            latest: Timestamp::from_millis(i64::MIN),
            hub_ahead: 0,
        }
    }

    /// When a message came, never before the one that came before it.
    pub fn since(&mut self, accepted: Moment, now: Moment) -> Timestamp {
        self.latest = self.latest.max(accepted.hub.min(now.hub));
        self.latest
    }

    pub fn rank(&self, entry: &Entry) -> i64 {
        let deadline = entry.message.deadline();
        let deadline = deadline
            .map(|at| Timestamp::from_millis(at.as_millis().saturating_add(self.hub_ahead)));
        self.policy
            .rank(entry.since, entry.message.priority, deadline)
    }
}

impl Queues {
    /// Learns how the system's clock is set. When that changes, deadlines are nearer or further
    /// for what waits already.
    pub fn follow_clock(&mut self, now: impl Into<Moment>) {
        let ahead = now.into().hub_ahead();
        if (ahead - self.ranking.hub_ahead).abs() < NOTEWORTHY_MS {
            return;
        }
        let has_deadline = |entry: &&mut Box<Entry>| {
            entry.place == Place::Queued && entry.message.deadline().is_some()
        };
        for entry in self.entries.values_mut().filter(has_deadline) {
            let waiting = entry.waiting(&self.ranking);
            let destination = destination_of(&mut self.destinations, &entry.message);
            destination.lanes.remove(&waiting, &entry.message.kind);
        }
        self.ranking.hub_ahead = ahead;
        for entry in self.entries.values_mut().filter(has_deadline) {
            let waiting = entry.waiting(&self.ranking);
            let destination = destination_of(&mut self.destinations, &entry.message);
            destination.lanes.push(waiting, &entry.message.kind);
        }
    }
}
