//! What operators do to queues: pause them, limit them, clear them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::fact::Fact;
use crate::domain::fact::control::QueueSwitched;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::message::Priority;
use crate::domain::moment::Moment;
use crate::domain::quota::Quota;
use crate::domain::timestamp::Timestamp;

use super::Queues;
use super::entry::{Entry, Place};
use super::pause::{Pause, earliest};

impl Queues {
    /// What follows from the wish of `by`, `now` by the system's clock. To pause what is paused
    /// changes neither since when it is nor by whom.
    pub fn switched(
        &self,
        service: Option<ServiceName>,
        paused: bool,
        by: Option<String>,
        now: Timestamp,
    ) -> QueueSwitched {
        let before = match &service {
            None => self.paused.as_ref(),
            Some(service) => {
                let destination = self.destinations.get(service);
                destination.and_then(|destination| destination.paused.as_ref())
            }
        };
        let (at, by) = match before.filter(|_| paused) {
            Some(pause) => (pause.since, pause.by.as_deref().map(str::to_owned)),
            None => (now, by),
        };
        QueueSwitched {
            service,
            at,
            paused,
            by,
        }
    }

    /// Pauses or resumes one queue, or all of them. The two are apart: resuming all leaves those
    /// paused that were paused by name.
    pub(super) fn switch(&mut self, switched: &QueueSwitched, now: Timestamp) {
        let paused = switched.paused.then(|| Pause {
            since: switched.at,
            by: switched.by.as_deref().map(Arc::from),
        });
        match &switched.service {
            None => {
                self.paused = paused;
                self.ready.extend(self.destinations.keys().cloned());
            }
            Some(service) => {
                self.destination(service, now).paused = paused;
                self.ready.insert(service.clone());
                self.look_at(service);
            }
        }
    }

    /// Why nothing is handed out to this destination, or to any.
    pub fn pause_of(&self, service: Option<&ServiceName>) -> Option<&Pause> {
        let destination = service.and_then(|service| self.destinations.get(service));
        let own = destination.and_then(|destination| destination.paused.as_ref());
        earliest(own, self.paused.as_ref())
    }

    /// Those that are paused by their own names, whether all are besides or not.
    pub fn paused_by_name(&self) -> impl Iterator<Item = (&ServiceName, &Pause)> {
        let destinations = self.destinations.iter();
        destinations.filter_map(|(service, one)| Some((service, one.paused.as_ref()?)))
    }

    /// From now on these are configured; what was set over the API goes before them.
    pub fn configure_quotas(&mut self, quotas: Arc<BTreeMap<ServiceName, Quota>>, now: Timestamp) {
        let before = std::mem::replace(&mut self.policy.quotas, quotas.clone());
        let services = before.keys().chain(quotas.keys());
        for service in services {
            if self.with_own_quota.contains(service) {
                continue;
            }
            if let Some(destination) = self.destinations.get_mut(service) {
                let quota = quotas.get(service).copied().unwrap_or_default();
                destination.pace.set(quota, now);
                self.ready.insert(service.clone());
                self.look_at(service);
            }
        }
    }

    /// `None`: as configured, if it is.
    pub(super) fn set_quota(
        &mut self,
        service: &ServiceName,
        quota: Option<Quota>,
        now: Timestamp,
    ) {
        match quota {
            Some(_) => drop(self.with_own_quota.insert(service.clone())),
            None => drop(self.with_own_quota.remove(service)),
        }
        let configured = self.policy.quotas.get(service).copied();
        let quota = quota.or(configured).unwrap_or_default();
        self.destination(service, now).pace.set(quota, now);
        self.ready.insert(service.clone());
        self.look_at(service);
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
    pub fn cancel_waiting(&mut self, ids: &[MessageId], now: impl Into<Moment>) -> Vec<Fact> {
        let now = now.into();
        let mut facts = Vec::with_capacity(ids.len());
        for id in ids {
            if self.entries.get(id).is_some_and(|entry| is_waiting(entry)) {
                facts.extend(self.cancel(*id, now));
            }
        }
        facts
    }
}

fn is_waiting(entry: &Entry) -> bool {
    matches!(
        entry.place,
        Place::Queued | Place::Held | Place::Scheduled { .. } | Place::Retrying { .. }
    )
}
