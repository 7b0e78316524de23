//! What the hub owes to one destination: its lanes, its credit, its ordering keys, its counts.

use crate::domain::message::{Priority, State};
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::Place;
use super::kinds::Kinds;
use super::ordering_keys::OrderingKeys;
use super::pace::Pace;

#[derive(Debug)]
pub(super) struct Destination {
    pub lanes: Kinds,
    /// How many may be with the dispatcher at once.
    pub window: u32,
    pub outlook: Outlook,
    pub pace: Pace,
    /// Since when nothing is handed out, as somebody wished.
    pub paused: Option<Timestamp>,
    pub keys: OrderingKeys,
    pub counts: Counts,
    pub statistics: Statistics,
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
    /// Until the registry says otherwise nobody is there to take messages.
    pub fn new(pace: Pace) -> Self {
        Self {
            lanes: Kinds::default(),
            window: 0,
            outlook: Outlook::NoInstance {
                since: Timestamp::default(),
            },
            pace,
            paused: None,
            keys: OrderingKeys::default(),
            counts: Counts::default(),
            statistics: Statistics::default(),
        }
    }

    /// What the window still admits.
    pub fn room(&self) -> usize {
        (self.window as usize).saturating_sub(self.counts.pushing)
    }

    /// How many it has in hand, pushed or pulled.
    pub fn in_hand(&self) -> usize {
        self.counts.pushing + self.counts.leased
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
