//! What users may see of the queues: one message, one destination, everything.

use std::sync::Arc;

use crate::domain::fact::Attempt;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::{Message, Priority, State};
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::Queues;
use super::destination::{Destination, Statistics};
use super::entry::{Entry, Place};
use super::leases::Lease;

/// How far the messages ahead of one are counted, so that a look at many stays cheap.
const MOST_COUNTED: usize = 1000;

/// A message the hub owes.
#[derive(Clone, Debug)]
pub struct OpenMessage {
    pub position: Position,
    pub message: Arc<Message>,
    pub state: State,
    pub redriven: u32,
    /// Failed attempts of its present life.
    pub attempts: Vec<Attempt>,
    pub next_attempt: Option<Timestamp>,
    /// Why it has not been delivered yet, in words.
    pub waiting_for: String,
}

/// What waits for one destination, or for all together.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueDepths {
    /// Queued and parked, by level.
    pub levels: [usize; 5],
    pub queued: usize,
    pub parked: usize,
    pub retrying: usize,
    pub scheduled: usize,
    pub in_flight: usize,
    /// When the oldest waiting message was accepted.
    pub oldest: Option<Timestamp>,
    pub statistics: Statistics,
}

impl QueueDepths {
    /// Queued and parked.
    pub fn waiting(&self) -> usize {
        self.queued + self.parked
    }

    /// Everything accepted and not settled.
    pub fn open(&self) -> usize {
        self.waiting() + self.retrying + self.scheduled + self.in_flight
    }

    pub fn add(&mut self, other: &Self) {
        for (level, count) in self.levels.iter_mut().zip(other.levels) {
            *level += count;
        }
        self.queued += other.queued;
        self.parked += other.parked;
        self.retrying += other.retrying;
        self.scheduled += other.scheduled;
        self.in_flight += other.in_flight;
        self.oldest = [self.oldest, other.oldest].into_iter().flatten().min();
        self.statistics.enqueued += other.statistics.enqueued;
        self.statistics.dequeued += other.statistics.dequeued;
        self.statistics.dead += other.statistics.dead;
    }
}

impl Queues {
    pub fn inspect(&self, id: MessageId) -> Option<OpenMessage> {
        let entry = self.entries.get(&id)?;
        Some(OpenMessage {
            position: entry.order,
            message: entry.message.clone(),
            state: self.state(entry),
            redriven: entry.redriven,
            attempts: entry.attempts.as_deref().cloned().unwrap_or_default(),
            next_attempt: next_attempt(entry),
            waiting_for: self.waiting_for(entry),
        })
    }

    /// Every destination that ever had a message since start.
    pub fn depths(&self) -> impl Iterator<Item = (&ServiceName, QueueDepths)> {
        self.destinations
            .iter()
            .map(|(service, destination)| (service, self.depths_in(destination)))
    }

    pub fn depths_of(&self, service: &ServiceName) -> QueueDepths {
        let destination = self.destinations.get(service);
        destination
            .map(|destination| self.depths_in(destination))
            .unwrap_or_default()
    }

    fn depths_in(&self, destination: &Destination) -> QueueDepths {
        let counts = &destination.counts;
        let levels =
            Priority::ALL.map(|level| destination.lanes.len_of(level) + counts.held[level.index()]);
        let waiting = levels.iter().sum();
        let parks = destination.outlook.parks();
        QueueDepths {
            levels,
            queued: if parks { 0 } else { waiting },
            parked: if parks { waiting } else { 0 },
            retrying: counts.retrying,
            scheduled: counts.scheduled,
            in_flight: counts.pushing + counts.leased + counts.settling,
            oldest: self.oldest(destination),
            statistics: destination.statistics,
        }
    }

    /// When the longest waiting of those next in their lanes was accepted.
    fn oldest(&self, destination: &Destination) -> Option<Timestamp> {
        let heads = destination.lanes.heads();
        let accepted = heads.filter_map(|head| self.entries.get(&head.id));
        accepted.map(|entry| entry.message.accepted_at).min()
    }

    fn waiting_for(&self, entry: &Entry) -> String {
        let message = &entry.message;
        match entry.place {
            Place::Scheduled => match message.deliver_at() {
                Some(at) => format!("scheduled: it may be delivered from {at} on"),
                None => "scheduled".to_owned(),
            },
            Place::Retrying { at } => {
                let (failures, most) = (entry.failures(), self.policy.retries.max_attempts);
                format!("{failures} of {most} attempts failed; the next one is at {at}")
            }
            Place::Pushing { since } => format!("an attempt is under way since {since}"),
            Place::Leased { token } => match self.leases.get(&token) {
                Some(Lease { since, until, .. }) => {
                    format!("leased to a consumer since {since}, until {until}")
                }
                None => "leased to a consumer".to_owned(),
            },
            Place::Settling => "its outcome is being written".to_owned(),
            Place::Held => self.waiting_for_key(entry),
            Place::Queued => self.waiting_for_turn(entry),
        }
    }

    fn waiting_for_key(&self, entry: &Entry) -> String {
        let holder = self
            .destinations
            .get(&entry.message.destination)
            .and_then(|destination| destination.keys.holder(entry.message.ordering_key()?));
        match holder {
            Some(id) => format!("message {id} with the same ordering_key is not settled yet"),
            None => "its ordering_key is about to become free".to_owned(),
        }
    }

    fn waiting_for_turn(&self, entry: &Entry) -> String {
        let Some(destination) = self.destinations.get(&entry.message.destination) else {
            return "queued".to_owned();
        };
        let waiting = entry.waiting(&self.policy.ranks);
        let turn = match destination.lanes.ahead_of(&waiting, MOST_COUNTED) {
            Some(MOST_COUNTED) => format!("{MOST_COUNTED} messages or more are ahead of it"),
            ahead => format!("{} messages are ahead of it", ahead.unwrap_or(0)),
        };
        match destination.outlook {
            Outlook::Ready => {
                format!("{turn}; it goes out when an instance has room or a consumer asks")
            }
            Outlook::Trial => {
                format!("the circuit is half open, one message at a time is tried; {turn}")
            }
            Outlook::CircuitOpen { until } => {
                format!("the circuit is open and tried again at {until}; {turn}")
            }
            Outlook::NoInstance { since } if since == Timestamp::default() => {
                format!("no instance was available since the hub started; {turn}")
            }
            Outlook::NoInstance { since } => {
                format!("no instance is available since {since}; {turn}")
            }
        }
    }
}

fn next_attempt(entry: &Entry) -> Option<Timestamp> {
    match entry.place {
        Place::Retrying { at } => Some(at),
        Place::Scheduled => entry.message.deliver_at(),
        _ => None,
    }
}
