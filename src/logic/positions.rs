//! When the positions of subscriptions are written down: many together, and rarely where only
//! events passed that nobody wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::event::Sequence;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

use super::timer_queue::TimerQueue;

/// How long the positions of subscribers that get events gather.
const BUSY: Duration = Duration::from_millis(250);
/// The same for positions that only passed what does not match.
const IDLE: Duration = Duration::from_secs(60);

/// Positions as written down, and those to be.
#[derive(Debug, Default)]
pub struct Positions {
    written: BTreeMap<SubscriptionId, Sequence>,
    /// Not written down.
    pending: BTreeMap<SubscriptionId, Sequence>,
    due: TimerQueue<SubscriptionId>,
    /// Of the pending ones, those that go with whatever is written next.
    busy: BTreeSet<SubscriptionId>,
}

impl Positions {
    /// The journal says so, or is about to, so that nothing up to here is pending any more.
    pub fn learn(&mut self, id: SubscriptionId, through: Sequence) {
        let written = self.written.entry(id).or_insert(through);
        *written = through.max(*written);
        let pending = self.pending.get(&id);
        if pending.is_some_and(|pending| *pending <= *written) {
            self.pending.remove(&id);
            self.due.remove(&id);
            self.busy.remove(&id);
        }
    }

    /// Everything up to here is done, whether it is written down or not.
    pub fn of(&self, id: SubscriptionId) -> Sequence {
        let pending = self.pending.get(&id).copied();
        let written = self.written.get(&id).copied();
        pending.max(written).unwrap_or(0)
    }

    /// A subscription is done with everything up to `position`; events were delivered up to
    /// `worked_through`. A position never falls.
    pub fn moved(
        &mut self,
        id: SubscriptionId,
        position: Sequence,
        worked_through: Sequence,
        now: Timestamp,
    ) {
        let written = self.written.get(&id).copied().unwrap_or(0);
        if position <= self.of(id) {
            return;
        }
        let is_busy = worked_through > written;
        let due = now.plus(if is_busy { BUSY } else { IDLE });
        self.pending.insert(id, position);
        let before = self.due.get(&id).unwrap_or(due);
        self.due.set(id, before.min(due));
        if is_busy {
            self.busy.insert(id);
        }
    }

    /// A subscriber says so, and waits for it.
    pub fn acked(&mut self, id: SubscriptionId, through: Sequence, now: Timestamp) {
        if through > self.of(id) {
            self.pending.insert(id, through);
            self.due.set(id, now);
            self.busy.insert(id);
        }
    }

    /// When something is to be written down.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// What is to be written down now: nothing before something is due, then whatever is busy.
    pub fn take(&mut self, now: Timestamp) -> Vec<(SubscriptionId, Sequence)> {
        if self.next_due().is_none_or(|due| now < due) {
            return Vec::new();
        }
        let mut ids = std::mem::take(&mut self.busy);
        ids.extend(self.due.pop_due(now, usize::MAX));
        self.take_these(ids)
    }

    /// All of them.
    pub fn take_all(&mut self) -> Vec<(SubscriptionId, Sequence)> {
        self.take_these(self.pending.keys().copied().collect())
    }

    /// The subscription is no more.
    pub fn forget(&mut self, id: SubscriptionId) {
        self.written.remove(&id);
        self.pending.remove(&id);
        self.due.remove(&id);
        self.busy.remove(&id);
    }

    /// Looks at every position that is not written down; gives how many these are.
    ///
    /// # Panics
    /// If one would go back by being written down, or never is.
    pub fn check(&self) -> usize {
        for (id, through) in &self.pending {
            let written = self.written.get(id).copied().unwrap_or(0);
            assert!(
                *through > written,
                "{id} goes on from {written} to {through}"
            );
        }
        let is_pending = |id: &SubscriptionId| self.pending.contains_key(id);
        assert!(
            self.due.check(),
            "timers are found by their key and by their time"
        );
        assert_eq!(
            self.due.len(),
            self.pending.len(),
            "what is pending is due once"
        );
        let is_due = |id: &SubscriptionId| self.due.get(id).is_some();
        assert!(self.pending.keys().all(is_due), "what is pending is due");
        assert!(
            self.busy.iter().all(is_pending),
            "what goes with the others is pending"
        );
        self.pending.len()
    }

    fn take_these(&mut self, ids: BTreeSet<SubscriptionId>) -> Vec<(SubscriptionId, Sequence)> {
        let mut taken = Vec::new();
        for id in ids {
            self.due.remove(&id);
            self.busy.remove(&id);
            if let Some(through) = self.pending.remove(&id) {
                taken.push((id, through));
                self.learn(id, through);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000 + millis)
    }

    fn id(number: u128) -> SubscriptionId {
        SubscriptionId(Uuid::from_u128(number))
    }

    #[test]
    fn busy_positions_gather_and_go_together() {
        let mut positions = Positions::default();
        positions.moved(id(1), 5, 5, at(0));
        positions.moved(id(2), 7, 7, at(200));
        positions.moved(id(1), 6, 6, at(240));
        assert_eq!(positions.next_due(), Some(at(250)));
        assert!(positions.take(at(249)).is_empty());
        assert_eq!(positions.take(at(250)), [(id(1), 6), (id(2), 7)]);
        assert_eq!(positions.next_due(), None);
        assert_eq!(positions.of(id(1)), 6);
    }

    #[test]
    fn what_only_passed_by_is_written_once_a_minute() {
        let mut positions = Positions::default();
        positions.learn(id(1), 5);
        positions.moved(id(1), 900, 5, at(0));
        positions.moved(id(2), 3, 3, at(0));
        assert_eq!(positions.take(at(250)), [(id(2), 3)]);
        assert_eq!(positions.next_due(), Some(at(60_000)));
        positions.moved(id(1), 1000, 5, at(59_999));
        assert_eq!(positions.take(at(60_000)), [(id(1), 1000)]);
        positions.moved(id(1), 1001, 5, at(60_001));
        assert_eq!(positions.take_all(), [(id(1), 1001)]);
    }

    #[test]
    fn what_was_written_down_with_something_else_is_not_written_again() {
        let mut positions = Positions::default();
        positions.moved(id(1), 5, 5, at(0));
        positions.learn(id(1), 6);
        assert_eq!((positions.next_due(), positions.check()), (None, 0));
        positions.moved(id(1), 9, 9, at(0));
        positions.learn(id(1), 7);
        assert_eq!(positions.take(at(250)), [(id(1), 9)]);
    }

    #[test]
    fn a_position_never_falls() {
        let mut positions = Positions::default();
        positions.acked(id(1), 9, at(0));
        positions.acked(id(1), 4, at(0));
        positions.moved(id(1), 8, 8, at(0));
        assert_eq!(positions.take(at(0)), [(id(1), 9)]);
        positions.learn(id(1), 2);
        assert_eq!(positions.of(id(1)), 9);
        positions.forget(id(1));
        assert_eq!(positions.of(id(1)), 0);
    }
}
