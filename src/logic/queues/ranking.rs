//! Ranks, whatever the system's clock does.

use crate::domain::message::Message;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::lanes::RankPolicy;

/// Ranks are on the hub's own clock, in order of acceptance: a message accepted while the system's
/// clock was wrong is neither first nor last for it.
#[derive(Debug)]
pub(super) struct Ranking {
    policy: RankPolicy,
    /// When the latest message came.
    latest: Timestamp,
    /// By how much the hub's clock is ahead of the one that deadlines are on, in milliseconds.
    pub hub_ahead: i64,
}

impl Ranking {
    pub(super) fn new(policy: RankPolicy) -> Self {
        Self {
            policy,
            latest: Timestamp::from_millis(i64::MIN),
            hub_ahead: 0,
        }
    }

    /// When a message came, never before the one that came before it.
    pub(super) fn since(&mut self, accepted: Moment, now: Moment) -> Timestamp {
        self.latest = self.latest.max(accepted.hub.min(now.hub));
        self.latest
    }

    /// Of a message that came at `since`.
    pub(super) fn rank(&self, since: Timestamp, message: &Message) -> i64 {
        let deadline = message.deadline();
        let deadline = deadline
            .map(|at| Timestamp::from_millis(at.as_millis().saturating_add(self.hub_ahead)));
        self.policy.rank(since, message.priority, deadline)
    }
}
