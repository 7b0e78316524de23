//! Messages for the services that this socket consumes for.
//!
//! The socket holds as many as each consumer may have and has not settled; when it closes they go
//! back without having spent an attempt, also those that are on their way to it. What had reached
//! the client is counted, as it may be what ended it.

mod consuming;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ahash::AHashMap;
use tokio::sync::oneshot;

use super::super::open_sockets::OpenConsumer;
use crate::domain::ids::{InstanceId, LeaseToken, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::hub::consumers::Returns;
use crate::logic::feed_news::FeedId;
use crate::logic::queues::leases::Leased;
use crate::phase::{CurrentPhase, Phase};

pub(super) struct Consumers {
    socket: FeedId,
    phase: CurrentPhase,
    returns: Returns,
    by_service: BTreeMap<ServiceName, Consumer>,
    /// The messages with this socket, on their way to the client or there.
    held: AHashMap<LeaseToken, Held>,
    /// Whether leases may run out.
    has_timed: bool,
    /// Which consumer is the first to be asked for a message.
    turn: usize,
}

struct Consumer {
    instance_id: InstanceId,
    /// `None` until the Registry has agreed.
    terms: Option<Terms>,
    /// Messages that it has and has not settled.
    unsettled: usize,
    ready: VecDeque<Leased>,
    /// A question for messages is on its way; dropped, it is taken back.
    asking: Option<oneshot::Sender<()>>,
}

#[derive(Clone, Copy)]
struct Terms {
    prefetch: usize,
    lease: Option<Duration>,
}

struct Held {
    service: ServiceName,
    until: Option<Timestamp>,
    /// The client may have seen it.
    is_sent: bool,
}

impl Consumers {
    pub(super) fn new(returns: Returns, phase: CurrentPhase, socket: FeedId) -> Self {
        Self {
            socket,
            phase,
            returns,
            by_service: BTreeMap::new(),
            held: AHashMap::new(),
            has_timed: false,
            turn: 0,
        }
    }

    /// These are over: there is room for as many others.
    pub(super) fn settled(&mut self, leases: &[LeaseToken]) {
        for lease in leases {
            if let Some(held) = self.held.remove(lease)
                && let Some(consumer) = self.by_service.get_mut(&held.service)
            {
                consumer.unsettled -= 1;
            }
        }
    }

    /// The next message for the client, of each service in turn.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Leased> {
        for _ in 0..self.by_service.len() {
            self.turn = (self.turn + 1) % self.by_service.len();
            let consumer = self.by_service.values_mut().nth(self.turn)?;
            while let Some(leased) = consumer.ready.pop_front() {
                // It may have waited too long for a client that reads slowly.
                let held = self.held.get_mut(&leased.token);
                let held = held.filter(|held| held.until.is_none_or(|until| until > now));
                if let Some(held) = held {
                    held.is_sent = true;
                    return Some(leased);
                }
            }
        }
        None
    }

    pub(super) fn describe(&self) -> Vec<OpenConsumer> {
        let consumers = self.by_service.iter();
        let consumers = consumers.map(|(service, consumer)| {
            let most = consumer.terms.map_or(0, |terms| terms.prefetch);
            OpenConsumer {
                service: service.clone(),
                instance_id: consumer.instance_id.clone(),
                in_flight: consumer.unsettled,
                credit: most.saturating_sub(consumer.unsettled),
            }
        });
        consumers.collect()
    }

    fn take(&mut self, service: &ServiceName, mut parcel: Parcel, now: Timestamp) {
        let Some(consumer) = self.by_service.get_mut(service) else {
            return;
        };
        consumer.asking = None;
        for leased in std::mem::take(&mut parcel.leased) {
            let held = Held {
                service: service.clone(),
                until: parcel.lease.map(|lease| now.plus(lease)),
                is_sent: false,
            };
            self.held.insert(leased.token, held);
            consumer.unsettled += 1;
            consumer.ready.push_back(leased);
        }
    }

    fn forget_expired(&mut self, now: Timestamp) {
        let is_over = |held: &Held| held.until.is_some_and(|until| until <= now);
        let over = self.held.iter().filter(|(_, held)| is_over(held));
        let over: Vec<LeaseToken> = over.map(|(lease, _)| *lease).collect();
        self.settled(&over);
    }
}

/// What is with the socket goes to others. Questions that are on their way are taken back, as
/// their `asking` ends.
impl Drop for Consumers {
    fn drop(&mut self) {
        for service in self.by_service.keys() {
            self.returns.stop_consuming(self.socket, service.clone());
        }
        // A hub that stops is not the fault of any message.
        let counts = self.phase.get() == Phase::Open;
        let (lost, unseen): (Vec<_>, Vec<_>) = self
            .held
            .drain()
            .partition(|(_, held)| held.is_sent && counts);
        let leases = |held: Vec<(LeaseToken, Held)>| held.into_iter().map(|(lease, _)| lease);
        self.returns.lose(leases(lost).collect());
        self.returns.give_back(leases(unseen).collect());
    }
}

/// Messages on their way to a socket: given back if it is not there any more.
struct Parcel {
    leased: Vec<Leased>,
    lease: Option<Duration>,
    returns: Returns,
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let leases = self.leased.iter().map(|leased| leased.token);
        self.returns.give_back(leases.collect());
    }
}

impl Consumer {
    fn new(instance_id: InstanceId) -> Self {
        Self {
            instance_id,
            terms: None,
            unsettled: 0,
            ready: VecDeque::new(),
            asking: None,
        }
    }
}

#[cfg(test)]
mod tests;
