//! Which events may go: those that are old and that nobody still has to read. Which messages may.

pub mod messages;

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::JobId;
use crate::domain::subscription::{PositionAcked, Replay, Subscription, SubscriptionId};
use crate::domain::timestamp::Timestamp;

/// Events that go at once, at most.
pub const STEP: u64 = 10_000;

/// What is configured about how long events are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetentionPolicy {
    /// How long events are kept; zero: for ever.
    pub keep: Duration,
    /// A subscription that gave no sign of life for so long holds no event back.
    pub subscription_expiry: Duration,
}

/// Learns from the journal alone who still has to read what.
pub struct Retention {
    policy: RetentionPolicy,
    oldest: Sequence,
    newest: Sequence,
    subscriptions: HashMap<SubscriptionId, Start>,
    /// Apart from the subscriptions: after a compaction of the journal a position may be read
    /// before the subscription it belongs to.
    positions: HashMap<SubscriptionId, Position>,
    replays: HashMap<JobId, Progress>,
}

/// Of a durable subscription.
struct Start {
    after: Sequence,
    changed_at: Timestamp,
}

struct Position {
    through: Sequence,
    at: Timestamp,
}

/// Of a replay under way.
struct Progress {
    next: Sequence,
    at: Timestamp,
}

impl Retention {
    /// Before the journal is read: nothing was published, and nobody has anything to read.
    pub fn new(policy: RetentionPolicy) -> Self {
        Self {
            policy,
            oldest: 1,
            newest: 0,
            subscriptions: HashMap::new(),
            positions: HashMap::new(),
            replays: HashMap::new(),
        }
    }

    /// Takes in the next fact of the journal.
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::EventPublished(event)) => {
                self.newest = self.newest.max(event.sequence);
            }
            Fact::CompactionSummary(summary) => {
                self.newest = self.newest.max(summary.last_sequence);
            }
            Fact::Event(EventFact::EventsRemoved(removed)) => {
                self.oldest = self.oldest.max(removed.before);
            }
            Fact::Subscription(SubscriptionFact::Subscribed(subscription)) => {
                self.subscribed(subscription);
            }
            Fact::Subscription(SubscriptionFact::Unsubscribed(gone)) => {
                self.subscriptions.remove(&gone.id);
                self.positions.remove(&gone.id);
            }
            Fact::Subscription(SubscriptionFact::PositionAcked(acked)) => self.acked(acked),
            Fact::Subscription(SubscriptionFact::ReplayAdvanced(replay)) => self.replayed(replay),
            _ => {}
        }
    }

    /// The oldest event kept, or the next one to come.
    pub fn oldest(&self) -> Sequence {
        self.oldest
    }

    /// 0: there was none yet.
    pub fn newest(&self) -> Sequence {
        self.newest
    }

    /// Events published before this time are old; `None`: none ever is.
    pub fn cutoff(&self, now: Timestamp) -> Option<Timestamp> {
        (!self.policy.keep.is_zero()).then(|| now.minus(self.policy.keep))
    }

    /// Events from here on have to stay, because somebody has not read them yet.
    pub fn held_from(&self, now: Timestamp) -> Option<Sequence> {
        let lives = |at: Timestamp| now.since(at) < self.policy.subscription_expiry;
        let mut held = None;
        let mut hold = |from: Sequence| held = Some(held.map_or(from, |held| from.min(held)));
        for (id, start) in &self.subscriptions {
            let position = self.positions.get(id);
            let heard_at = position.map_or(start.changed_at, |one| one.at.max(start.changed_at));
            let through = position.map_or(start.after, |one| one.through.max(start.after));
            if lives(heard_at) {
                hold(through.saturating_add(1));
            }
        }
        for replay in self.replays.values().filter(|replay| lives(replay.at)) {
            hold(replay.next);
        }
        held
    }

    /// Everything before the answer goes next, given the first event that is not old; `None`:
    /// nothing does.
    pub fn step(&self, first_young: Sequence, now: Timestamp) -> Option<Sequence> {
        let held = self.held_from(now).unwrap_or(Sequence::MAX);
        let end = first_young.min(held).min(self.oldest + STEP);
        (end > self.oldest).then_some(end)
    }

    /// # Panics
    /// If events are gone that were never there.
    pub fn check(&self) {
        let next = self.newest + 1;
        assert!(
            self.oldest <= next,
            "events from {} on are kept of those before {next}",
            self.oldest
        );
    }

    fn subscribed(&mut self, subscription: &Subscription) {
        if subscription.is_durable() {
            let start = Start {
                after: subscription.after,
                changed_at: subscription.changed_at,
            };
            self.subscriptions.insert(subscription.id, start);
        }
    }

    fn acked(&mut self, acked: &PositionAcked) {
        let position = Position {
            through: acked.through,
            at: acked.at,
        };
        self.positions.insert(acked.id, position);
    }

    fn replayed(&mut self, replay: &Replay) {
        if replay.done {
            self.replays.remove(&replay.id);
            return;
        }
        let progress = Progress {
            next: replay.next,
            at: replay.at,
        };
        self.replays.insert(replay.id, progress);
    }
}

#[cfg(test)]
mod tests;
