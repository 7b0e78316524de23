//! Consumers that were lost with messages they had been handed.
//!
//! Nobody can tell whether a message was what ended its consumer or only had the bad luck to be
//! there. So it is counted, and others get their turn while it waits longer and longer, until it is
//! given up. The count is not in the journal: a restart begins it anew.

use crate::domain::fact::Fact;
use crate::domain::ids::MessageId;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::Next;
use crate::logic::verdict;

use super::entry::Place;
use super::{Queues, destination_of};

impl Queues {
    /// Takes back what was with consumers that are lost. No attempt is spent.
    pub fn consumers_lost(
        &mut self,
        ids: &[MessageId],
        now: impl Into<Moment>,
        mut random: impl FnMut() -> f64,
    ) -> Vec<Fact> {
        let now = now.into();
        let lost = ids.iter();
        lost.filter_map(|id| self.consumer_lost(*id, now, random()))
            .collect()
    }

    fn consumer_lost(&mut self, id: MessageId, now: Moment, random: f64) -> Option<Fact> {
        let retries = self.policy.retries;
        let entry = self.entries.get_mut(&id)?;
        let Place::Leased { token } = entry.place else {
            return None;
        };
        entry.lost += 1;
        if entry.is_expired(now) {
            let fact = verdict::expired(&retries, &entry.message, now.wall, None);
            return Some(self.settle(id, fact));
        }
        match retries.after_loss(entry.lost, now.hub, random) {
            Next::Exhausted => {
                let since = self.leases.get(&token).map_or(now.hub, |lease| lease.since);
                let (since, now) = (now.wall_time(since), now.wall);
                let count = (entry.lost, entry.failures() + 1);
                let fact =
                    verdict::exhausted_by_losses(&retries, &entry.message, count, since, now);
                Some(self.settle(id, fact))
            }
            Next::RetryAt(at) if at <= now.hub => self.give_back_leased(&[id], now).pop(),
            Next::RetryAt(at) => {
                self.wait_until(id, at);
                None
            }
        }
    }

    fn wait_until(&mut self, id: MessageId, at: Timestamp) {
        self.displace(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.place = Place::Retrying { at };
            destination_of(&mut self.destinations, &entry.message).enter(entry);
            self.returns.set(id, at);
        }
    }

    /// When the next message is handed out again that a consumer was lost with.
    pub fn next_return(&self) -> Option<Timestamp> {
        self.returns.next()
    }

    /// Those whose wait is over can be handed out again. Returns the facts of those that expired.
    pub fn return_due(&mut self, now: impl Into<Moment>) -> Vec<Fact> {
        let now = now.into();
        let due = self.returns.pop_due(now.hub, usize::MAX);
        due.into_iter().filter_map(|id| self.due(id, now)).collect()
    }
}
