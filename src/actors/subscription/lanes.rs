//! The lanes of a subscription: live events, dead letters to be sent again, replays.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::domain::circuit::Origin;
use crate::domain::event::Sequence;
use crate::domain::ids::JobId;
use crate::domain::subscription::{DeadEvent, Replay};
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::token_bucket::TokenBucket;
use crate::pool::Held;

/// Events held for a subscription, in bytes: a little more than the largest one.
pub(super) const ROOM: usize = (1 << 20) + (64 << 10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LaneId {
    Live,
    DeadEvent,
    Replay(JobId),
}

/// A push under way.
pub(super) struct Push {
    pub lane: LaneId,
    pub sequence: Sequence,
    /// Of the attempt.
    pub number: u32,
    pub started_at: Timestamp,
    pub origin: Origin,
}

/// The dead letters that are sent again.
pub(super) struct DeadEventLane {
    /// To be taken in hand, in this order.
    pub waiting: VecDeque<Arc<DeadEvent>>,
    /// By sequence: those in the window.
    pub in_hand: BTreeMap<Sequence, Arc<DeadEvent>>,
    /// Whatever is in it may begin: dead letters do not come in the order of their sequences, and
    /// without room the first would keep those behind it from being tried again.
    pub window: DeliveryWindow,
}

impl DeadEventLane {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            in_hand: BTreeMap::new(),
            window: DeliveryWindow::new(0, u32::MAX),
        }
    }

    /// Takes the next dead letters in hand, until there are so many.
    pub(super) fn take_in_hand(&mut self, most: usize) {
        while self.in_hand.len() < most
            && let Some(dead_event) = self.waiting.pop_front()
        {
            self.window.add(dead_event.event.clone());
            self.in_hand.insert(dead_event.event.sequence, dead_event);
        }
    }
}

pub(super) struct ReplayLane {
    pub replay: Replay,
    pub window: DeliveryWindow,
    /// `None`: as fast as they are taken.
    pub pace: Option<TokenBucket>,
    pub is_reading: bool,
    /// For what was read and is not done.
    pub room: Option<Held>,
    /// There is nothing more to read.
    pub is_read: bool,
    /// It is further than the journal says.
    pub is_dirty: bool,
    pub recorded_at: Timestamp,
}

impl ReplayLane {
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Sequence> {
        let sequence = self.window.next(now)?;
        let pace = self.pace.as_mut();
        pace.is_none_or(|bucket| bucket.available(now) > 0)
            .then_some(sequence)
    }
}
