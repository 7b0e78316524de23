//! Which instances there are, and what stays known of them when they change.

use std::sync::Arc;

use ahash::AHashMap;

use super::Balancer;
use super::record::Record;
use super::type_shares::TypeShares;
use crate::domain::ids::{InstanceId, MessageType};
use crate::domain::service::Target;
use crate::logic::ramp::Ramp;

/// Where each instance stands among the targets.
type Places<'a> = AHashMap<&'a InstanceId, usize>;

impl Balancer {
    /// The instances there are now. What is known of those that stay, stays; of those that leave
    /// their address it is forgotten as soon as nothing is in flight there. `under_way` are the
    /// types of all messages in flight.
    pub fn set_targets<'a>(
        &mut self,
        targets: Arc<[Target]>,
        under_way: impl Iterator<Item = &'a MessageType>,
    ) {
        let before = std::mem::replace(&mut self.targets, targets.clone());
        let ids = targets.iter().map(|target| &target.instance_id);
        let places: Places<'_> = ids.zip(0..).collect();
        self.keep_turn(&before, &places);
        let shares = |targets: &Arc<[Target]>, index: usize| {
            let target = targets.get(index)?;
            Some((target.instance_id.clone(), target.weight))
        };
        let longest = before.len().max(self.targets.len());
        if (0..longest).any(|index| shares(&before, index) != shares(&self.targets, index)) {
            self.forget_shares();
        }
        self.carry_over(&before, &places);
        self.types = TypeShares::of(&self.targets, under_way, &self.types);
    }

    /// The turn stays with the instance that has it, or passes to the next that is still there.
    fn keep_turn(&mut self, before: &[Target], places: &Places<'_>) {
        let kept = |turn: usize| {
            let first = turn.min(before.len());
            let mut in_turn = before[first..].iter().chain(&before[..first]);
            let next = in_turn.find_map(|target| places.get(&target.instance_id));
            next.copied().unwrap_or(0)
        };
        (self.turn, self.asked_turn) = (kept(self.turn), kept(self.asked_turn));
    }

    fn carry_over(&mut self, before: &[Target], places: &Places<'_>) {
        let records = std::mem::take(&mut self.records);
        let mut known = AHashMap::with_capacity(records.len());
        for (target, record) in before.iter().zip(records) {
            match places.get(&target.instance_id).copied() {
                Some(index) if self.targets[index].is_same_place(target) => {
                    known.insert(&target.instance_id, (target.health, record));
                }
                _ if record.in_flight > 0 => self.departed.push((target.clone(), record)),
                _ => {}
            }
        }
        let others_serve = known.values().any(|(_, record)| record.has_served);
        for target in self.targets.clone().iter() {
            let record = match known.remove(&target.instance_id) {
                Some((health, record)) => record.of_one_that_stays(health, target.health),
                None => {
                    let mut record = self.come_back(target);
                    record.ramp = if others_serve {
                        Ramp::START
                    } else {
                        Ramp::DONE
                    };
                    record
                }
            };
            self.records.push(record);
        }
    }

    /// What is known of an instance that was no target at this address.
    fn come_back(&mut self, target: &Target) -> Record {
        match self.departed_at(target) {
            Some(index) => self.departed.swap_remove(index).1,
            None => Record::default(),
        }
    }

    pub(super) fn departed_at(&self, target: &Target) -> Option<usize> {
        let mut departed = self.departed.iter();
        departed.position(|(departed, _)| departed.is_same_place(target))
    }
}
