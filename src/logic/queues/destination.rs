//! What the hub owes to one destination: its lanes, its credit, its ordering keys, its counts.

use std::collections::BTreeSet;

use crate::domain::ids::{MessageId, Position};
use crate::domain::message::{Priority, State};
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;
use crate::logic::moving_rate::MovingRate;

use super::entry::{Entry, Place};
use super::ordering_keys::OrderingKeys;
use super::pace::Pace;
use super::pause::Pause;
use super::type_lanes::TypeLanes;

#[derive(Debug)]
pub(super) struct Destination {
    pub lanes: TypeLanes,
    /// How many may be with the dispatcher at once.
    pub window: u32,
    pub outlook: Outlook,
    pub pace: Pace,
    /// Nothing is handed out, as somebody wished.
    pub paused: Option<Pause>,
    pub keys: OrderingKeys,
    /// What waits for an ordering key, by level and then by order of acceptance. Like `not_due` it
    /// takes no more memory than a place in the lanes, where these messages are not.
    pub held: [BTreeSet<(Position, MessageId)>; Priority::ALL.len()],
    /// What waits for its `deliver_at` or its next attempt.
    pub not_due: BTreeSet<MessageId>,
    pub counts: PlaceCounts,
    pub statistics: DestinationStatistics,
    pub rates: DestinationRates,
}

/// Before the registry has said who is there.
pub(super) fn untold() -> Outlook {
    Outlook::NoInstance {
        since: Timestamp::default(),
    }
}

/// How many messages are in each place; the lanes and `held` know their own number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlaceCounts {
    /// Messages that wait for their `deliver_at`.
    pub scheduled: usize,
    /// Messages that wait for their next attempt, or to be handed out again.
    pub retrying: usize,
    /// Messages that are with the dispatcher.
    pub pushing: usize,
    /// Messages that are with consumers.
    pub leased: usize,
    /// Messages that have a fact on its way to the journal.
    pub settling: usize,
}

/// Counted since start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DestinationStatistics {
    /// Messages accepted or redriven.
    pub enqueued: u64,
    /// Messages settled, however they ended.
    pub dequeued: u64,
    /// Those of them that were given up or expired.
    pub dead: u64,
}

/// How fast messages come and go.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct DestinationRates {
    /// Messages accepted or redriven.
    pub incoming: MovingRate,
    /// Messages settled, however they ended.
    pub outgoing: MovingRate,
    /// Attempts that failed, the last one of a dead letter as well.
    pub failing: MovingRate,
}

impl DestinationRates {
    pub(super) fn settled(&mut self, state: State, now: Timestamp) {
        self.outgoing.note(now);
        if state == State::Dead {
            self.failing.note(now);
        }
    }
}

impl std::ops::AddAssign for DestinationStatistics {
    fn add_assign(&mut self, other: Self) {
        self.enqueued += other.enqueued;
        self.dequeued += other.dequeued;
        self.dead += other.dead;
    }
}

impl DestinationStatistics {
    pub(super) fn settled(&mut self, state: State) {
        self.dequeued += 1;
        if matches!(state, State::Dead | State::Expired) {
            self.dead += 1;
        }
    }
}

impl Destination {
    pub(super) fn new(pace: Pace, outlook: Outlook) -> Self {
        Self {
            lanes: TypeLanes::default(),
            window: 0,
            outlook,
            pace,
            paused: None,
            keys: OrderingKeys::default(),
            held: Default::default(),
            not_due: BTreeSet::new(),
            counts: PlaceCounts::default(),
            statistics: DestinationStatistics::default(),
            rates: DestinationRates::default(),
        }
    }

    /// Whether nothing would be missed: nobody is there or expected, and nothing waits, is under
    /// way, holds an ordering key or limits what comes.
    pub(super) fn is_unneeded(&self) -> bool {
        self.outlook == Outlook::Left && self.is_empty()
    }

    /// Whether whoever comes back would find nothing here.
    pub(super) fn is_empty(&self) -> bool {
        self.counts == PlaceCounts::default()
            && self.paused.is_none()
            && !self.pace.has_quota()
            && self.keys.is_empty()
            && self.not_due.is_empty()
            && self.held.iter().all(BTreeSet::is_empty)
            && self.lanes.is_empty()
    }

    /// What the window still admits.
    pub(super) fn room(&self) -> usize {
        (self.window as usize).saturating_sub(self.counts.pushing)
    }

    /// How many it has in hand, pushed or pulled.
    pub(super) fn in_hand(&self) -> usize {
        self.counts.pushing + self.counts.leased
    }

    /// Counts a message in, at the place it has.
    pub(super) fn enter(&mut self, entry: &Entry) {
        match entry.place {
            Place::Held => {
                self.held_of(entry).insert((entry.order, entry.message.id));
            }
            Place::Scheduled { .. } | Place::Retrying { .. } => {
                self.not_due.insert(entry.message.id);
            }
            _ => {}
        }
        if let Some(counter) = self.counts.at(entry.place) {
            *counter += 1;
        }
    }

    /// Counts a message out that leaves the place it has.
    pub(super) fn leave(&mut self, entry: &Entry) {
        match entry.place {
            Place::Held => {
                self.held_of(entry).remove(&(entry.order, entry.message.id));
            }
            Place::Scheduled { .. } | Place::Retrying { .. } => {
                self.not_due.remove(&entry.message.id);
            }
            _ => {}
        }
        if let Some(counter) = self.counts.at(entry.place) {
            *counter = counter
                .checked_sub(1)
                .expect("a message leaves the place it is in");
        }
    }

    fn held_of(&mut self, entry: &Entry) -> &mut BTreeSet<(Position, MessageId)> {
        &mut self.held[entry.message.priority.index()]
    }

    /// Whatever waits here, whether or not its time has come.
    pub(super) fn waiting(&self) -> impl Iterator<Item = MessageId> {
        let held = self.held.iter().flatten().map(|(_, id)| *id);
        self.lanes
            .ids()
            .chain(held)
            .chain(self.not_due.iter().copied())
    }
}

impl PlaceCounts {
    /// The counter of a place, if it is counted here.
    pub(super) fn at(&mut self, place: Place) -> Option<&mut usize> {
        match place {
            Place::Queued | Place::Held => None,
            Place::Scheduled { .. } => Some(&mut self.scheduled),
            Place::Retrying { .. } => Some(&mut self.retrying),
            Place::Pushing { .. } => Some(&mut self.pushing),
            Place::Leased { .. } => Some(&mut self.leased),
            Place::Settling => Some(&mut self.settling),
        }
    }
}
