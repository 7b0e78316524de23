//! Every message the hub owes, and where each one is on its way.
//!
//! One state machine for all destinations. It decides alone who may settle a message: what is
//! waiting or leased is settled from here (expiry, cancel, ack), what is being pushed only by its
//! outcome, and what has a fact on its way to the journal by nobody else.

pub mod destination;
mod entry;
pub mod leases;
pub mod view;

use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use crate::domain::fact::{Attempt, Fact};
use crate::domain::ids::{LeaseToken, MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::refusal::Refusal;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::backoff::RetryPolicy;
use super::lanes::RankPolicy;
use super::timer_queue::TimerQueue;
use super::verdict;
use destination::Destination;
use entry::{Entry, Place};
use leases::Lease;

/// A message on its way out, with the number of the attempt this will be.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    pub message: Arc<Message>,
    pub attempt: u32,
}

/// What a hand-out gave: what leaves, and what was found expired on the way.
#[derive(Debug)]
pub struct HandOut<T> {
    pub items: Vec<T>,
    pub expired: Vec<Fact>,
}

#[derive(Clone, Debug)]
pub struct QueuePolicy {
    pub ranks: RankPolicy,
    pub retries: RetryPolicy,
}

#[derive(Debug)]
pub struct Queues {
    policy: QueuePolicy,
    entries: AHashMap<MessageId, Entry>,
    destinations: AHashMap<ServiceName, Destination>,
    leases: AHashMap<LeaseToken, Lease>,
    lease_ends: TimerQueue<LeaseToken>,
    /// Destinations that may have something to hand out.
    ready: AHashSet<ServiceName>,
}

impl Queues {
    pub fn new(policy: QueuePolicy) -> Self {
        Self {
            policy,
            entries: AHashMap::new(),
            destinations: AHashMap::new(),
            leases: AHashMap::new(),
            lease_ends: TimerQueue::default(),
            ready: AHashSet::new(),
        }
    }

    /// Learns from a committed fact. Decides nothing: what follows from the fact may already be
    /// in the journal behind it. After a new `AttemptFailed` call [`Queues::due`].
    pub fn apply(&mut self, position: Position, fact: &Fact, now: Timestamp) {
        match fact {
            Fact::Accepted(message) => self.open(message.clone(), position, 0, now),
            Fact::Redriven(redrive) => {
                self.open(
                    Arc::new(redrive.message.clone()),
                    position,
                    redrive.times,
                    now,
                );
            }
            Fact::AttemptFailed(failed) => {
                self.attempt_failed(failed.id, &failed.attempt, failed.retry_at);
            }
            _ => {
                if let Some((state, settlement)) = fact.settlement() {
                    self.close(settlement.id, state);
                }
            }
        }
    }

    fn open(&mut self, message: Arc<Message>, order: Position, redriven: u32, now: Timestamp) {
        let id = message.id;
        let destination = self
            .destinations
            .entry(message.destination.clone())
            .or_default();
        destination.statistics.enqueued += 1;
        let entry = Entry {
            message,
            order,
            place: Place::Scheduled,
            redriven,
            attempts: None,
        };
        let scheduled = entry.message.deliver_at().is_some_and(|at| at > now);
        destination.count(entry.place, entry.message.priority, 1);
        self.entries.insert(id, entry);
        if !scheduled {
            self.enqueue(id);
        }
    }

    /// Moves a message that waits outside the lanes into them, or behind its ordering key.
    fn enqueue(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.count(entry.place, entry.message.priority, -1);
        let free = match entry.message.ordering_key() {
            None => true,
            Some(key) => destination.keys.claim(key, entry.order, id),
        };
        entry.place = if free { Place::Queued } else { Place::Held };
        destination.count(entry.place, entry.message.priority, 1);
        if free {
            destination.lanes.push(entry.waiting(&self.policy.ranks));
            self.ready.insert(entry.message.destination.clone());
        }
    }

    fn attempt_failed(&mut self, id: MessageId, attempt: &Attempt, retry_at: Timestamp) {
        self.displace(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.attempts.get_or_insert_default().push(attempt.clone());
        entry.place = Place::Retrying { at: retry_at };
        destination_of(&mut self.destinations, &entry.message).count(
            entry.place,
            entry.message.priority,
            1,
        );
    }

    /// Takes a message out of wherever it is; the caller gives it its next place.
    fn displace(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.count(entry.place, entry.message.priority, -1);
        match entry.place {
            Place::Queued => {
                destination.lanes.remove(&entry.waiting(&self.policy.ranks));
            }
            Place::Leased { token } => {
                self.leases.remove(&token);
                self.lease_ends.remove(&token);
            }
            // A held message keeps its turn for its ordering key until it is settled.
            Place::Held
            | Place::Scheduled
            | Place::Retrying { .. }
            | Place::Pushing { .. }
            | Place::Settling => {}
        }
        self.ready.insert(entry.message.destination.clone());
    }

    /// Marks the message as having `fact` on its way to the journal.
    fn settle(&mut self, id: MessageId, fact: Fact) -> Fact {
        self.displace(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.place = Place::Settling;
            destination_of(&mut self.destinations, &entry.message).count(
                entry.place,
                entry.message.priority,
                1,
            );
        }
        fact
    }

    fn close(&mut self, id: MessageId, state: State) {
        self.displace(id);
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.statistics.settled(state);
        let Some(key) = entry.message.ordering_key() else {
            return;
        };
        let next = destination.keys.release(key, entry.order, id);
        let is_held = |next: &MessageId| self.entries[next].place == Place::Held;
        if let Some(next) = next.filter(is_held) {
            self.enqueue(next);
        }
    }

    /// A timer of this message went off: its ttl, its `deliver_at` or its next attempt.
    /// Timers go off in vain while an attempt is under way, so ask again when it has failed.
    pub fn due(&mut self, id: MessageId, now: Timestamp) -> Option<Fact> {
        let entry = self.entries.get(&id)?;
        match entry.place {
            Place::Pushing { .. } | Place::Settling => None,
            _ if entry.message.is_expired(now) => {
                let fact = verdict::expired(&entry.message, now, None);
                Some(self.settle(id, fact))
            }
            Place::Scheduled if entry.message.deliver_at().is_none_or(|at| at <= now) => {
                self.enqueue(id);
                None
            }
            Place::Retrying { at } if at <= now => {
                self.enqueue(id);
                None
            }
            _ => None,
        }
    }

    /// How many may be with the dispatcher at once for this destination.
    pub fn set_window(&mut self, service: &ServiceName, window: u32, outlook: Outlook) {
        let destination = self.destinations.entry(service.clone()).or_default();
        destination.window = window;
        destination.outlook = outlook;
        self.ready.insert(service.clone());
    }

    /// The destinations that may have something to hand out since the last call.
    pub fn take_ready(&mut self) -> Vec<ServiceName> {
        self.ready.drain().collect()
    }

    /// Takes what the window has room for, most urgent first.
    pub fn push_out(&mut self, service: &ServiceName, now: Timestamp) -> HandOut<Delivery> {
        let room = self.destinations.get(service).map_or(0, Destination::room);
        self.hand_out(service, room, now, |entry| {
            entry.place = Place::Pushing { since: now };
            entry.delivery()
        })
    }

    fn hand_out<T>(
        &mut self,
        service: &ServiceName,
        max: usize,
        now: Timestamp,
        mut take: impl FnMut(&mut Entry) -> T,
    ) -> HandOut<T> {
        let mut out = HandOut {
            items: Vec::new(),
            expired: Vec::new(),
        };
        let Some(destination) = self.destinations.get_mut(service) else {
            return out;
        };
        while out.items.len() < max {
            let Some(waiting) = destination.lanes.pop() else {
                break;
            };
            let entry = self
                .entries
                .get_mut(&waiting.id)
                .expect("what is in a lane has an entry");
            destination.count(Place::Queued, waiting.priority, -1);
            if entry.message.is_expired(now) {
                out.expired
                    .push(verdict::expired(&entry.message, now, None));
                entry.place = Place::Settling;
            } else {
                out.items.push(take(entry));
            }
            destination.count(entry.place, entry.message.priority, 1);
        }
        out
    }

    /// Puts back what was with the dispatcher but never tried: no attempt is spent, rank and order
    /// stay. Returns the facts of those that expired meanwhile.
    pub fn give_back(&mut self, ids: &[MessageId], now: Timestamp) -> Vec<Fact> {
        self.put_back(ids, now, |place| matches!(place, Place::Pushing { .. }))
    }

    /// As [`Queues::give_back`], for what was leased to a puller that is not there any more.
    pub fn give_back_leased(&mut self, ids: &[MessageId], now: Timestamp) -> Vec<Fact> {
        self.put_back(ids, now, |place| matches!(place, Place::Leased { .. }))
    }

    fn put_back(
        &mut self,
        ids: &[MessageId],
        now: Timestamp,
        is_out: impl Fn(Place) -> bool,
    ) -> Vec<Fact> {
        let mut expired = Vec::new();
        for id in ids {
            let Some(entry) = self.entries.get(id) else {
                continue;
            };
            if !is_out(entry.place) {
                continue;
            }
            if entry.message.is_expired(now) {
                let fact = verdict::expired(&entry.message, now, None);
                expired.push(self.settle(*id, fact));
                continue;
            }
            self.displace(*id);
            let entry = self.entries.get_mut(id).expect("found above");
            entry.place = Place::Queued;
            let destination = destination_of(&mut self.destinations, &entry.message);
            destination.count(entry.place, entry.message.priority, 1);
            destination.lanes.push(entry.waiting(&self.policy.ranks));
        }
        expired
    }

    /// Everything of this destination that is with the dispatcher.
    pub fn pushing(&self, service: &ServiceName) -> Vec<MessageId> {
        let of_service = |entry: &&Entry| {
            matches!(entry.place, Place::Pushing { .. }) && entry.message.destination == *service
        };
        self.entries
            .values()
            .filter(of_service)
            .map(|entry| entry.message.id)
            .collect()
    }

    /// Takes a message back; wins over a lease, not over a push under way.
    pub fn cancel(&mut self, id: MessageId, now: Timestamp) -> Result<Fact, Refusal> {
        let entry = self.entries.get(&id).ok_or(Refusal::NotFound)?;
        match entry.place {
            Place::Pushing { .. } | Place::Settling => Err(Refusal::WrongState {
                state: State::Delivering,
                hint: "wait until the attempt under way has ended",
            }),
            _ => {
                let fact = verdict::cancelled(&entry.message, now);
                Ok(self.settle(id, fact))
            }
        }
    }

    /// Starts the next attempt of a retrying message now.
    pub fn retry_now(&mut self, id: MessageId) -> Result<(), Refusal> {
        let entry = self.entries.get(&id).ok_or(Refusal::NotFound)?;
        match entry.place {
            Place::Retrying { .. } => {
                self.enqueue(id);
                Ok(())
            }
            _ => Err(Refusal::WrongState {
                state: self.state(entry),
                hint: "only a message that waits for its next attempt can be retried now",
            }),
        }
    }

    pub fn accepted_at(&self, id: MessageId) -> Option<Timestamp> {
        self.entries.get(&id).map(|entry| entry.message.accepted_at)
    }

    /// How many are with the dispatcher, over all destinations.
    pub fn pushing_count(&self) -> usize {
        self.destinations
            .values()
            .map(|destination| destination.counts.pushing)
            .sum()
    }

    /// Counts from zero again, as after a replay, which is no news.
    pub fn reset_statistics(&mut self) {
        for destination in self.destinations.values_mut() {
            destination.statistics = Default::default();
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn state(&self, entry: &Entry) -> State {
        match entry.place {
            Place::Scheduled => State::Scheduled,
            Place::Retrying { .. } => State::Retrying,
            Place::Pushing { .. } | Place::Leased { .. } | Place::Settling => State::Delivering,
            Place::Queued | Place::Held => {
                let destination = self.destinations.get(&entry.message.destination);
                if destination.is_some_and(|destination| destination.outlook.parks()) {
                    State::Parked
                } else {
                    State::Queued
                }
            }
        }
    }
}

fn destination_of<'a>(
    destinations: &'a mut AHashMap<ServiceName, Destination>,
    message: &Message,
) -> &'a mut Destination {
    destinations
        .get_mut(&message.destination)
        .expect("a destination stays as long as the hub runs")
}

#[cfg(test)]
mod tests;
