//! What a subscription sends next, of all its lanes.

use std::sync::Arc;

use super::Subscription;
use super::lanes::{LaneId, ReplayLane};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::JobId;
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;

impl Subscription {
    pub(super) fn window(&mut self, lane: LaneId) -> Option<&mut DeliveryWindow> {
        match lane {
            LaneId::Live => Some(&mut self.live),
            LaneId::DeadEvent => Some(&mut self.dead_events.window),
            LaneId::Replay(id) => self.replay(id).map(|lane| &mut lane.window),
        }
    }

    /// Of all lanes.
    pub(super) fn windows(&self) -> impl Iterator<Item = &DeliveryWindow> {
        let replays = self.replays.iter().map(|lane| &lane.window);
        [&self.live, &self.dead_events.window]
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

    fn may_add_dead_event(&self) -> bool {
        self.may_add_to(self.dead_events.window.in_flight())
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
        if self.may_add_dead_event()
            && let Some(sequence) = self.dead_events.window.next(now)
        {
            return Some((LaneId::DeadEvent, sequence));
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

    /// Takes the next dead letters in hand: as many as the live events leave room for, one at
    /// least.
    pub(super) fn next_dead_events(&mut self) {
        let room = self.callback().max_in_flight;
        let room = room.saturating_sub(self.live.in_flight()).max(1);
        self.dead_events.take_in_hand(room as usize);
    }

    /// When something that waits may begin. What waits for the end of others begins with that.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let mut times = Vec::new();
        if self.may_add_live() {
            times.push(self.live.next_retry());
        }
        if self.may_add_dead_event() {
            times.push(self.dead_events.window.next_retry());
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
