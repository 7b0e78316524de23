//! What operators do to queues: pause them, limit them, clear them.

use crate::domain::fact::{Fact, QueueSwitched};
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::message::Priority;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;

use super::Queues;
use super::entry::{Entry, Place};

impl Queues {
    /// What follows from somebody's wish. To pause what is paused does not change since when it is.
    pub fn switched(
        &self,
        service: Option<ServiceName>,
        paused: bool,
        now: Timestamp,
    ) -> QueueSwitched {
        let since = match &service {
            None => self.paused,
            Some(service) => {
                let destination = self.destinations.get(service);
                destination.and_then(|destination| destination.paused)
            }
        };
        QueueSwitched {
            service,
            at: since.filter(|_| paused).unwrap_or(now),
            paused,
        }
    }

    /// Pauses or resumes one queue, or all of them. The two are apart: resuming all leaves those
    /// paused that were paused by name.
    pub(super) fn switch(&mut self, switched: &QueueSwitched, now: Timestamp) {
        let paused = switched.paused.then_some(switched.at);
        match &switched.service {
            None => {
                self.paused = paused;
                self.ready.extend(self.destinations.keys().cloned());
            }
            Some(service) => {
                self.destination(service, now).paused = paused;
                self.ready.insert(service.clone());
            }
        }
    }

    /// Since when nothing is handed out to this destination, or to any.
    pub fn paused_since(&self, service: Option<&ServiceName>) -> Option<Timestamp> {
        let destination = service.and_then(|service| self.destinations.get(service));
        let own = destination.and_then(|destination| destination.paused);
        [own, self.paused].into_iter().flatten().min()
    }

    /// `None`: as configured, if it is.
    pub(super) fn set_quota(
        &mut self,
        service: &ServiceName,
        quota: Option<Quota>,
        now: Timestamp,
    ) {
        let configured = self.policy.quotas.get(service).copied();
        let quota = quota.or(configured).unwrap_or_default();
        self.destination(service, now).pace.set(quota, now);
        self.ready.insert(service.clone());
    }

    /// Whatever waits for this destination, of one level or of all: not what is being delivered.
    pub fn waiting(&self, service: &ServiceName, priority: Option<Priority>) -> Vec<MessageId> {
        let Some(destination) = self.destinations.get(service) else {
            return Vec::new();
        };
        let is_meant = |id: &MessageId| {
            let level = self.entries[id].message.priority;
            priority.is_none_or(|priority| priority == level)
        };
        destination.waiting().filter(is_meant).collect()
    }

    /// Takes back those of `ids` that still wait.
    pub fn cancel_waiting(&mut self, ids: &[MessageId], now: Timestamp) -> Vec<Fact> {
        let mut facts = Vec::with_capacity(ids.len());
        for id in ids {
            if self.entries.get(id).is_some_and(is_waiting) {
                facts.extend(self.cancel(*id, now));
            }
        }
        facts
    }
}

fn is_waiting(entry: &Entry) -> bool {
    matches!(
        entry.place,
        Place::Queued | Place::Held | Place::Scheduled | Place::Retrying { .. }
    )
}
