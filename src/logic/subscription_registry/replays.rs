//! Replays that are not done, of all subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::ids::JobId;
use crate::domain::subscription::{Replay, SubscriptionId};

#[derive(Default)]
pub(super) struct Replays {
    running: BTreeMap<JobId, Arc<Replay>>,
    /// Those of each subscription, and those on their way to the journal.
    by_subscription: BTreeMap<SubscriptionId, BTreeSet<JobId>>,
}

impl Replays {
    /// Takes in what the journal says; gives it if it runs from now on.
    pub(super) fn advanced(&mut self, replay: &Arc<Replay>) -> Option<Arc<Replay>> {
        if replay.done {
            self.running.remove(&replay.id);
            if let Some(ids) = self.by_subscription.get_mut(&replay.subscription_id) {
                ids.remove(&replay.id);
                if ids.is_empty() {
                    self.by_subscription.remove(&replay.subscription_id);
                }
            }
            return None;
        }
        self.expect(replay);
        let before = self.running.insert(replay.id, replay.clone());
        before.is_none().then(|| replay.clone())
    }

    /// It will run once the journal has it.
    pub(super) fn expect(&mut self, replay: &Replay) {
        let ids = self.by_subscription.entry(replay.subscription_id);
        ids.or_default().insert(replay.id);
    }

    pub(super) fn check(&self) -> usize {
        for (id, replay) in &self.running {
            let of_its = self.by_subscription.get(&replay.subscription_id);
            assert!(
                of_its.is_some_and(|ids| ids.contains(id)),
                "{id} is its subscription's"
            );
        }
        self.running.len()
    }

    /// How many of this subscription run, or will once the journal has them.
    pub(super) fn count(&self, id: SubscriptionId) -> usize {
        self.by_subscription.get(&id).map_or(0, BTreeSet::len)
    }

    pub(super) fn of(&self, id: SubscriptionId) -> Vec<Arc<Replay>> {
        let ids = self.by_subscription.get(&id).into_iter().flatten();
        ids.filter_map(|id| self.running.get(id)).cloned().collect()
    }

    /// Those of subscriptions that are meant.
    pub(super) fn of_all(&self, is_meant: impl Fn(&SubscriptionId) -> bool) -> Vec<Arc<Replay>> {
        let replays = self.running.values();
        let replays = replays.filter(|replay| is_meant(&replay.subscription_id));
        replays.cloned().collect()
    }
}
