//! What the hub owes to one destination: its lanes, its credit, its ordering keys, its counts.

use std::collections::BTreeSet;

use ahash::AHashMap;

use crate::domain::ids::{Label, MessageId, Position};
use crate::domain::message::{Priority, State};
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;
use crate::logic::lanes::Lanes;

use super::Place;

#[derive(Debug)]
pub(super) struct Destination {
    pub lanes: Lanes,
    /// How many may be with the dispatcher at once.
    pub window: u32,
    pub outlook: Outlook,
    pub keys: OrderingKeys,
    pub counts: Counts,
    pub statistics: Statistics,
}

impl Default for Destination {
    /// Until the registry says otherwise nobody is there to take messages.
    fn default() -> Self {
        Self {
            lanes: Lanes::default(),
            window: 0,
            outlook: Outlook::NoInstance {
                since: Timestamp::default(),
            },
            keys: OrderingKeys::default(),
            counts: Counts::default(),
            statistics: Statistics::default(),
        }
    }
}

/// How many messages are in each place; those in lanes are counted by the lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// By level.
    pub held: [usize; Priority::ALL.len()],
    pub scheduled: usize,
    pub retrying: usize,
    pub pushing: usize,
    pub leased: usize,
    pub settling: usize,
}

/// Counted since start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    pub enqueued: u64,
    pub dequeued: u64,
    pub dead: u64,
}

impl Statistics {
    pub(super) fn settled(&mut self, state: State) {
        self.dequeued += 1;
        if matches!(state, State::Dead | State::Expired) {
            self.dead += 1;
        }
    }
}

impl Destination {
    /// What the window still admits.
    pub fn room(&self) -> usize {
        (self.window as usize).saturating_sub(self.counts.pushing)
    }

    /// Counts a message in (`1`) or out (`-1`) of a place.
    pub(super) fn count(&mut self, place: Place, priority: Priority, change: isize) {
        let counter = match place {
            Place::Queued => return,
            Place::Held => &mut self.counts.held[priority.index()],
            Place::Scheduled => &mut self.counts.scheduled,
            Place::Retrying { .. } => &mut self.counts.retrying,
            Place::Pushing { .. } => &mut self.counts.pushing,
            Place::Leased { .. } => &mut self.counts.leased,
            Place::Settling => &mut self.counts.settling,
        };
        *counter = counter
            .checked_add_signed(change)
            .expect("a message leaves the place it is in");
    }
}

/// Who holds each ordering key and who waits for it. Messages that share a key are never in
/// flight together; the earliest unsettled one holds the key until it is settled.
#[derive(Debug, Default)]
pub(super) struct OrderingKeys {
    keys: AHashMap<Label, Key>,
}

#[derive(Debug)]
struct Key {
    holder: MessageId,
    waiting: BTreeSet<(Position, MessageId)>,
}

impl OrderingKeys {
    /// Whether `id` may go; otherwise it waits until [`OrderingKeys::release`] names it.
    pub fn claim(&mut self, key: &Label, order: Position, id: MessageId) -> bool {
        let Some(known) = self.keys.get_mut(key) else {
            let waiting = BTreeSet::new();
            self.keys.insert(
                key.clone(),
                Key {
                    holder: id,
                    waiting,
                },
            );
            return true;
        };
        if known.holder == id {
            return true;
        }
        known.waiting.insert((order, id));
        false
    }

    /// `id` was settled. If it held the key, the next in order of acceptance holds it now and is
    /// returned; after a restart that one may be waiting for its next attempt.
    pub fn release(&mut self, key: &Label, order: Position, id: MessageId) -> Option<MessageId> {
        let known = self.keys.get_mut(key)?;
        if known.holder != id {
            known.waiting.remove(&(order, id));
            return None;
        }
        let Some((_, next)) = known.waiting.pop_first() else {
            self.keys.remove(key);
            return None;
        };
        known.holder = next;
        Some(next)
    }

    pub fn holder(&self, key: &Label) -> Option<MessageId> {
        self.keys.get(key).map(|known| known.holder)
    }
}
