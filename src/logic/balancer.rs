//! Which instance of a service gets the next message (contract, section 7).

use ahash::AHashMap;

use crate::domain::ids::InstanceId;
use crate::domain::service::{Health, Target};
use crate::domain::strategy::Strategy;

/// Chooses among the instances of one service and counts what each has in flight.
#[derive(Clone, Debug)]
pub struct Balancer {
    strategy: Strategy,
    /// Where the search begins: after the last pick.
    turn: usize,
    /// Only instances with something in flight have an entry, so departed ones leave no trace.
    in_flight: AHashMap<InstanceId, u32>,
}

impl Balancer {
    /// Nothing is in flight yet.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            turn: 0,
            in_flight: AHashMap::new(),
        }
    }

    /// The index of the instance whose turn it is: not unhealthy, not one of `exclude`, and with
    /// less in flight than it takes. Counts nothing: that is what [`Balancer::started`] does.
    pub fn pick(&mut self, targets: &[Target], exclude: &[InstanceId]) -> Option<usize> {
        let index = self.next(targets, exclude)?;
        self.turn = index + 1;
        Some(index)
    }

    /// What [`Balancer::pick`] would answer, without taking the turn.
    pub fn next(&self, targets: &[Target], exclude: &[InstanceId]) -> Option<usize> {
        let first = self.turn.min(targets.len());
        let mut best = None;
        for index in (first..targets.len()).chain(0..first) {
            let target = &targets[index];
            let in_flight = self.in_flight(&target.instance_id);
            if !is_available(target)
                || in_flight >= target.max_in_flight
                || exclude.contains(&target.instance_id)
            {
                continue;
            }
            match (self.strategy, best) {
                (Strategy::RoundRobin, _) => return Some(index),
                (_, Some((_, fewest))) if in_flight >= fewest => {}
                (_, _) => best = Some((index, in_flight)),
            }
        }
        best.map(|(index, _)| index)
    }

    /// An attempt with this instance began.
    pub fn started(&mut self, instance: &InstanceId) {
        let count = self.in_flight.entry(instance.clone()).or_default();
        *count = count.saturating_add(1);
    }

    /// An attempt with this instance ended, however it did.
    pub fn finished(&mut self, instance: &InstanceId) {
        if let Some(count) = self.in_flight.get_mut(instance) {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(instance);
            }
        }
    }

    /// How many attempts with this instance are under way.
    pub fn in_flight(&self, instance: &InstanceId) -> u32 {
        self.in_flight.get(instance).copied().unwrap_or(0)
    }
}

/// How many messages the instances can take at once, unhealthy ones not counted.
pub fn capacity(targets: &[Target]) -> u32 {
    let mut sum = 0u32;
    for target in targets.iter().filter(|target| is_available(target)) {
        sum = sum.saturating_add(target.max_in_flight);
    }
    sum
}

fn is_available(target: &Target) -> bool {
    target.health != Health::Unhealthy
}

#[cfg(test)]
mod tests {
    use super::{Balancer, Strategy, capacity, is_available};
    use crate::domain::ids::InstanceId;
    use crate::domain::service::{Address, Health, Target};
    use proptest::prelude::{
        Strategy as Generator, any, prop, prop_assert, prop_assert_eq, proptest,
    };

    const STRATEGIES: [Strategy; 2] = [Strategy::RoundRobin, Strategy::LeastConnections];

    fn target(name: usize, health: Health, max_in_flight: u32) -> Target {
        Target {
            instance_id: InstanceId::parse(&name.to_string()).unwrap(),
            address: Address {
                url: "http://localhost:1".to_owned(),
                message_endpoint: "/messages".to_owned(),
            },
            max_in_flight,
            health,
            weight: 1,
            capabilities: Default::default(),
        }
    }

    fn healthy(count: usize) -> Vec<Target> {
        (0..count)
            .map(|name| target(name, Health::Healthy, 1000))
            .collect()
    }

    /// Picks and starts, as a delivery does.
    fn send(balancer: &mut Balancer, targets: &[Target]) -> Option<usize> {
        let index = balancer.pick(targets, &[])?;
        balancer.started(&targets[index].instance_id);
        Some(index)
    }

    #[test]
    fn round_robin_passes_over_the_unhealthy_evenly() {
        let mut targets = healthy(4);
        targets[1].health = Health::Unhealthy;
        let mut balancer = Balancer::new(Strategy::RoundRobin);
        let picks: Vec<_> = (0..6).map(|_| send(&mut balancer, &targets)).collect();
        assert_eq!(picks, [0, 2, 3, 0, 2, 3].map(Some));
    }

    #[test]
    fn least_connections_prefers_the_idle_and_takes_turns() {
        let targets = healthy(3);
        let mut balancer = Balancer::new(Strategy::LeastConnections);
        let picks: Vec<_> = (0..6).map(|_| send(&mut balancer, &targets)).collect();
        assert_eq!(picks, [0, 1, 2, 0, 1, 2].map(Some));
        balancer.finished(&targets[1].instance_id);
        assert_eq!(send(&mut balancer, &targets), Some(1));
        assert_eq!(send(&mut balancer, &targets), Some(2));
    }

    #[test]
    fn a_look_at_the_next_does_not_take_the_turn() {
        let targets = healthy(3);
        for strategy in STRATEGIES {
            let mut balancer = Balancer::new(strategy);
            for _ in 0..7 {
                let next = balancer.next(&targets, &[]);
                assert_eq!(balancer.next(&targets, &[]), next);
                assert_eq!(balancer.pick(&targets, &[]), next);
            }
        }
    }

    #[test]
    fn departed_instances_leave_no_trace() {
        let targets = healthy(2);
        let mut balancer = Balancer::new(Strategy::RoundRobin);
        let (first, second) = (&targets[0].instance_id, &targets[1].instance_id);
        balancer.started(first);
        balancer.started(first);
        balancer.finished(first);
        assert_eq!(balancer.in_flight(first), 1);
        balancer.finished(first);
        balancer.finished(second);
        assert!(balancer.in_flight.is_empty());
    }

    #[test]
    fn survives_a_list_that_shrinks() {
        let mut balancer = Balancer::new(Strategy::RoundRobin);
        let targets = healthy(5);
        for _ in 0..4 {
            send(&mut balancer, &targets);
        }
        assert_eq!(balancer.pick(&targets[..2], &[]), Some(0));
        assert_eq!(balancer.pick(&[], &[]), None);
    }

    #[test]
    fn capacity_leaves_out_the_unhealthy() {
        let targets = [
            target(0, Health::Healthy, 10),
            target(1, Health::Degraded, 20),
            target(2, Health::Unknown, 40),
            target(3, Health::Unhealthy, 80),
        ];
        assert_eq!(capacity(&targets), 70);
        let huge = [
            target(0, Health::Healthy, u32::MAX),
            target(1, Health::Healthy, 1),
        ];
        assert_eq!(capacity(&huge), u32::MAX);
        assert_eq!(capacity(&[]), 0);
    }

    fn any_strategy() -> impl Generator<Value = Strategy> {
        prop::sample::select(STRATEGIES.to_vec())
    }

    fn any_targets() -> impl Generator<Value = Vec<Target>> {
        let health = prop::sample::select(vec![
            Health::Unknown,
            Health::Healthy,
            Health::Degraded,
            Health::Unhealthy,
        ]);
        prop::collection::vec((health, 0u32..4), 0..6).prop_map(|kinds| {
            let kinds = kinds.into_iter().enumerate();
            kinds
                .map(|(name, (health, max))| target(name, health, max))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn picks_the_eligible_only(
            strategy in any_strategy(),
            targets in any_targets(),
            steps in prop::collection::vec((prop::option::of(0usize..6), any::<bool>()), 0..60),
        ) {
            let mut balancer = Balancer::new(strategy);
            let mut under_way = Vec::new();
            for (excluded, finish) in steps {
                let exclude: Vec<_> = excluded
                    .and_then(|index| targets.get(index))
                    .map(|target| target.instance_id.clone())
                    .into_iter()
                    .collect();
                let eligible = |target: &Target| {
                    target.health != Health::Unhealthy
                        && !exclude.contains(&target.instance_id)
                        && balancer.in_flight(&target.instance_id) < target.max_in_flight
                };
                let expected: Vec<_> = (0..targets.len()).filter(|i| eligible(&targets[*i])).collect();
                match balancer.pick(&targets, &exclude) {
                    Some(index) => {
                        prop_assert!(expected.contains(&index));
                        balancer.started(&targets[index].instance_id);
                        under_way.push(index);
                    }
                    None => prop_assert!(expected.is_empty()),
                }
                if finish && !under_way.is_empty() {
                    balancer.finished(&targets[under_way.remove(0)].instance_id);
                }
                for (index, target) in targets.iter().enumerate() {
                    let count = under_way.iter().filter(|other| **other == index).count();
                    prop_assert_eq!(balancer.in_flight(&target.instance_id) as usize, count);
                    prop_assert!(count <= target.max_in_flight as usize);
                }
            }
        }

        #[test]
        fn round_robin_is_fair(available in prop::collection::vec(any::<bool>(), 1..8), picks in 0usize..100) {
            let mut targets = healthy(available.len());
            for (target, available) in targets.iter_mut().zip(&available) {
                target.health = if *available { Health::Degraded } else { Health::Unhealthy };
            }
            let mut balancer = Balancer::new(Strategy::RoundRobin);
            let mut counts = vec![0; targets.len()];
            for _ in 0..picks {
                if let Some(index) = balancer.pick(&targets, &[]) {
                    counts[index] += 1;
                }
            }
            let served: Vec<_> = counts.iter().zip(&available).filter(|(_, a)| **a).map(|(c, _)| *c).collect();
            if let (Some(least), Some(most)) = (served.iter().min(), served.iter().max()) {
                prop_assert!(most - least <= 1, "{:?}", counts);
            }
        }

        #[test]
        fn least_connections_picks_the_least(targets in any_targets(), load in prop::collection::vec(0usize..6, 0..20)) {
            let mut balancer = Balancer::new(Strategy::LeastConnections);
            for index in load {
                if let Some(target) = targets.get(index) {
                    balancer.started(&target.instance_id);
                }
            }
            if let Some(picked) = balancer.pick(&targets, &[]) {
                let chosen = balancer.in_flight(&targets[picked].instance_id);
                for target in targets.iter().filter(|target| is_available(target)) {
                    let in_flight = balancer.in_flight(&target.instance_id);
                    prop_assert!(chosen <= in_flight || in_flight >= target.max_in_flight);
                }
            }
        }
    }
}
