//! The lanes of a subscription: live events, letters to be sent again, replays.

use std::iter;
use std::sync::Arc;

use super::Subscription;
use crate::domain::circuit::Origin;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::JobId;
use crate::domain::subscription::{EventLetter, Replay};
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::token_bucket::TokenBucket;

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

/// A dead letter that is sent again.
pub(super) struct LetterLane {
    pub letter: Arc<EventLetter>,
    pub window: DeliveryWindow,
}

pub(super) struct ReplayLane {
    pub replay: Replay,
    pub window: DeliveryWindow,
    /// `None`: as fast as they are taken.
    pub pace: Option<TokenBucket>,
    pub is_reading: bool,
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
            LaneId::Letter => self.letter.as_mut().map(|lane| &mut lane.window),
            LaneId::Replay(id) => self.replay(id).map(|lane| &mut lane.window),
        }
    }

    /// Of all lanes.
    pub(super) fn windows(&self) -> impl Iterator<Item = &DeliveryWindow> {
        let letter = self.letter.as_ref().map(|lane| &lane.window);
        let replays = self.replays.iter().map(|lane| &lane.window);
        iter::once(&self.live).chain(letter).chain(replays)
    }

    pub(super) fn replay(&mut self, id: JobId) -> Option<&mut ReplayLane> {
        self.replays.iter_mut().find(|lane| lane.replay.id == id)
    }

    /// What may begin now: the live events first.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(LaneId, Sequence)> {
        if let Some(sequence) = self.live.next(now) {
            return Some((LaneId::Live, sequence));
        }
        let letter = self.letter.as_ref();
        if let Some(sequence) = letter.and_then(|lane| lane.window.next(now)) {
            return Some((LaneId::Letter, sequence));
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

    /// Takes the next letter in hand, if the one before is done with.
    pub(super) fn next_letter(&mut self) {
        if self.letter.is_none()
            && let Some(letter) = self.letters.pop_front()
        {
            let mut window = DeliveryWindow::new(0, 1);
            window.add(letter.event.clone());
            self.letter = Some(LetterLane { letter, window });
        }
    }

    /// When something that waits may begin.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let letter = self.letter.as_ref();
        let mut times = vec![
            self.live.next_retry(),
            letter.and_then(|lane| lane.window.next_retry()),
        ];
        for lane in &self.replays {
            times.push(lane.window.next_retry());
            if lane.window.next(now).is_some() {
                times.push(lane.pace.as_ref().and_then(|pace| pace.next_at(now)));
            }
        }
        times.into_iter().flatten().min()
    }
}
