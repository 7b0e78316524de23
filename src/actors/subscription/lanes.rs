//! The lanes of a subscription: live events, letters to be sent again, replays.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Subscription;
use crate::domain::circuit::Origin;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::JobId;
use crate::domain::subscription::{EventLetter, Replay};
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::token_bucket::TokenBucket;
use crate::pool::Held;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LaneId {
    Live,
    Letter,
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
pub(super) struct LetterLane {
    /// To be taken in hand, in this order.
    pub waiting: VecDeque<Arc<EventLetter>>,
    /// By sequence: those in the window.
    pub in_hand: BTreeMap<Sequence, Arc<EventLetter>>,
    /// Whatever is in it may begin: letters do not come in the order of their sequences, and
    /// without room the first would keep those behind it from being tried again.
    pub window: DeliveryWindow,
}

impl LetterLane {
    pub fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            in_hand: BTreeMap::new(),
            window: DeliveryWindow::new(0, u32::MAX),
        }
    }

    /// Takes the next letters in hand, until there are so many.
    fn take_in_hand(&mut self, most: usize) {
        while self.in_hand.len() < most
            && let Some(letter) = self.waiting.pop_front()
        {
            self.window.add(letter.event.clone());
            self.in_hand.insert(letter.event.sequence, letter);
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
    fn next(&mut self, now: Timestamp) -> Option<Sequence> {
        let sequence = self.window.next(now)?;
        let pace = self.pace.as_mut();
        pace.is_none_or(|bucket| bucket.available(now) > 0)
            .then_some(sequence)
    }
}

impl Subscription {
    pub(super) fn window(&mut self, lane: LaneId) -> Option<&mut DeliveryWindow> {
        match lane {
            LaneId::Live => Some(&mut self.live),
            LaneId::Letter => Some(&mut self.letters.window),
            LaneId::Replay(id) => self.replay(id).map(|lane| &mut lane.window),
        }
    }

    /// Of all lanes.
    pub(super) fn windows(&self) -> impl Iterator<Item = &DeliveryWindow> {
        let replays = self.replays.iter().map(|lane| &lane.window);
        [&self.live, &self.letters.window]
            .into_iter()
            .chain(replays)
    }

    pub(super) fn replay(&mut self, id: JobId) -> Option<&mut ReplayLane> {
        self.replays.iter_mut().find(|lane| lane.replay.id == id)
    }

    /// Whether one more may begin of a kind that has so many under way: all kinds together stay
    /// within `max_in_flight`, but none waits for the end of the others.
    fn may_add_to(&self, under_way: u32) -> bool {
        under_way == 0 || self.pushes.len() < self.callback().max_in_flight as usize
    }

    fn may_add_live(&self) -> bool {
        self.may_add_to(self.live.in_flight())
    }

    fn may_add_letter(&self) -> bool {
        self.may_add_to(self.letters.window.in_flight())
    }

    fn may_add_replayed(&self) -> bool {
        let replayed = self.replays.iter().map(|lane| lane.window.in_flight());
        self.may_add_to(replayed.sum())
    }

    /// What may begin now: the live events first.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(LaneId, Sequence)> {
        if self.may_add_live()
            && let Some(sequence) = self.live.next(now)
        {
            return Some((LaneId::Live, sequence));
        }
        if self.may_add_letter()
            && let Some(sequence) = self.letters.window.next(now)
        {
            return Some((LaneId::Letter, sequence));
        }
        if !self.may_add_replayed() {
            return None;
        }
        for lane in &mut self.replays {
            if let Some(sequence) = lane.next(now) {
                return Some((LaneId::Replay(lane.replay.id), sequence));
            }
        }
        None
    }

    pub(super) fn start(
        &mut self,
        lane: LaneId,
        sequence: Sequence,
        now: Timestamp,
    ) -> Option<(Arc<Event>, u32)> {
        if let LaneId::Replay(id) = lane
            && let Some(bucket) = self.replay(id).and_then(|lane| lane.pace.as_mut())
        {
            bucket.take(now);
        }
        self.window(lane)?.start(sequence)
    }

    /// Takes the next letters in hand: as many as the live events leave room for, one at least.
    pub(super) fn next_letters(&mut self) {
        let room = self.callback().max_in_flight;
        let room = room.saturating_sub(self.live.in_flight()).max(1);
        self.letters.take_in_hand(room as usize);
    }

    /// When something that waits may begin. What waits for the end of others begins with that.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut times = Vec::new();
        if self.may_add_live() {
            times.push(self.live.next_retry());
        }
        if self.may_add_letter() {
            times.push(self.letters.window.next_retry());
        }
        let replays = self.replays.iter().filter(|_| self.may_add_replayed());
        for lane in replays {
            times.push(lane.window.next_retry());
            if lane.window.next(now).is_some() {
                times.push(lane.pace.as_ref().and_then(|pace| pace.next_at(now)));
            }
        }
        times.into_iter().flatten().min()
    }
}
