//! What one subscription has been given and is not done with: which event goes next, and how far
//! everything is done.
//!
//! Events begin in order. One that failed keeps its place until it arrived or was given up, so
//! that with room for one nothing behind it begins before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, Sequence};
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::RetryPolicy;
use crate::logic::delivery::decision::{Decision, FinishedAttempt};
use crate::logic::outcome::Answered;

/// The events of one lane of a subscription.
#[derive(Clone, Debug)]
pub struct DeliveryWindow {
    /// So many may have begun and not ended.
    room: usize,
    /// Not ended, in order.
    items: BTreeMap<Sequence, Item>,
    /// How many of them have begun.
    begun: usize,
    in_flight: u32,
    /// Everything up to here was given, or is of no concern.
    through: Sequence,
}

#[derive(Clone, Debug)]
struct Item {
    event: Arc<Event>,
    standing: Standing,
    attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Waiting,
    InFlight,
    /// Tried, and to be tried again then.
    Retrying(Timestamp),
}

/// An event that is done with, one way or another.
#[derive(Clone, PartialEq, Debug)]
pub struct EndedDelivery {
    /// As it was published.
    pub event: Arc<Event>,
    /// The finished ones, oldest first.
    pub attempts: Vec<Attempt>,
}

/// What an attempt comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It is tried again then, by the hub's own clock.
    RetryAt(Timestamp),
    /// It is given up.
    Dead(DeadReason),
    /// 410: the subscriber wants no more.
    Gone,
}

/// What follows the `number`-th attempt, as for messages. `random` is in
/// 0..1.
pub fn conclude(
    policy: &RetryPolicy,
    answered: Answered,
    number: u32,
    now: Timestamp,
    random: f64,
) -> Outcome {
    let finished = FinishedAttempt {
        outcome: answered.outcome(),
        number,
        at: now,
        requested: answered.requested(),
    };
    match finished.decide(policy, random) {
        _ if answered == Answered::Gone => Outcome::Gone,
        Decision::Delivered => Outcome::Delivered,
        Decision::RetryAt(at) => Outcome::RetryAt(at),
        Decision::Dead(reason) => Outcome::Dead(reason),
    }
}

impl DeliveryWindow {
    /// Everything up to `position` is done; `room` (at least 1) events may be under way.
    pub fn new(position: Sequence, room: u32) -> Self {
        Self {
            room: at_least_one(room),
            items: BTreeMap::new(),
            begun: 0,
            in_flight: 0,
            through: position,
        }
    }

    /// Takes over another number of events that may be under way; what has begun goes on.
    pub fn set_room(&mut self, room: u32) {
        self.room = at_least_one(room);
    }

    /// The next event. One that is there already is not added again.
    pub fn add(&mut self, event: Arc<Event>) {
        self.through = self.through.max(event.sequence);
        self.items.entry(event.sequence).or_insert(Item {
            event,
            standing: Standing::Waiting,
            attempts: Vec::new(),
        });
    }

    /// There is nothing up to here that was not added.
    pub fn advance(&mut self, through: Sequence) {
        self.through = self.through.max(through);
    }

    /// Everything up to here was added or is of no concern.
    pub fn through(&self) -> Sequence {
        self.through
    }

    /// Everything up to here is done.
    pub fn position(&self) -> Sequence {
        let first = self.items.first_key_value();
        first.map_or(self.through, |(sequence, _)| sequence - 1)
    }

    /// The event whose turn it is: the first that is to be tried again by now, or the next that
    /// has not begun if there is room.
    pub fn next(&self, now: Timestamp) -> Option<Sequence> {
        for (sequence, item) in &self.items {
            match item.standing {
                Standing::Retrying(at) if at <= now => return Some(*sequence),
                // Those behind have not begun either.
                Standing::Waiting => return self.has_room().then_some(*sequence),
                Standing::InFlight | Standing::Retrying(_) => {}
            }
        }
        None
    }

    /// Begins an attempt; gives the event and the attempt's number. `None`: there is no such
    /// event, or it is under way.
    pub fn start(&mut self, sequence: Sequence) -> Option<(Arc<Event>, u32)> {
        let has_room = self.has_room();
        let item = self.items.get_mut(&sequence)?;
        match item.standing {
            Standing::InFlight => return None,
            Standing::Waiting => {
                debug_assert!(has_room, "no more begin than there is room for");
                self.begun += 1;
            }
            Standing::Retrying(_) => {}
        }
        item.standing = Standing::InFlight;
        self.in_flight += 1;
        let number = item.attempts.len() + 1;
        Some((
            item.event.clone(),
            u32::try_from(number).unwrap_or(u32::MAX),
        ))
    }

    /// One that is not done with.
    pub fn event(&self, sequence: Sequence) -> Option<&Event> {
        self.items.get(&sequence).map(|item| &*item.event)
    }

    /// It was not tried, or nobody knows how it went: it goes again, no attempt is spent.
    pub fn give_back(&mut self, sequence: Sequence, now: Timestamp) {
        if let Some(item) = self.items.get_mut(&sequence)
            && item.standing == Standing::InFlight
        {
            item.standing = Standing::Retrying(now);
            self.in_flight -= 1;
        }
    }

    /// An attempt failed, and another follows.
    pub fn failed(&mut self, sequence: Sequence, attempt: Attempt, retry_at: Timestamp) {
        if let Some(item) = self.items.get_mut(&sequence)
            && item.standing == Standing::InFlight
        {
            item.standing = Standing::Retrying(retry_at);
            item.attempts.push(attempt);
            self.in_flight -= 1;
        }
    }

    /// The event is done with: it arrived, or was given up.
    pub fn end(&mut self, sequence: Sequence, attempt: Attempt) -> Option<EndedDelivery> {
        let mut item = self.items.remove(&sequence)?;
        self.forget(item.standing);
        item.attempts.push(attempt);
        Some(EndedDelivery {
            event: item.event,
            attempts: item.attempts,
        })
    }

    /// Forgets the events that have not begun and that `keep` does not want; gives how many bytes
    /// they took.
    pub fn retain_waiting(&mut self, mut keep: impl FnMut(&Event) -> bool) -> usize {
        let mut freed = 0;
        self.items.retain(|_, item| {
            let stays = item.standing != Standing::Waiting || keep(&item.event);
            if !stays {
                freed += item.event.bytes();
            }
            stays
        });
        freed
    }

    /// Forgets all events that have not begun, to be given once more; gives how many bytes they
    /// took.
    pub fn rewind(&mut self) -> usize {
        let mut waiting = self.items.iter().filter(|(_, item)| !item.has_begun());
        let Some((first, _)) = waiting.next() else {
            return 0;
        };
        self.through = first - 1;
        self.retain_waiting(|_| false)
    }

    /// Whether one more may begin beside those that have.
    pub fn has_room(&self) -> bool {
        self.begun < self.room
    }

    /// Whether there are any that have not begun.
    pub fn has_waiting(&self) -> bool {
        self.begun < self.items.len()
    }

    /// When the earliest of those that failed is to be tried again.
    pub fn next_retry(&self) -> Option<Timestamp> {
        let begun = self.items.values().take_while(|item| item.has_begun());
        let times = begun.filter_map(|item| match item.standing {
            Standing::Retrying(at) => Some(at),
            _ => None,
        });
        times.min()
    }

    /// Whether an event that failed is tried again, now or later.
    pub fn is_retrying(&self) -> bool {
        let mut begun = self.items.values().take_while(|item| item.has_begun());
        begun.any(|item| !item.attempts.is_empty())
    }

    /// How many are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether all that was added is done.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many were added and are not done.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Looks at every event; gives how many there are.
    ///
    /// # Panics
    /// If the counts are not those of the events.
    pub fn check(&self) -> usize {
        let begun = self.items.values().filter(|item| item.has_begun());
        assert_eq!(self.begun, begun.count(), "events that have begun");
        let in_flight = self.items.values();
        let in_flight = in_flight.filter(|item| item.standing == Standing::InFlight);
        assert_eq!(
            self.in_flight as usize,
            in_flight.count(),
            "events in flight"
        );
        for (sequence, item) in &self.items {
            assert_eq!(*sequence, item.event.sequence);
            assert!(*sequence <= self.through, "{sequence} was given");
            let is_new = item.standing == Standing::Waiting;
            assert!(
                !is_new || item.attempts.is_empty(),
                "{sequence} was tried, and so has begun"
            );
        }
        self.items.len()
    }

    /// Whether none has begun before one in front of it.
    pub fn begins_in_order(&self) -> bool {
        let begun = self.items.values().take_while(|item| item.has_begun());
        begun.count() == self.begun
    }

    /// Of all that was added and is not done.
    pub fn bytes(&self) -> usize {
        self.items.values().map(|item| item.event.bytes()).sum()
    }

    fn forget(&mut self, standing: Standing) {
        if standing != Standing::Waiting {
            self.begun -= 1;
        }
        if standing == Standing::InFlight {
            self.in_flight -= 1;
        }
    }
}

impl Item {
    fn has_begun(&self) -> bool {
        self.standing != Standing::Waiting
    }
}

fn at_least_one(room: u32) -> usize {
    usize::try_from(room).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests;
