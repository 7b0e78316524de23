mod beginners;
mod capacities;
mod properties;

use super::*;
use crate::domain::service::Address;
use std::time::Duration;

const NOW: Timestamp = Timestamp::MAX;
const ANY: PickRequest<'static> = PickRequest {
    message_type: None,
    exclude: &[],
};
/// A good answer.
const FINE: AttemptEnding = AttemptEnding::Answered(Duration::from_millis(5));

fn id(name: usize) -> InstanceId {
    InstanceId::parse(&name.to_string()).unwrap()
}

fn label(text: &str) -> MessageType {
    MessageType::parse(text).unwrap()
}

/// Healthy, of weight 1, taking a thousand messages of any type at once.
fn target(name: usize) -> Target {
    Target {
        instance_id: id(name),
        address: Arc::new(Address {
            url: "http://localhost:1".to_owned(),
            message_endpoint: "/messages".to_owned(),
        }),
        max_in_flight: 1000,
        health: Health::Healthy,
        is_checked: true,
        weight: 1,
        capabilities: Arc::new([]),
    }
}

fn is(health: Health, name: usize) -> Target {
    Target {
        health,
        ..target(name)
    }
}

fn weighing(weight: u32, name: usize) -> Target {
    Target {
        weight,
        ..target(name)
    }
}

fn taking(types: &[&str], name: usize) -> Target {
    Target {
        capabilities: types
            .iter()
            .map(|message_type| label(message_type))
            .collect(),
        max_in_flight: 10,
        ..target(name)
    }
}

fn set(balancer: &mut Balancer, targets: &[Target]) {
    balancer.set_targets(targets.into(), std::iter::empty());
}

fn balancer(strategy: Strategy, targets: &[Target]) -> Balancer {
    let mut balancer = Balancer::new(strategy);
    set(&mut balancer, targets);
    balancer
}

/// Picks and starts, as a delivery does.
fn send(balancer: &mut Balancer) -> Option<usize> {
    let index = balancer.pick(&ANY, NOW, 0.0)?;
    balancer.started(index, &ANY);
    Some(index)
}

/// As [`send`], with an answer at once.
fn exchange(balancer: &mut Balancer, ending: AttemptEnding) -> Option<usize> {
    let index = send(balancer)?;
    let instance = balancer.targets()[index].clone();
    balancer.finished(&instance, &label("any"), ending, NOW);
    Some(index)
}

fn finish(balancer: &mut Balancer, name: usize, ending: AttemptEnding) {
    balancer.finished(&target(name), &label("any"), ending, NOW);
}

fn in_flight(balancer: &Balancer, name: usize) -> u32 {
    let index = position(balancer.targets(), &id(name)).unwrap();
    balancer.records[index].in_flight
}

#[test]
fn each_strategy_chooses_in_its_way() {
    use Strategy::{HealthAware, LeastConnections, RoundRobin, Weighted};
    let healths = [
        is(Health::Healthy, 0),
        is(Health::Unhealthy, 1),
        is(Health::Degraded, 2),
        is(Health::Unknown, 3),
    ];
    let weights = [weighing(5, 0), weighing(1, 1), weighing(1, 2)];
    let idle_last = [weighing(1, 0), weighing(1, 1), weighing(0, 2)];
    let cases: [(&str, Strategy, &[Target], &[usize]); 8] = [
        ("in turn", RoundRobin, &healths, &[0, 2, 3, 0, 2, 3]),
        (
            "ties in turn",
            LeastConnections,
            &healths,
            &[0, 2, 3, 0, 2, 3],
        ),
        ("as nginx", Weighted, &weights, &[0, 0, 1, 0, 2, 0, 0, 0]),
        (
            "degraded ones last",
            HealthAware,
            &healths,
            &[0, 3, 0, 3, 0],
        ),
        (
            "fewest per weight",
            HealthAware,
            &weights,
            &[0, 1, 2, 0, 0, 0, 0, 1, 2],
        ),
        ("weight 0 last", RoundRobin, &idle_last, &[0, 1, 0, 1]),
        ("weight 0 last", HealthAware, &idle_last, &[0, 1, 0, 1]),
        ("weight 0 last", Weighted, &idle_last, &[0, 1, 0, 1]),
    ];
    for (name, strategy, targets, expected) in cases {
        let mut balancer = balancer(strategy, targets);
        let picks = expected.iter().map(|_| send(&mut balancer).unwrap());
        let picks: Vec<_> = picks.collect();
        assert_eq!(picks, expected, "{strategy:?}: {name}");
    }
}

#[test]
fn random_goes_by_the_number_it_is_given() {
    let targets = [
        target(0),
        is(Health::Unhealthy, 1),
        target(2),
        weighing(0, 3),
        target(4),
    ];
    let balancer = balancer(Strategy::Random, &targets);
    for (random, expected) in [
        (0.0, 0),
        (0.33, 0),
        (0.34, 2),
        (0.66, 2),
        (0.67, 4),
        (0.999, 4),
    ] {
        assert_eq!(balancer.pick(&ANY, NOW, random), Some(expected), "{random}");
    }
}

#[test]
fn least_connections_prefers_the_idle() {
    let mut balancer = balancer(
        Strategy::LeastConnections,
        &[target(0), target(1), target(2)],
    );
    for _ in 0..6 {
        send(&mut balancer);
    }
    finish(&mut balancer, 1, FINE);
    assert_eq!(send(&mut balancer), Some(1));
    assert_eq!(send(&mut balancer), Some(2));
}

#[test]
fn health_aware_leaves_out_who_fails_until_time_has_passed() {
    let mut balancer = balancer(Strategy::HealthAware, &[target(0), target(1)]);
    let second = |second: i64| Timestamp::from_millis(1_780_000_000_000 + second * 1000);
    let failing = balancer.targets()[0].clone();
    for _ in 0..12 {
        balancer.started(0, &ANY);
        balancer.finished(&failing, &label("any"), AttemptEnding::Failed, second(0));
    }
    for (after, expected) in [(0, 1), (30, 1), (45, 1), (50, 0)] {
        // Its turn, if it only were well enough.
        balancer.turn = 0;
        assert_eq!(
            balancer.pick(&ANY, second(after), 0.0),
            Some(expected),
            "{after} s"
        );
    }
}

#[test]
fn one_failure_does_not_exclude_who_can_redeem_itself_by_deliveries_alone() {
    for (is_checked, turns) in [(true, [1, 1, 1]), (false, [0, 1, 0])] {
        let degraded = Target {
            is_checked,
            ..is(Health::Degraded, 0)
        };
        let mut balancer = balancer(Strategy::HealthAware, &[degraded, target(1)]);
        balancer.started(0, &ANY);
        finish(&mut balancer, 0, AttemptEnding::Failed);
        balancer.turn = 0;
        let taken = turns.map(|_| exchange(&mut balancer, FINE));
        assert_eq!(taken, turns.map(Some), "checked: {is_checked}");
    }
}

#[test]
fn health_aware_takes_the_best_when_none_does_well() {
    let mut balancer = balancer(
        Strategy::HealthAware,
        &[is(Health::Degraded, 0), is(Health::Degraded, 1)],
    );
    assert_eq!(exchange(&mut balancer, AttemptEnding::Failed), Some(0));
    for _ in 0..3 {
        assert_eq!(exchange(&mut balancer, FINE), Some(1));
    }
    finish(&mut balancer, 0, FINE);
    for _ in 0..9 {
        balancer.started(1, &ANY);
        finish(&mut balancer, 1, AttemptEnding::Failed);
    }
    assert_eq!(exchange(&mut balancer, FINE), Some(0));
}

#[test]
fn health_aware_waits_for_who_does_well_rather_than_ask_who_fails() {
    let small = |name| Target {
        max_in_flight: 2,
        ..target(name)
    };
    let mut balancer = balancer(Strategy::HealthAware, &[small(0), small(1)]);
    for _ in 0..4 {
        balancer.started(0, &ANY);
        finish(&mut balancer, 0, AttemptEnding::Failed);
    }
    assert_eq!(balancer.capacity(NOW), 2);
    assert_eq!([send(&mut balancer), send(&mut balancer)], [Some(1); 2]);
    assert_eq!(send(&mut balancer), None);
    assert!(balancer.is_only_full(&ANY, NOW));
    set(&mut balancer, &[small(0)]);
    assert_eq!(balancer.capacity(NOW), 2, "nobody else is left");
    assert_eq!(send(&mut balancer), Some(0));
    assert!(!balancer.is_only_full(&ANY, NOW));
}

#[test]
fn the_reserve_is_for_when_nobody_else_is_there_not_for_what_is_too_much() {
    let small = |health| Target {
        max_in_flight: 1,
        ..is(health, 0)
    };
    let mail = |weight, name| Target {
        weight,
        ..taking(&["mail"], name)
    };
    for strategy in Strategy::ALL {
        let mut balancer = balancer(strategy, &[small(Health::Healthy), weighing(0, 1)]);
        assert_eq!(balancer.capacity(NOW), 1, "{strategy:?}");
        assert_eq!([send(&mut balancer), send(&mut balancer)], [Some(0), None]);
        set(&mut balancer, &[small(Health::Unhealthy), weighing(0, 1)]);
        assert_eq!(
            (balancer.capacity(NOW), send(&mut balancer)),
            (1000, Some(1))
        );
        set(&mut balancer, &[mail(1, 2), mail(0, 3)]);
        assert_eq!(balancer.capacity(NOW), 10, "{strategy:?}");
        set(&mut balancer, &[mail(1, 2), weighing(0, 4)]);
        assert_eq!(balancer.capacity(NOW), 1010, "only 4 takes the rest");
    }
}

#[test]
fn the_excluded_are_passed_over() {
    for strategy in Strategy::ALL {
        let balancer = balancer(strategy, &[target(0), target(1), weighing(0, 2)]);
        let pick = |exclude: &[InstanceId]| {
            let request = PickRequest {
                message_type: None,
                exclude,
            };
            balancer.pick(&request, NOW, 0.0)
        };
        assert_eq!(pick(&[id(0)]), Some(1), "{strategy:?}");
        assert_eq!(pick(&[id(1), id(0)]), Some(2), "{strategy:?}");
        assert_eq!(pick(&[id(1), id(0), id(2)]), None, "{strategy:?}");
    }
}

#[test]
fn a_pick_that_comes_to_nothing_takes_no_turn() {
    for strategy in Strategy::ALL {
        let mut balancer = balancer(strategy, &[target(0), weighing(2, 1), target(2)]);
        for _ in 0..20 {
            let first = balancer.pick(&ANY, NOW, 0.5);
            assert_eq!(balancer.pick(&ANY, NOW, 0.5), first, "{strategy:?}");
            balancer.started(first.unwrap(), &ANY);
        }
    }
}

#[test]
fn a_turn_without_an_attempt_passes_it_on_and_counts_nothing() {
    for strategy in Strategy::ALL {
        let mut balancer = balancer(strategy, &[target(0), target(1)]);
        let random = |turn: usize| turn as f64 / 2.0;
        for turn in [0, 1, 0, 1] {
            let next = balancer.next(&ANY, NOW, random(turn));
            assert_eq!(next, Some(turn), "{strategy:?}");
        }
        assert_eq!(in_flight(&balancer, 0) + in_flight(&balancer, 1), 0);
    }
}

#[test]
fn who_only_asks_moves_no_message_elsewhere() {
    for strategy in Strategy::ALL {
        let targets = [target(0), weighing(3, 1), target(2)];
        let (mut alone, mut asked) = (balancer(strategy, &targets), balancer(strategy, &targets));
        for number in 0..30 {
            for _ in 0..number % 3 {
                asked.next(&ANY, NOW, 0.5);
            }
            assert_eq!(send(&mut alone), send(&mut asked), "{strategy:?} {number}");
        }
    }
}

#[test]
fn a_change_of_strategy_keeps_the_counts() {
    let mut balancer = balancer(Strategy::RoundRobin, &[target(0), target(1)]);
    for _ in 0..3 {
        send(&mut balancer);
    }
    balancer.set_strategy(Strategy::LeastConnections);
    assert_eq!((in_flight(&balancer, 0), in_flight(&balancer, 1)), (2, 1));
    assert_eq!(send(&mut balancer), Some(1));
}

#[test]
fn the_turn_stays_where_it_is_when_instances_come_and_go() {
    let mut balancer = balancer(Strategy::RoundRobin, &[target(1), target(2), target(3)]);
    send(&mut balancer);
    set(&mut balancer, &[target(0), target(1), target(2), target(3)]);
    assert_eq!(send(&mut balancer), Some(2), "still the turn of 2");
    set(&mut balancer, &[target(0), target(1)]);
    assert_eq!(send(&mut balancer), Some(0), "3 is gone, 0 is next");
    set(&mut balancer, &[]);
    assert_eq!(send(&mut balancer), None);
}

#[test]
fn what_departed_is_forgotten_when_nothing_is_in_flight() {
    let mut balancer = balancer(Strategy::RoundRobin, &[target(0), target(1), target(2)]);
    for _ in 0..4 {
        send(&mut balancer);
    }
    finish(&mut balancer, 2, FINE);
    set(&mut balancer, &[target(1)]);
    assert_eq!(balancer.departed.len(), 1, "2 had nothing in flight");
    finish(&mut balancer, 0, FINE);
    set(&mut balancer, &[target(0), target(1)]);
    assert_eq!(in_flight(&balancer, 0), 1, "it came back in time");
    set(&mut balancer, &[target(1)]);
    finish(&mut balancer, 0, FINE);
    assert!(balancer.departed.is_empty());
    finish(&mut balancer, 0, FINE);
}

#[test]
fn capacity_leaves_out_the_unhealthy() {
    let targets = [
        is(Health::Healthy, 0),
        is(Health::Degraded, 1),
        is(Health::Unknown, 2),
        is(Health::Unhealthy, 3),
    ];
    assert_eq!(balancer(Strategy::Random, &targets).capacity(NOW), 3000);
    let huge = Target {
        max_in_flight: u32::MAX,
        ..target(0)
    };
    let balancer = balancer(Strategy::Random, &[huge, target(1)]);
    assert_eq!(balancer.capacity(NOW), u32::MAX);
}
