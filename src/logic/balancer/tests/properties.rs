//! What holds whatever happens.

use super::*;
use proptest::prelude::{Strategy as Generator, any, prop, prop_assert, prop_assert_eq, proptest};

const KINDS: [&str; 3] = ["a", "b", "c"];

fn any_strategy() -> impl Generator<Value = Strategy> {
    prop::sample::select(Strategy::ALL.to_vec())
}

fn any_health() -> impl Generator<Value = Health> {
    prop::sample::select(vec![
        Health::Unknown,
        Health::Healthy,
        Health::Degraded,
        Health::Unhealthy,
    ])
}

fn any_targets() -> impl Generator<Value = Vec<Target>> {
    let types = prop::sample::subsequence(KINDS.to_vec(), 0..=2);
    let target = (any_health(), 0u32..4, 0u32..4, types);
    prop::collection::vec(target, 0..6).prop_map(|targets| {
        let targets = targets.into_iter().enumerate();
        let make =
            |(name, (health, max_in_flight, weight, types)): (_, (_, _, _, Vec<_>))| Target {
                health,
                max_in_flight,
                weight,
                ..taking(&types, name)
            };
        targets.map(make).collect()
    })
}

/// What happens between two picks.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    Ends(usize, bool),
    Targets(Vec<Target>),
    Strategy(Strategy),
}

fn any_event() -> impl Generator<Value = Event> {
    proptest::prop_oneof![
        4 => proptest::prelude::Just(Event::Nothing),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, good)| Event::Ends(which, good)),
        1 => any_targets().prop_map(Event::Targets),
        1 => any_strategy().prop_map(Event::Strategy),
    ]
}

/// A balancer, and a plain list of what is in flight with whom.
struct Play {
    balancer: Balancer,
    under_way: Vec<(InstanceId, MessageType)>,
}

impl Play {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Nothing => {}
            Event::Ends(_, _) if self.under_way.is_empty() => {}
            Event::Ends(which, good) => {
                let (instance, message_type) =
                    self.under_way.swap_remove(which % self.under_way.len());
                let ending = if good { FINE } else { AttemptEnding::Failed };
                let instance = Target {
                    instance_id: instance,
                    ..target(0)
                };
                self.balancer
                    .finished(&instance, &message_type, ending, NOW);
            }
            Event::Targets(targets) => {
                let types = self.under_way.iter().map(|(_, message_type)| message_type);
                self.balancer.set_targets(targets.into(), types);
            }
            Event::Strategy(strategy) => self.balancer.set_strategy(strategy),
        }
    }

    fn check(&self) {
        let place = |id: &InstanceId| Target {
            instance_id: id.clone(),
            ..target(0)
        };
        let places: Vec<_> = self.under_way.iter().map(|(id, _)| place(id)).collect();
        let types = self.under_way.iter().map(|(_, message_type)| message_type);
        self.balancer.check(places.iter().zip(types));
    }

    fn count(&self, instance: &InstanceId) -> u32 {
        let mine = self.under_way.iter().filter(|(id, _)| id == instance);
        mine.count() as u32
    }

    /// By the words of the contract.
    fn is_eligible(&self, index: usize, request: &PickRequest<'_>) -> bool {
        let target = &self.balancer.targets()[index];
        let limit = self.balancer.records[index]
            .ramp
            .limit(target.max_in_flight);
        target.health != Health::Unhealthy
            && !request.exclude.contains(&target.instance_id)
            && request
                .message_type
                .is_none_or(|message_type| target.takes(message_type))
            && self.count(&target.instance_id) < limit
    }

    /// Without those of weight 0 where one of the others takes it, full or not.
    fn without_reserve(&self, mut eligible: Vec<usize>, request: &PickRequest<'_>) -> Vec<usize> {
        let targets = self.balancer.targets();
        if self.balancer.willing(request, false).next().is_some() {
            eligible.retain(|index| targets[*index].weight > 0);
        }
        eligible
    }

    /// Without those that do badly where one of the same group does well.
    fn without_bad(&self, mut eligible: Vec<usize>, request: &PickRequest<'_>) -> Vec<usize> {
        let balancer = &self.balancer;
        eligible.retain(|index| {
            let reserve = balancer.targets()[*index].weight == 0;
            let choosy = balancer.is_choosy(balancer.willing(request, reserve), NOW);
            !choosy || balancer.does_well(*index, NOW)
        });
        eligible
    }
}

proptest! {
    #[test]
    fn picks_the_eligible_only_and_one_of_them_if_there_is_one(
        strategy in any_strategy(),
        targets in any_targets(),
        steps in prop::collection::vec(
            (any_event(), prop::sample::select(KINDS.to_vec()), prop::option::of(0usize..6), 0.0..1.0),
            0..80,
        ),
    ) {
        let balancer = balancer(strategy, &targets);
        let mut play = Play { balancer, under_way: Vec::new() };
        for (event, message_type, excluded, random) in steps {
            play.happens(event);
            let exclude: Vec<_> = excluded.map(id).into_iter().collect();
            let message_type = label(message_type);
            let request = PickRequest { message_type: Some(&message_type), exclude: &exclude };
            let targets = play.balancer.targets().clone();
            let eligible: Vec<_> =
                (0..targets.len()).filter(|index| play.is_eligible(*index, &request)).collect();
            let eligible = play.without_bad(play.without_reserve(eligible, &request), &request);
            match play.balancer.pick(&request, NOW, random) {
                Some(index) => {
                    prop_assert!(eligible.contains(&index));
                    play.balancer.started(index, &request);
                    play.under_way.push((targets[index].instance_id.clone(), message_type));
                    prop_assert!(play.count(&targets[index].instance_id) <= targets[index].max_in_flight);
                }
                None => prop_assert!(eligible.is_empty()),
            }
            play.check();
            for target in targets.iter() {
                prop_assert_eq!(in_flight(&play.balancer, target.instance_id.as_str().parse().unwrap()), play.count(&target.instance_id));
            }
            let departed = play.balancer.departed.iter();
            prop_assert!(departed.clone().all(|(target, record)| record.in_flight == play.count(&target.instance_id) && record.in_flight > 0));
        }
    }

    #[test]
    fn who_keeps_to_the_room_is_never_turned_away(
        strategy in any_strategy(),
        targets in any_targets(),
        steps in prop::collection::vec((any_event(), prop::sample::select(KINDS.to_vec()), 0.0..1.0), 0..80),
    ) {
        let balancer = balancer(strategy, &targets);
        let mut play = Play { balancer, under_way: Vec::new() };
        for (event, message_type, random) in steps {
            play.happens(event);
            let message_type = label(message_type);
            let request = PickRequest { message_type: Some(&message_type), exclude: &[] };
            let capacities = play.balancer.capacities(false, NOW);
            let class = |message_type: &MessageType| {
                let named = capacities.iter().position(|capacity| capacity.types.contains(message_type));
                named.or_else(|| capacities.iter().position(|capacity| capacity.types.is_empty()))
            };
            let same = play.under_way.iter().filter(|(_, other)| class(other) == class(&message_type));
            let capacity = match class(&message_type) {
                Some(class) => capacities[class].capacity,
                None => play.balancer.capacity(NOW),
            };
            let picked = play.balancer.pick(&request, NOW, random);
            if (same.count() as u32) < capacity {
                prop_assert!(picked.is_some());
            }
            if let Some(index) = picked {
                play.balancer.started(index, &request);
                let instance = play.balancer.targets()[index].instance_id.clone();
                play.under_way.push((instance, message_type));
            }
        }
    }

    #[test]
    fn turns_are_fair(
        strategy in prop::sample::select(vec![Strategy::RoundRobin, Strategy::LeastConnections, Strategy::HealthAware]),
        available in prop::collection::vec(any::<bool>(), 1..8),
        picks in 0usize..100,
    ) {
        let health = |available: bool| if available { Health::Healthy } else { Health::Unhealthy };
        let targets = available.iter().enumerate();
        let targets: Vec<_> = targets.map(|(name, available)| is(health(*available), name)).collect();
        let mut balancer = balancer(strategy, &targets);
        let mut counts = vec![0; targets.len()];
        for _ in 0..picks {
            if let Some(index) = exchange(&mut balancer, FINE) {
                counts[index] += 1;
            }
        }
        let served = counts.iter().zip(&available).filter(|(_, available)| **available);
        let served: Vec<_> = served.map(|(count, _)| *count).collect();
        if let (Some(least), Some(most)) = (served.iter().min(), served.iter().max()) {
            prop_assert!(most - least <= 1, "{:?}", counts);
        }
    }

    #[test]
    fn weights_are_kept_exactly_over_a_cycle(
        weights in prop::collection::vec(1u32..10, 1..6),
        cycles in 1u32..4,
    ) {
        let targets = weights.iter().enumerate();
        let targets: Vec<_> = targets.map(|(name, weight)| weighing(*weight, name)).collect();
        let mut balancer = balancer(Strategy::Weighted, &targets);
        let mut counts = vec![0; weights.len()];
        for _ in 0..weights.iter().sum::<u32>() * cycles {
            counts[exchange(&mut balancer, FINE).unwrap()] += 1;
        }
        let expected: Vec<_> = weights.iter().map(|weight| weight * cycles).collect();
        prop_assert_eq!(counts, expected);
    }

    #[test]
    fn random_is_uniform(count in 1usize..8) {
        let targets: Vec<_> = (0..count).map(target).collect();
        let balancer = balancer(Strategy::Random, &targets);
        let mut counts = vec![0; count];
        for step in 0..count * 100 {
            let random = (step as f64 + 0.5) / (count * 100) as f64;
            counts[balancer.pick(&ANY, NOW, random).unwrap()] += 1;
        }
        prop_assert_eq!(counts, vec![100; count]);
    }

    #[test]
    fn least_connections_picks_the_least(targets in any_targets(), load in prop::collection::vec(0usize..6, 0..20)) {
        let mut balancer = balancer(Strategy::LeastConnections, &targets);
        for index in load {
            if index < targets.len() {
                balancer.started(index, &ANY);
            }
        }
        if let Some(picked) = balancer.pick(&ANY, NOW, 0.0) {
            let reserve = targets[picked].weight == 0;
            for index in balancer.eligible(&ANY, reserve) {
                prop_assert!(in_flight(&balancer, picked) <= in_flight(&balancer, index));
            }
        }
    }
}
