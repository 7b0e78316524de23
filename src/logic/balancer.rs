//! Which instance of a service gets the next message (docs/reference/services.md).
//!
//! Eligible is an instance that is not unhealthy, takes messages of the type asked for, has less in
//! flight than it takes now, and is not excluded. One of weight 0 is in reserve: it is chosen only
//! if nobody else takes such a message, not if the others are merely full. An instance that is back
//! or new among others begins with one message at a time ([`Ramp`](super::ramp::Ramp)). With
//! `health_aware` one that does badly gets nothing as long as there is one that does well: a
//! message waits for room there rather than spend its attempts where they fail.

pub mod capacity;
mod invariants;
mod record;
mod targets;
mod type_shares;

use std::cmp::Reverse;
use std::sync::Arc;

use crate::domain::ids::{InstanceId, MessageType};
use crate::domain::service::{Health, Target, TypeCapacity};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use capacity::Capacity;
pub use record::AttemptEnding;
use record::Record;
use type_shares::TypeShares;

/// Whoever scores higher does well.
const WELL: f64 = 0.5;

/// Chooses among the instances of one service, and remembers how each of them does.
#[derive(Clone, Debug)]
pub struct Balancer {
    strategy: Strategy,
    targets: Arc<[Target]>,
    /// One per target, in the same order.
    records: Vec<Record>,
    /// Instances that are no target any more, or not at this address, and still have something in
    /// flight there.
    departed: Vec<(Target, Record)>,
    /// Where the search begins: after the last one that was taken.
    turn: usize,
    /// The same for who only asks whose turn it is: what is asked moves no message elsewhere.
    asked_turn: usize,
    types: TypeShares,
}

/// What an instance is wanted for.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickRequest<'a> {
    /// The message's type; `None`: any that the instance takes.
    pub message_type: Option<&'a MessageType>,
    /// Instances that must not get it, as they failed it in this attempt already.
    pub exclude: &'a [InstanceId],
}

impl Balancer {
    /// Without instances.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            targets: Arc::new([]),
            records: Vec::new(),
            departed: Vec::new(),
            turn: 0,
            asked_turn: 0,
            types: TypeShares::default(),
        }
    }

    /// Chooses differently from now on; what is known of the instances stays.
    pub fn set_strategy(&mut self, strategy: Strategy) {
        if self.strategy != strategy {
            self.strategy = strategy;
            self.forget_shares();
            self.look_again();
        }
    }

    /// Who may be chosen, healthy or not; where an index points into.
    pub fn targets(&self) -> &Arc<[Target]> {
        &self.targets
    }

    /// The index of the instance that should get the next message of this type; `random` is in
    /// 0..1. Nothing is counted and no turn is taken: that is what [`Balancer::started`] does.
    pub fn pick(&self, request: &PickRequest<'_>, now: Timestamp, random: f64) -> Option<usize> {
        self.choose(request, self.needs_reserve(request), now, random)
    }

    /// An attempt with the instance that was just picked for `ask` begins.
    pub fn started(&mut self, index: usize, request: &PickRequest<'_>) {
        self.take_turn(index, request);
        let in_flight = &mut self.records[index].in_flight;
        *in_flight = in_flight.saturating_add(1);
        self.types.touch(index);
        if let Some(message_type) = request.message_type {
            self.types.started(message_type);
        }
    }

    /// As [`Balancer::pick`] for somebody who sends to the instance itself, who thereby takes a
    /// turn among those that ask like this.
    pub fn next(
        &mut self,
        request: &PickRequest<'_>,
        now: Timestamp,
        random: f64,
    ) -> Option<usize> {
        self.swap_turns();
        let picked = self.pick(request, now, random);
        if let Some(index) = picked {
            self.take_turn(index, request);
        }
        self.swap_turns();
        picked
    }

    fn swap_turns(&mut self) {
        std::mem::swap(&mut self.turn, &mut self.asked_turn);
        for record in &mut self.records {
            std::mem::swap(&mut record.share, &mut record.asked_share);
        }
    }

    /// The instance that was just picked for `ask` had its turn.
    fn take_turn(&mut self, index: usize, request: &PickRequest<'_>) {
        if self.strategy == Strategy::Weighted {
            self.share_out(index, request);
        }
        self.turn = index + 1;
    }

    /// An attempt with this instance, as it was when the attempt began, ended with a message of
    /// this type.
    pub fn finished(
        &mut self,
        target: &Target,
        message_type: &MessageType,
        ending: AttemptEnding,
        now: Timestamp,
    ) {
        self.types.finished(message_type);
        let mut present = self.targets.iter();
        if let Some(index) = present.position(|present| present.is_same_place(target)) {
            self.types.touch(index);
            return self.records[index].finished(ending, now);
        }
        if let Some(index) = self.departed_at(target) {
            let record = &mut self.departed[index].1;
            record.finished(ending, now);
            if record.in_flight == 0 {
                self.departed.swap_remove(index);
            }
        }
    }

    /// Whether this instance is at another address now than it was.
    pub fn has_moved(&self, target: &Target) -> bool {
        let present = position(&self.targets, &target.instance_id);
        present.is_some_and(|index| !self.targets[index].is_same_place(target))
    }

    /// How many messages the instances can take at once now, the unhealthy ones not counted.
    pub fn capacity(&self, now: Timestamp) -> u32 {
        self.capacity_of_all(now).full
    }

    /// Whether this instance is there, at this address, and takes something.
    pub fn is_serving(&self, target: &Target) -> bool {
        let mut present = self.targets.iter();
        let index = present.position(|present| present.is_same_place(target));
        index.is_some_and(|index| self.limit(index) > 0)
    }

    /// The same by type of message, with what others have in flight left out; nothing if every
    /// instance takes every type. Whoever pulls takes every type. The list is the same one until
    /// something in it changes; only what something happened to is computed anew.
    pub fn capacities(&mut self, has_puller: bool, now: Timestamp) -> Arc<[TypeCapacity]> {
        for class in self.types.take_stale(has_puller) {
            let capacity = self.capacity_of(self.types.takers(class), now);
            self.types.set_capacity(class, capacity);
        }
        self.types.capacities().clone()
    }

    /// Computes all rooms anew the next time: a message was turned away, so time has changed what
    /// they were computed from.
    pub fn look_again(&mut self) {
        self.types.touch_all();
    }

    /// Whether somebody who does well would take it, if only it had room; what failed elsewhere
    /// then says nothing about the service as a whole.
    pub fn is_only_full(&self, request: &PickRequest<'_>, now: Timestamp) -> bool {
        self.is_choosy(self.willing(request, self.needs_reserve(request)), now)
    }

    fn needs_reserve(&self, request: &PickRequest<'_>) -> bool {
        self.willing(request, false).next().is_none()
    }

    /// What the instances can take now, the unhealthy ones not counted.
    pub fn capacity_of_all(&self, now: Timestamp) -> Capacity {
        if self.types.is_empty() {
            return self.capacity_of(0..self.targets.len(), now);
        }
        self.sum((0..self.targets.len()).filter(|index| self.is_called(*index)))
    }

    fn sum(&self, members: impl Iterator<Item = usize>) -> Capacity {
        let mut capacity = Capacity::default();
        for index in members {
            let limit = self.limit(index);
            let free = limit.saturating_sub(self.records[index].in_flight);
            capacity.full = capacity.full.saturating_add(limit);
            capacity.free = capacity.free.saturating_add(free);
        }
        capacity
    }

    /// How many messages this one takes at once now.
    fn limit(&self, index: usize) -> u32 {
        self.records[index].limit(&self.targets[index])
    }

    /// What these can take, by the rules of [`Balancer::pick`].
    fn capacity_of(
        &self,
        members: impl Iterator<Item = usize> + Clone,
        now: Timestamp,
    ) -> Capacity {
        let reserve = self.has_reserve_only(members.clone());
        let group = members.filter(|index| {
            (self.targets[*index].weight == 0) == reserve && self.limit(*index) > 0
        });
        let choosy = self.is_choosy(group.clone(), now);
        self.sum(group.filter(|index| !choosy || self.does_well(*index, now)))
    }

    /// Whether all of these that take something have weight 0.
    fn has_reserve_only(&self, mut members: impl Iterator<Item = usize>) -> bool {
        !members.any(|index| self.targets[index].weight > 0 && self.limit(index) > 0)
    }

    /// Whether it gets messages of some type: one of weight 0 if no other takes that type.
    fn is_called(&self, index: usize) -> bool {
        let mut classes = self.types.taken_by(index);
        self.targets[index].weight > 0
            || classes.any(|class| self.has_reserve_only(self.types.takers(class)))
    }

    fn choose(
        &self,
        request: &PickRequest<'_>,
        reserve: bool,
        now: Timestamp,
        random: f64,
    ) -> Option<usize> {
        let mut in_turn = self.in_turn(request, reserve);
        match self.strategy {
            Strategy::RoundRobin => in_turn.next(),
            Strategy::LeastConnections => {
                in_turn.min_by_key(|index| self.records[*index].in_flight)
            }
            Strategy::Weighted => self
                .eligible(request, reserve)
                .min_by_key(|index| Reverse(self.records[*index].share + self.weight(*index))),
            Strategy::Random => {
                let count = self.eligible(request, reserve).count();
                let nth = (random * count as f64) as usize;
                let mut eligible = self.eligible(request, reserve);
                eligible.nth(nth.min(count.saturating_sub(1)))
            }
            Strategy::HealthAware if self.is_choosy(self.willing(request, reserve), now) => {
                self.least_loaded(in_turn.filter(|index| self.does_well(*index, now)))
            }
            Strategy::HealthAware => self.best(in_turn, now),
        }
    }

    /// Whether only those who do well get something, because one of these does.
    fn is_choosy(&self, mut group: impl Iterator<Item = usize>, now: Timestamp) -> bool {
        self.strategy == Strategy::HealthAware && group.any(|index| self.does_well(index, now))
    }

    fn does_well(&self, index: usize, now: Timestamp) -> bool {
        self.score(index, now) > WELL
    }

    fn score(&self, index: usize, now: Timestamp) -> f64 {
        let target = &self.targets[index];
        let health = match target.health {
            // What it failed counts in its record already, and nothing but a delivery can heal it.
            Health::Degraded if !target.is_checked => Health::Unknown,
            health => health,
        };
        self.records[index].score(health, now)
    }

    /// The one with the least in flight for its weight, the first of several.
    fn least_loaded(&self, candidates: impl Iterator<Item = usize>) -> Option<usize> {
        candidates.reduce(|best, index| {
            if self.is_less_loaded(index, best) {
                index
            } else {
                best
            }
        })
    }

    /// The one with the best score; of several the least loaded.
    fn best(&self, candidates: impl Iterator<Item = usize>, now: Timestamp) -> Option<usize> {
        candidates.reduce(|best, index| {
            let (score, highest) = (self.score(index, now), self.score(best, now));
            let wins = score > highest || (score == highest && self.is_less_loaded(index, best));
            if wins { index } else { best }
        })
    }

    fn is_less_loaded(&self, index: usize, other: usize) -> bool {
        let load = |index: usize| i64::from(self.records[index].in_flight);
        load(index) * self.weight(other) < load(other) * self.weight(index)
    }

    /// At least 1: among those of weight 0 none has more weight than another.
    fn weight(&self, index: usize) -> i64 {
        i64::from(self.targets[index].weight.max(1))
    }

    /// The eligible ones, beginning with whose turn it is.
    fn in_turn(&self, request: &PickRequest<'_>, reserve: bool) -> impl Iterator<Item = usize> {
        let first = self.turn.min(self.targets.len());
        (first..self.targets.len())
            .chain(0..first)
            .filter(move |index| self.is_eligible(*index, request, reserve))
    }

    fn eligible(&self, request: &PickRequest<'_>, reserve: bool) -> impl Iterator<Item = usize> {
        (0..self.targets.len()).filter(move |index| self.is_eligible(*index, request, reserve))
    }

    /// Those that would be eligible if they had room.
    fn willing(&self, request: &PickRequest<'_>, reserve: bool) -> impl Iterator<Item = usize> {
        (0..self.targets.len()).filter(move |index| self.is_willing(*index, request, reserve))
    }

    fn is_eligible(&self, index: usize, request: &PickRequest<'_>, reserve: bool) -> bool {
        let (target, record) = (&self.targets[index], &self.records[index]);
        record.in_flight < record.limit(target) && self.is_willing(index, request, reserve)
    }

    /// `reserve`: those of weight 0 are asked for, and otherwise only the others.
    fn is_willing(&self, index: usize, request: &PickRequest<'_>, reserve: bool) -> bool {
        let (target, record) = (&self.targets[index], &self.records[index]);
        (target.weight == 0) == reserve
            && record.limit(target) > 0
            && request
                .message_type
                .is_none_or(|message_type| self.types.takes(message_type, index))
            && !request.exclude.contains(&target.instance_id)
    }

    /// Smooth weighted round robin as in nginx (`ngx_http_upstream_round_robin.c`): everybody who
    /// might have been taken gains its weight, and who was taken pays what they gained together.
    fn share_out(&mut self, index: usize, request: &PickRequest<'_>) {
        let reserve = self.targets[index].weight == 0;
        let mut total = 0;
        for other in 0..self.targets.len() {
            if self.is_eligible(other, request, reserve) {
                let weight = self.weight(other);
                self.records[other].share += weight;
                total += weight;
            }
        }
        self.records[index].share -= total;
    }

    fn forget_shares(&mut self) {
        for record in &mut self.records {
            record.share = 0;
            record.asked_share = 0;
        }
    }
}

fn position(targets: &[Target], instance: &InstanceId) -> Option<usize> {
    targets
        .iter()
        .position(|target| target.instance_id == *instance)
}

#[cfg(test)]
mod tests;
