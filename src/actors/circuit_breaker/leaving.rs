//! Instances that take nothing new, as they drain or were removed: once nothing is in flight with
//! one any more the log says so, for whoever waits to stop it.

use std::collections::BTreeMap;

use ahash::AHashSet;

use super::CircuitBreaker;
use crate::domain::ids::InstanceId;
use crate::domain::service::Target;

impl CircuitBreaker {
    /// To be called with the targets there are from now on, before they are.
    pub(super) fn note_who_leaves(&mut self, staying: &[Target]) {
        let staying: AHashSet<_> = staying.iter().map(|target| &target.instance_id).collect();
        let stays = |id: &InstanceId| staying.contains(id);
        self.leaving.retain(|id| !stays(id));
        let before = self.balancer.targets().iter();
        let gone = before.map(|target| &target.instance_id);
        let gone: Vec<InstanceId> = gone.filter(|id| !stays(id)).cloned().collect();
        self.leaving.extend(gone);
        self.tell_who_left();
    }

    /// To be called when something is no longer in flight.
    pub(super) fn tell_who_left(&mut self) {
        if self.leaving.is_empty() {
            return;
        }
        let busy = self.in_flight_by_instance();
        let service = &self.service;
        self.leaving.retain(|instance| {
            let is_busy = busy.contains_key(instance);
            if !is_busy {
                tracing::info!(%service, %instance, "takes nothing new and has nothing in flight: it may be stopped");
            }
            is_busy
        });
    }

    pub(super) fn in_flight_by_instance(&self) -> BTreeMap<InstanceId, u32> {
        let mut counts = BTreeMap::new();
        for in_flight in self.in_flight.values() {
            let id = in_flight.pushed_to.instance_id.clone();
            *counts.entry(id).or_default() += 1;
        }
        counts
    }
}
