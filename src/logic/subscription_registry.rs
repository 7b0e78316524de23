//! The subscriptions as the journal says, and as they will be when what was sent there is written.

mod bounds;
pub mod changes;
mod dead_events;
mod forced;
mod holders;
mod invariants;
pub mod named;
mod origins;
pub mod owed;
mod replays;
pub mod settling;
mod sought;
mod unsettled;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::circuit::Origin;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{DeadEvent, Replay, Subscription, SubscriptionId};

use super::circuit::ForcedSince;
use super::feed_news::FeedId;
use super::limits::Limits;
use super::log_bounds::LogBounds;
use super::positions::Positions;
use dead_events::OwedDeadEvents;
use holders::Holders;
use origins::Origins;
use replays::Replays;
use sought::{BySought, Sought};
use unsettled::Lost;

pub use sought::Usage;

/// Every subscription, with what it is owed beside its live events, and which socket has it.
#[derive(Default)]
pub struct SubscriptionRegistry {
    limits: Limits,
    /// Of the events that subscriptions are about.
    log: LogBounds,
    entries: BTreeMap<SubscriptionId, Entry>,
    /// How many of them the journal knows.
    count: usize,
    /// Those that stay, as they will be.
    sought: BySought,
    origins: Origins,
    /// Apart from the entries, since a compaction may leave a position before its subscription.
    pub positions: Positions,
    /// Dead letters to be sent again.
    dead_events: OwedDeadEvents,
    replays: Replays,
    /// The circuits that stand as somebody forced them.
    forced: BTreeMap<Origin, ForcedSince>,
    holders: Holders,
    lost: Lost,
}

struct Entry {
    /// As it will be.
    wanted: Arc<Subscription>,
    /// As the journal says.
    present: Option<Arc<Subscription>>,
    /// Versions on their way to the journal.
    outstanding: usize,
    is_leaving: bool,
}

impl Entry {
    fn new(wanted: Arc<Subscription>) -> Self {
        Self {
            wanted,
            present: None,
            outstanding: 0,
            is_leaving: false,
        }
    }
}

/// What a fact changed.
#[derive(Clone, PartialEq, Debug)]
pub enum RegistryChange {
    /// A subscription is new, or another than it was.
    Put {
        /// Which one; whoever needs all of it asks for it.
        id: SubscriptionId,
        /// Where its callback led before, if none leads there any more.
        left: Option<Origin>,
    },
    /// A subscription is no more.
    Removed {
        /// Which one it was.
        id: SubscriptionId,
        /// Where its callback led, if none leads there any more.
        left: Option<Origin>,
        /// The socket that had it.
        holder: Option<FeedId>,
    },
    /// A subscription is owed a dead letter's event again.
    DeadEvent(Arc<DeadEvent>),
    /// A replay to a subscription runs from now on.
    Replay(Arc<Replay>),
}

impl SubscriptionRegistry {
    /// Without any subscription yet, of which there may be as many as the limits say.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Events before this one are not in the archive at present, nor on their way there.
    pub fn history_begins(&mut self, oldest: Sequence) {
        self.log.history_begins(oldest);
    }

    /// Takes in what the journal says.
    pub fn learn(&mut self, fact: &Fact) -> Option<RegistryChange> {
        self.log.learn(fact);
        let Fact::Subscription(fact) = fact else {
            return None;
        };
        match fact {
            SubscriptionFact::Subscribed(subscription) => return Some(self.put(subscription)),
            SubscriptionFact::Unsubscribed(gone) => return Some(self.remove(gone.id)),
            SubscriptionFact::PositionAcked(acked) => self.positions.learn(acked.id, acked.through),
            SubscriptionFact::EventRedriven(dead_event) => {
                self.dead_events.put(dead_event);
                return Some(RegistryChange::DeadEvent(dead_event.clone()));
            }
            SubscriptionFact::EventDeadLettered(dead_event) => {
                self.dead_events
                    .end(dead_event.subscription_id, dead_event.id);
            }
            SubscriptionFact::EventDelivered(delivered) => {
                self.dead_events
                    .end(delivered.subscription_id, delivered.id);
            }
            SubscriptionFact::ReplayAdvanced(replay) => {
                return self.replays.advanced(replay).map(RegistryChange::Replay);
            }
        }
        None
    }

    fn put(&mut self, subscription: &Arc<Subscription>) -> RegistryChange {
        let id = subscription.id;
        self.positions.learn(id, subscription.after);
        let entry = self.entry(subscription);
        let before = entry.present.replace(subscription.clone());
        entry.outstanding = entry.outstanding.saturating_sub(1);
        // Time may not tell versions apart; the journal does.
        if entry.outstanding == 0 {
            self.want(subscription);
        }
        self.count += usize::from(before.is_none());
        self.origins.leads_to(subscription);
        let left = before.and_then(|before| self.origins.led_to(&before));
        RegistryChange::Put { id, left }
    }

    fn remove(&mut self, id: SubscriptionId) -> RegistryChange {
        self.positions.forget(id);
        self.lost.forget(id);
        let holder = self.holders.forget(id);
        let mut left = None;
        if let Some(entry) = self.entries.remove(&id) {
            self.sought.remove(&entry.wanted);
            self.count -= usize::from(entry.present.is_some());
            left = entry
                .present
                .and_then(|present| self.origins.led_to(&present));
        }
        RegistryChange::Removed { id, left, holder }
    }

    fn entry(&mut self, subscription: &Arc<Subscription>) -> &mut Entry {
        self.entries.entry(subscription.id).or_insert_with(|| {
            self.sought.insert(subscription);
            Entry::new(subscription.clone())
        })
    }

    /// This version of a known one will be.
    fn want(&mut self, version: &Arc<Subscription>) {
        if let Some(entry) = self.entries.get_mut(&version.id) {
            self.sought.remove(&entry.wanted);
            entry.wanted = version.clone();
            if !entry.is_leaving {
                self.sought.insert(version);
            }
        }
    }

    /// It will be so once the journal has it.
    pub fn intend(&mut self, subscription: Arc<Subscription>) {
        self.entry(&subscription).outstanding += 1;
        self.want(&subscription);
    }

    /// What the service has, as it will be.
    pub fn usage(&self, service: &ServiceName) -> Usage {
        self.sought.usage(service)
    }

    /// What each service has, as it will be.
    pub fn usages(&self) -> impl Iterator<Item = (&ServiceName, Usage)> {
        self.sought.usages()
    }

    /// As it will be, unless it is about to end.
    pub fn wanted(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        let entry = self.entries.get(&id).filter(|entry| !entry.is_leaving)?;
        Some(&entry.wanted)
    }

    /// As the journal says.
    pub fn present(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.entries.get(&id)?.present.as_ref()
    }

    /// How many the journal knows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All that the journal knows, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.entries
            .values()
            .filter_map(|entry| entry.present.as_ref())
    }

    /// The callback subscription that asks for just this; not the one of the id `but`.
    pub fn same_callback(
        &self,
        but: Option<SubscriptionId>,
        service: &ServiceName,
        event_types: &[Pattern],
        url: &str,
    ) -> Option<&Arc<Subscription>> {
        let same = self.staying(&Sought::callback(service, event_types, url));
        same.filter(|one| but != Some(one.id))
    }

    /// The subscription of sockets of this name.
    pub fn named(&self, service: &ServiceName, wanted: &Label) -> Option<&Arc<Subscription>> {
        self.staying(&Sought::Socket {
            service: service.clone(),
            name: wanted.clone(),
        })
    }

    fn staying(&self, sought: &Sought) -> Option<&Arc<Subscription>> {
        let id = self.sought.get(sought)?;
        Some(&self.entries.get(&id)?.wanted)
    }
}

#[cfg(test)]
mod tests;
