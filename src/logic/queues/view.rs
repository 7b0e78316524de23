//! What users may see of the queues: one message, one destination, everything.

use std::sync::Arc;

use crate::domain::attempt::Attempt;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::{Message, Priority, State};
use crate::domain::moment::Moment;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

use super::Queues;
use super::destination::{Destination, DestinationRates, DestinationStatistics};
use super::entry::{Entry, Place};
use super::pause::{Pause, earliest};
use super::wait_reason::WaitReason;

/// A message the hub owes.
#[derive(Clone, Debug)]
pub struct OpenMessage {
    /// Where it stands in lists: where it was first accepted.
    pub position: Position,
    /// As it was accepted or redriven.
    pub message: Arc<Message>,
    /// Where it is on its way.
    pub state: State,
    /// How often it was redriven.
    pub redriven: u32,
    /// Failed attempts of its present life.
    pub attempts: Vec<Attempt>,
    /// When it is tried or may first be delivered, by the system's clock; `None`: its turn decides.
    pub next_attempt: Option<Timestamp>,
    /// As the system's clock is set now.
    pub deliver_at: Option<Timestamp>,
    /// When its ttl is over, by the system's clock as it is set now; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How often it was handed out to consumers since its last attempt.
    pub hand_outs: u32,
    /// Why it has not been delivered yet.
    pub waiting_for: WaitReason,
}

/// What waits for one destination, or for all together.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct QueueDepths {
    /// Queued and parked, by level.
    pub levels: [usize; 5],
    /// Messages that may go as soon as their turn comes.
    pub queued: usize,
    /// Messages that wait as nobody takes them, or as the circuit is open.
    pub parked: usize,
    /// Messages that wait for their next attempt.
    pub retrying: usize,
    /// Messages that wait for their `deliver_at`.
    pub scheduled: usize,
    /// Messages that are with the dispatcher or a consumer, or whose outcome is being written.
    pub in_flight: usize,
    /// When the longest waiting of those next in their lanes, or first of those that wait for an
    /// ordering key, was accepted, by level.
    pub oldest: [Option<Timestamp>; 5],
    /// Nothing is handed out.
    pub paused: Option<Pause>,
    /// What came and went since the start.
    pub statistics: DestinationStatistics,
    /// How fast it comes and goes, of one destination.
    pub rates: DestinationRates,
    /// Whether messages may go to the destination, and if not since when or until when.
    pub outlook: Option<Outlook>,
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

    /// When the longest waiting message was accepted.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.oldest.into_iter().flatten().min()
    }

    /// Adds what waits elsewhere; whether that is paused says nothing about the sum.
    pub fn add(&mut self, other: &Self) {
        for (level, count) in self.levels.iter_mut().zip(other.levels) {
            *level += count;
        }
        self.queued += other.queued;
        self.parked += other.parked;
        self.retrying += other.retrying;
        self.scheduled += other.scheduled;
        self.in_flight += other.in_flight;
        for (oldest, other) in self.oldest.iter_mut().zip(other.oldest) {
            *oldest = [*oldest, other].into_iter().flatten().min();
        }
        self.statistics += other.statistics;
    }
}

impl Queues {
    /// One message, with all that is known of it; `None`: the hub does not owe it.
    pub fn inspect(&self, id: MessageId, now: impl Into<Moment>) -> Option<OpenMessage> {
        let now = now.into();
        let entry = self.entries.get(&id)?;
        Some(OpenMessage {
            position: self.places.of(entry),
            message: entry.message.clone(),
            state: self.state(entry),
            redriven: entry.redriven,
            attempts: entry.attempts.as_deref().cloned().unwrap_or_default(),
            next_attempt: next_attempt(entry, now),
            deliver_at: deliver_at(entry, now),
            expires_at: entry.outlived.map(|at| now.wall_time(at)),
            hand_outs: hand_outs(entry),
            waiting_for: self.waiting_for(entry, now),
        })
    }

    /// Where a message is that the hub owes.
    pub fn state_of(&self, id: MessageId) -> Option<State> {
        self.entries.get(&id).map(|entry| self.state(entry))
    }

    pub(super) fn state(&self, entry: &Entry) -> State {
        match entry.place {
            Place::Scheduled { .. } => State::Scheduled,
            Place::Retrying { .. } => State::Retrying,
            Place::Pushing { .. } | Place::Leased { .. } | Place::Settling => State::Delivering,
            Place::Queued | Place::Held if self.is_parked(entry) => State::Parked,
            Place::Queued | Place::Held => State::Queued,
        }
    }

    /// That nobody takes its type keeps a message only once it has its ordering key.
    fn is_parked(&self, entry: &Entry) -> bool {
        let destination = self.destinations.get(&entry.message.destination);
        destination.is_some_and(|destination| {
            destination.outlook.parks()
                || entry.place == Place::Queued
                    && destination.lanes.parks(&entry.message.message_type)
        })
    }

    /// Every destination of which there is more to know than that it was one.
    pub fn depths(&self) -> impl Iterator<Item = (&ServiceName, QueueDepths)> {
        self.destinations
            .iter()
            .map(|(service, destination)| (service, self.depths_in(destination)))
    }

    /// All zero for a destination of which nothing is known.
    pub fn depths_of(&self, service: &ServiceName) -> QueueDepths {
        let destination = self.destinations.get(service);
        destination
            .map(|destination| self.depths_in(destination))
            .unwrap_or_default()
    }

    pub(super) fn depths_in(&self, destination: &Destination) -> QueueDepths {
        let counts = &destination.counts;
        let levels = Priority::ALL
            .map(|level| destination.lanes.len_of(level) + destination.held[level.index()].len());
        let waiting: usize = levels.iter().sum();
        let parked = if destination.outlook.parks() {
            waiting
        } else {
            destination.lanes.parked()
        };
        QueueDepths {
            levels,
            queued: waiting - parked,
            parked,
            retrying: counts.retrying,
            scheduled: counts.scheduled,
            in_flight: counts.pushing + counts.leased + counts.settling,
            oldest: match waiting {
                0 => [None; 5],
                _ => self.oldest(destination),
            },
            paused: earliest(destination.paused.as_ref(), self.paused.as_ref()).cloned(),
            statistics: destination.statistics,
            rates: destination.rates,
            outlook: Some(destination.outlook),
        }
    }

    fn oldest(&self, destination: &Destination) -> [Option<Timestamp>; 5] {
        let mut oldest = [None; 5];
        let heads = destination.lanes.heads().map(|head| head.id);
        let held = destination.held.iter();
        let held = held.filter_map(|level| level.first().map(|(_, id)| *id));
        for id in heads.chain(held) {
            if let Some(message) = self.message(id) {
                let level: &mut Option<Timestamp> = &mut oldest[message.priority.index()];
                *level = [*level, Some(message.accepted_at)]
                    .into_iter()
                    .flatten()
                    .min();
            }
        }
        oldest
    }
}

fn hand_outs(entry: &Entry) -> u32 {
    match entry.place {
        Place::Leased { .. } => entry.lost + 1,
        _ => entry.lost,
    }
}

fn next_attempt(entry: &Entry, now: Moment) -> Option<Timestamp> {
    match entry.place {
        Place::Retrying { at } => Some(now.wall_time(at)),
        Place::Scheduled { until } => Some(until.wall_time(now)),
        _ => None,
    }
}

fn deliver_at(entry: &Entry, now: Moment) -> Option<Timestamp> {
    match entry.place {
        Place::Scheduled { until } => Some(until.wall_time(now)),
        _ => entry.message.deliver_at(),
    }
}
