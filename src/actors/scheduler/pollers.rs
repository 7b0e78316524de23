//! Pullers that wait for a first message.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::AHashMap;

use crate::actors::messages::reply::Reply;
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::leases::Leased;
use crate::logic::timer_queue::TimerQueue;

pub struct Poller {
    pub max: usize,
    /// `None`: until it is given back.
    pub lease: Option<Duration>,
    /// When it gets an empty answer.
    pub until: Timestamp,
    pub reply: Reply<Vec<Leased>>,
}

/// First come, first served within a service.
#[derive(Default)]
pub struct Pollers {
    waiting: AHashMap<ServiceName, VecDeque<(u64, Poller)>>,
    ends: TimerQueue<(ServiceName, u64)>,
    added: u64,
}

impl Pollers {
    pub fn add(&mut self, service: ServiceName, poller: Poller) {
        self.added += 1;
        self.ends.set((service.clone(), self.added), poller.until);
        self.waiting
            .entry(service)
            .or_default()
            .push_back((self.added, poller));
    }

    /// The first poller of `service` that is still there.
    pub fn first(&mut self, service: &ServiceName) -> Option<&Poller> {
        loop {
            let gone = self.waiting.get(service)?.front()?.1.reply.is_closed();
            if !gone {
                break;
            }
            self.take_first(service);
        }
        self.waiting.get(service)?.front().map(|(_, poller)| poller)
    }

    pub fn take_first(&mut self, service: &ServiceName) -> Option<Poller> {
        let queue = self.waiting.get_mut(service)?;
        let (number, poller) = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(service);
        }
        self.ends.remove(&(service.clone(), number));
        Some(poller)
    }

    /// Whether anybody waits for messages of `service`.
    pub fn wait_for(&self, service: &ServiceName) -> bool {
        self.waiting.contains_key(service)
    }

    /// Those whose wait is over.
    pub fn pop_due(&mut self, now: Timestamp) -> Vec<Poller> {
        let mut due = Vec::new();
        for (service, number) in self.ends.pop_due(now, usize::MAX) {
            let Some(queue) = self.waiting.get_mut(&service) else {
                continue;
            };
            if let Some(index) = queue.iter().position(|(other, _)| *other == number) {
                due.extend(queue.remove(index).map(|(_, poller)| poller));
            }
            if queue.is_empty() {
                self.waiting.remove(&service);
            }
        }
        due
    }

    pub fn next_end(&self) -> Option<Timestamp> {
        self.ends.next()
    }

    pub fn drain(&mut self) -> Vec<Poller> {
        self.ends = TimerQueue::default();
        let queues = std::mem::take(&mut self.waiting);
        queues
            .into_values()
            .flatten()
            .map(|(_, poller)| poller)
            .collect()
    }
}

impl Pollers {
    /// Looks at everybody who waits; gives how many these are.
    ///
    /// # Panics
    /// If somebody waits for ever, or nobody does.
    pub fn check(&self) -> usize {
        let lengths = self.waiting.values().map(VecDeque::len);
        assert!(lengths.clone().all(|length| length > 0), "somebody waits");
        let count = lengths.sum();
        assert!(
            self.ends.check(),
            "timers are found by their key and by their time"
        );
        assert_eq!(self.ends.len(), count, "each wait has an end");
        count
    }
}
