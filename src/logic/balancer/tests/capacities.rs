//! Capacity by type of message.

use super::*;

/// Type, capacity, and whether it parks.
type ByType = (String, u32, bool);

fn capacities(balancer: &mut Balancer, has_puller: bool) -> Vec<ByType> {
    let capacities = balancer.capacities(has_puller, NOW);
    let capacities = capacities.iter().map(|capacity| {
        let types: Vec<_> = capacity.types.iter().map(MessageType::as_str).collect();
        let types = if types.is_empty() {
            "*".to_owned()
        } else {
            types.join(" ")
        };
        (types, capacity.capacity, capacity.parks)
    });
    capacities.collect()
}

fn capacity(message_type: &str, capacity: u32, parks: bool) -> ByType {
    (message_type.to_owned(), capacity, parks)
}

#[test]
fn there_is_room_by_type_where_instances_differ() {
    let unhealthy = Target {
        health: Health::Unhealthy,
        ..taking(&["c"], 3)
    };
    let cases: [(&[Target], &[ByType]); 4] = [
        (&[target(0)], &[]),
        (
            &[taking(&["b", "a"], 0)],
            &[capacity("a b", 10, false), capacity("*", 0, true)],
        ),
        (
            &[taking(&["a"], 0), taking(&[], 1), taking(&["a"], 2)],
            &[capacity("a", 30, false), capacity("*", 10, false)],
        ),
        (
            &[unhealthy],
            &[capacity("c", 0, true), capacity("*", 0, true)],
        ),
    ];
    for (targets, expected) in cases {
        let mut balancer = balancer(Strategy::RoundRobin, targets);
        assert_eq!(capacities(&mut balancer, false), expected);
        assert!(
            capacities(&mut balancer, true)
                .iter()
                .all(|(_, _, parks)| !parks)
        );
    }
}

#[test]
fn room_that_others_took_is_no_room() {
    let mut balancer = balancer(Strategy::RoundRobin, &[taking(&["a"], 0), taking(&[], 1)]);
    let request = |message_type| PickRequest {
        message_type: Some(message_type),
        exclude: &[],
    };
    let (a, other) = (label("a"), label("other"));
    for _ in 0..8 {
        let index = balancer.pick(&request(&a), NOW, 0.0).unwrap();
        balancer.started(index, &request(&a));
    }
    assert_eq!(
        capacities(&mut balancer, false),
        [capacity("a", 20, false), capacity("*", 6, false)]
    );
    for _ in 0..6 {
        assert_eq!(balancer.pick(&request(&other), NOW, 0.0), Some(1));
        balancer.started(1, &request(&other));
    }
    assert_eq!(balancer.pick(&request(&other), NOW, 0.0), None);
    assert_eq!(
        capacities(&mut balancer, false),
        [capacity("a", 14, false), capacity("*", 6, false)]
    );
    balancer.finished(&target(1), &a, FINE, NOW);
    assert_eq!(
        capacities(&mut balancer, false),
        [capacity("a", 14, false), capacity("*", 7, false)]
    );
}

#[test]
fn what_is_under_way_is_counted_by_type_once_types_matter() {
    let mut balancer = Balancer::new(Strategy::RoundRobin);
    let under_way = [label("a"), label("x"), label("y")];
    let targets = [taking(&["a"], 0), taking(&[], 1)];
    balancer.set_targets(targets.into(), under_way.iter());
    assert_eq!(balancer.types.under_way(), [1, 2]);
}

/// `count` instances, each of which takes the types numbered from `first(instance)` on.
fn specialists(count: usize, first: impl Fn(usize) -> usize) -> Vec<Target> {
    let names =
        |first: usize| (first..first + 100).map(|message_type| format!("type-{message_type:05}"));
    let mut targets = Vec::new();
    for instance in 0..count {
        let names: Vec<_> = names(first(instance)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        targets.push(taking(&names, instance));
    }
    targets
}

#[test]
fn types_with_the_same_takers_are_one_class_in_a_fixed_order() {
    let mut same = balancer(Strategy::RoundRobin, &specialists(40, |_| 0));
    assert_eq!(same.capacities(false, NOW).len(), 1 + 1);
    let mut distinct = balancer(
        Strategy::RoundRobin,
        &specialists(40, |instance| instance * 100),
    );
    let capacities = distinct.capacities(false, NOW);
    let sizes: Vec<_> = capacities
        .iter()
        .map(|capacity| capacity.types.len())
        .collect();
    assert_eq!(sizes, [vec![100; 40], vec![0]].concat());
    assert!(capacities[..40].is_sorted_by(|a, b| a.types < b.types));
    // Neighbours share half of their types.
    let mut shared = balancer(
        Strategy::RoundRobin,
        &specialists(40, |instance| instance * 50),
    );
    assert_eq!(shared.capacities(false, NOW).len(), 41 + 1);
}

#[test]
fn an_attempt_has_only_the_classes_of_its_instance_computed_anew() {
    let mut balancer = balancer(
        Strategy::RoundRobin,
        &specialists(10, |instance| instance * 100),
    );
    let before = balancer.capacities(false, NOW);
    assert!(Arc::ptr_eq(&before, &balancer.capacities(false, NOW)));
    let message_type = label("type-00305");
    let request = PickRequest {
        message_type: Some(&message_type),
        exclude: &[],
    };
    assert_eq!(balancer.pick(&request, NOW, 0.0), Some(3));
    balancer.started(3, &request);
    assert_eq!(balancer.types.take_stale(false), [3]);
    let target = balancer.targets()[3].clone();
    balancer.finished(&target, &message_type, FINE, NOW);
    assert_eq!(balancer.types.take_stale(false), [3]);
    assert_eq!(balancer.types.take_stale(true).len(), 11);
}

#[test]
fn lists_of_types_that_stay_are_the_same_ones() {
    let mut balancer = balancer(
        Strategy::RoundRobin,
        &specialists(3, |instance| instance * 100),
    );
    let before = balancer.capacities(false, NOW);
    set(&mut balancer, &specialists(2, |instance| instance * 100));
    let after = balancer.capacities(false, NOW);
    for (before, after) in before.iter().zip(&after[..2]) {
        assert!(Arc::ptr_eq(&before.types, &after.types));
    }
}
