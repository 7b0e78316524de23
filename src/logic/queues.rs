//! Every message the hub owes, and where each one is on its way.
//!
//! One state machine for all destinations. It decides alone who may settle a message: what is
//! waiting or leased is settled from here (expiry, cancel, ack), what is being pushed only by its
//! outcome, and what has a fact on its way to the journal by nobody else.

mod clock;
mod control;
mod delivery;
pub mod destination;
mod entry;
mod explain;
mod forgetting;
mod hand_out;
mod invariants;
mod learning;
pub mod lease;
pub mod leases;
pub mod listing;
mod losses;
mod ordering_keys;
mod pace;
pub mod pause;
mod places;
mod ranking;
pub mod report;
pub mod survey;
mod type_lanes;
pub mod view;
pub mod wait_reason;

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

use crate::domain::attempt::Attempt;
use crate::domain::fact::Fact;
use crate::domain::fact::message::Settlement;
use crate::domain::ids::{Label, LeaseToken, MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::moment::{Moment, When};
use crate::domain::quota::Quota;
use crate::domain::refusal::Refusal;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::backoff::RetryPolicy;
use super::lanes::RankPolicy;
use super::timer_queue::TimerQueue;
use super::verdict;
use destination::{Destination, DestinationStatistics, untold};
use entry::{Entry, Place};
use lease::Lease;
use pace::Pace;
use pause::Pause;
use places::Places;
use ranking::Ranking;

pub use delivery::{Delivery, HandOut};

/// What the queues go by that is configured.
#[derive(Clone, Debug)]
pub struct QueuePolicy {
    /// Who goes first.
    pub ranks: RankPolicy,
    /// When what failed is tried again, and when it is given up.
    pub retries: RetryPolicy,
    /// Quotas that hold where none was set since.
    pub quotas: Arc<BTreeMap<ServiceName, Quota>>,
}

/// The messages the hub owes, as learned from the journal, and what is under way with them.
#[derive(Debug)]
pub struct Queues {
    policy: QueuePolicy,
    ranking: Ranking,
    /// Each in a box of its own, so that the table stays small and is quickly made larger.
    entries: AHashMap<MessageId, Box<Entry>>,
    /// Where each of them stands in lists.
    places: Places,
    destinations: AHashMap<ServiceName, Destination>,
    leases: AHashMap<LeaseToken, Lease>,
    lease_ends: TimerQueue<LeaseToken>,
    /// When what consumers were lost with is handed out again.
    returns: TimerQueue<MessageId>,
    /// When those that were handed what their quota allows may have more.
    paced: TimerQueue<ServiceName>,
    /// Whose quota was set over the API.
    with_own_quota: AHashSet<ServiceName>,
    /// Dead letters that hold their ordering keys.
    holding: AHashMap<MessageId, (ServiceName, Label)>,
    /// All queues are paused.
    paused: Option<Pause>,
    /// Destinations that may have something to hand out.
    ready: AHashSet<ServiceName>,
    /// Destinations of which nothing may be left.
    unneeded: AHashSet<ServiceName>,
    /// Of destinations that were forgotten.
    past: DestinationStatistics,
    /// The replay is over.
    begun: bool,
}

impl Queues {
    /// Empty: [`Queues::learn`] reads the journal into it, and after that [`Queues::begin`] opens it.
    pub fn new(policy: QueuePolicy) -> Self {
        Self {
            ranking: Ranking::new(policy.ranks),
            policy,
            entries: AHashMap::new(),
            places: Places::default(),
            destinations: AHashMap::new(),
            leases: AHashMap::new(),
            lease_ends: TimerQueue::default(),
            returns: TimerQueue::default(),
            paced: TimerQueue::default(),
            with_own_quota: AHashSet::new(),
            holding: AHashMap::new(),
            paused: None,
            ready: AHashSet::new(),
            unneeded: AHashSet::new(),
            past: DestinationStatistics::default(),
            begun: false,
        }
    }

    fn open(
        &mut self,
        message: Arc<Message>,
        order: Position,
        redriven: u32,
        (accepted, now): (Moment, Moment),
    ) {
        let id = message.id;
        let since = self.ranking.since(accepted, now);
        let due = message.due(accepted).filter(|due| !due.is_due(now));
        let destination = self.destination(&message.destination, now.hub);
        destination.statistics.enqueued += 1;
        destination.rates.incoming.note(now.hub);
        let entry = Entry {
            order,
            place: Place::Scheduled {
                until: due.unwrap_or(When::Hub(now.hub)),
            },
            redriven,
            lost: 0,
            since,
            outlived: message.outlived(accepted),
            attempts: None,
            message,
        };
        destination.enter(&entry);
        if let Some(before) = self.entries.insert(id, Box::new(entry)) {
            self.places.leave(&before);
        }
        if due.is_none() {
            self.enqueue(id);
        }
    }

    /// Moves a message that waits outside the lanes into them, or behind its ordering key.
    fn enqueue(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.leave(entry);
        let free = match entry.message.ordering_key() {
            None => true,
            Some(key) => destination.keys.claim(key, entry.order, id),
        };
        entry.place = if free { Place::Queued } else { Place::Held };
        destination.enter(entry);
        if free {
            let waiting = entry.waiting(&self.ranking);
            destination.lanes.push(waiting, &entry.message.message_type);
            self.ready.insert(entry.message.destination.clone());
        }
    }

    fn attempt_failed(
        &mut self,
        id: MessageId,
        attempt: &Attempt,
        (retry_at, now): (Timestamp, Timestamp),
    ) {
        self.displace(id);
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.attempts.get_or_insert_default().push(attempt.clone());
        entry.lost = 0;
        entry.place = Place::Retrying { at: retry_at };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.enter(entry);
        destination.rates.failing.note(now);
        destination.lanes.unblock();
    }

    /// Takes a message out of wherever it is; the caller gives it its next place.
    fn displace(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.leave(entry);
        let (lanes, message_type) = (&mut destination.lanes, &entry.message.message_type);
        match entry.place {
            Place::Queued => lanes.remove(&entry.waiting(&self.ranking), message_type),
            Place::Leased { token } => {
                self.leases.remove(&token);
                self.lease_ends.remove(&token);
            }
            Place::Pushing { .. } => lanes.push_ended(id, message_type),
            Place::Retrying { .. } => drop(self.returns.remove(&id)),
            // A held message keeps its turn for its ordering key until it is settled.
            Place::Held | Place::Scheduled { .. } | Place::Settling => {}
        }
        self.ready.insert(entry.message.destination.clone());
    }

    /// Marks the message as having `fact` on its way to the journal.
    fn settle(&mut self, id: MessageId, fact: Fact) -> Fact {
        self.displace(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.place = Place::Settling;
            destination_of(&mut self.destinations, &entry.message).enter(entry);
        }
        fact
    }

    fn close(&mut self, settlement: &Settlement, state: State, now: Timestamp) {
        let id = settlement.id;
        self.displace(id);
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.places.leave(&entry);
        let destination = destination_of(&mut self.destinations, &entry.message);
        destination.statistics.settled(state);
        destination.rates.settled(state, now);
        destination.lanes.unblock();
        let is_left = destination.outlook == Outlook::Left;
        self.leave_key(&entry, settlement.holds_key);
        if is_left {
            self.look_at(&entry.message.destination);
        }
    }

    /// The message is settled: the next with its ordering key may go, unless it holds that as a dead
    /// letter.
    fn leave_key(&mut self, entry: &Entry, holds_key: bool) {
        let (id, message) = (entry.message.id, &entry.message);
        let Some(key) = message.ordering_key() else {
            return;
        };
        let destination = destination_of(&mut self.destinations, message);
        if holds_key && self.policy.retries.hold_keys {
            destination.keys.hold(key, entry.order, id);
            let held = (message.destination.clone(), key.clone());
            self.holding.insert(id, held);
            return;
        }
        let next = destination.keys.release(key, entry.order, id);
        self.key_passed_on(next);
    }

    fn key_passed_on(&mut self, next: Option<MessageId>) {
        let is_held = |next: &MessageId| self.entries[next].place == Place::Held;
        if let Some(next) = next.filter(is_held) {
            self.enqueue(next);
        }
    }

    /// A dead letter that may hold its ordering key is owed again, perhaps to somebody else.
    fn dead_letter_sent_again(&mut self, message: &Message) {
        let held_at = self.holding.get(&message.id).map(|(service, _)| service);
        if held_at != Some(&message.destination) {
            return self.dead_letter_gone(message.id);
        }
        if let Some((_, key)) = self.holding.remove(&message.id) {
            let destination = destination_of(&mut self.destinations, message);
            destination.keys.send_again(&key, message.id);
        }
    }

    fn dead_letter_gone(&mut self, id: MessageId) {
        let Some((service, key)) = self.holding.remove(&id) else {
            return;
        };
        let destination = self.destinations.get_mut(&service);
        let next = destination.and_then(|destination| destination.keys.let_go(&key, id));
        self.key_passed_on(next);
        self.look_at(&service);
    }

    /// A timer of this message went off: its ttl, its `deliver_at` or its next attempt.
    /// Timers go off in vain while an attempt is under way, so ask again when it has failed.
    pub fn due(&mut self, id: MessageId, now: impl Into<Moment>) -> Option<Fact> {
        let now = now.into();
        let entry = self.entries.get(&id)?;
        match entry.place {
            Place::Pushing { .. } | Place::Settling => None,
            _ if entry.is_expired(now) => {
                let fact = verdict::expired(&self.policy.retries, &entry.message, now.wall, None);
                Some(self.settle(id, fact))
            }
            Place::Scheduled { until } if until.is_due(now) => {
                self.enqueue(id);
                None
            }
            Place::Retrying { at } if at <= now.hub => {
                self.returns.remove(&id);
                self.enqueue(id);
                None
            }
            _ => None,
        }
    }

    /// Takes a message back; wins over a lease, not over a push under way.
    pub fn cancel(&mut self, id: MessageId, now: impl Into<Moment>) -> Result<Fact, Refusal> {
        let entry = self.entries.get(&id).ok_or(Refusal::NotFound)?;
        match entry.place {
            Place::Pushing { .. } | Place::Settling => Err(Refusal::WrongState {
                state: State::Delivering,
                hint: "wait until the attempt under way has ended",
            }),
            _ => {
                let fact = verdict::cancelled(&entry.message, now.into().wall);
                Ok(self.settle(id, fact))
            }
        }
    }

    /// Starts the next attempt of a retrying message now.
    pub fn retry_now(&mut self, id: MessageId) -> Result<(), Refusal> {
        let entry = self.entries.get(&id).ok_or(Refusal::NotFound)?;
        match entry.place {
            Place::Retrying { .. } => {
                self.returns.remove(&id);
                self.enqueue(id);
                Ok(())
            }
            _ => Err(Refusal::WrongState {
                state: self.state(entry),
                hint: "only a message that waits for its next attempt can be retried now",
            }),
        }
    }

    /// Whether it is a destination here: a message is for it, it registered or asked for messages, and
    /// it was not forgotten since.
    pub fn knows(&self, service: &ServiceName) -> bool {
        self.destinations.contains_key(service)
    }

    /// A message the hub owes.
    pub fn message(&self, id: MessageId) -> Option<&Arc<Message>> {
        self.entries.get(&id).map(|entry| &entry.message)
    }

    /// How many are with the dispatcher, over all destinations.
    pub fn pushing_count(&self) -> usize {
        self.destinations
            .values()
            .map(|destination| destination.counts.pushing)
            .sum()
    }

    /// How many messages the hub owes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the hub owes nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn destination(&mut self, service: &ServiceName, now: Timestamp) -> &mut Destination {
        let outlook = match self.begun {
            // Whoever is there is known here by then.
            true => Outlook::Left,
            false => untold(),
        };
        let destination = self.destinations.entry(service.clone());
        destination.or_insert_with(|| {
            let quota = self.policy.quotas.get(service).copied();
            Destination::new(Pace::new(quota.unwrap_or_default(), now), outlook)
        })
    }
}

fn destination_of<'a>(
    destinations: &'a mut AHashMap<ServiceName, Destination>,
    message: &Message,
) -> &'a mut Destination {
    destinations
        .get_mut(&message.destination)
        .expect("a destination stays as long as it has a message")
}

#[cfg(test)]
mod tests;
