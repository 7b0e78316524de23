//! Instances that are new, or come back.

use super::*;

#[test]
fn who_moves_begins_anew_and_what_is_under_way_stays_where_it_was() {
    let mut balancer = balancer(Strategy::RoundRobin, &[target(0)]);
    let moved = || {
        let mut moved = target(0);
        Arc::make_mut(&mut moved.address).url = "http://localhost:2".to_owned();
        moved
    };
    for _ in 0..3 {
        send(&mut balancer);
    }
    set(&mut balancer, &[moved()]);
    assert!(balancer.has_moved(&target(0)) && !balancer.has_moved(&moved()));
    assert_eq!(in_flight(&balancer, 0), 0);
    send(&mut balancer);
    finish(&mut balancer, 0, AttemptEnding::Failed);
    assert_eq!(
        (in_flight(&balancer, 0), balancer.departed[0].1.in_flight),
        (1, 2)
    );
    assert_eq!(balancer.score(0, NOW), 1.0, "it failed somewhere else");
    set(&mut balancer, &[target(0)]);
    assert_eq!(in_flight(&balancer, 0), 2, "back where it was");
}

#[test]
fn who_comes_back_begins_with_one_message_and_doubles() {
    let mut balancer = balancer(Strategy::RoundRobin, &[is(Health::Unhealthy, 0)]);
    assert_eq!((balancer.capacity(NOW), send(&mut balancer)), (0, None));
    set(&mut balancer, &[is(Health::Degraded, 0)]);
    for window in [1, 2, 4, 8] {
        assert_eq!(balancer.capacity(NOW), window);
        for _ in 0..window {
            assert_eq!(send(&mut balancer), Some(0));
        }
        assert_eq!(send(&mut balancer), None, "not more than {window}");
        finish(&mut balancer, 0, AttemptEnding::Failed);
        send(&mut balancer);
        for _ in 0..window {
            finish(&mut balancer, 0, FINE);
        }
    }
    set(&mut balancer, &[is(Health::Healthy, 0)]);
    assert_eq!(
        balancer.capacity(NOW),
        16,
        "better, but not back from anywhere"
    );
}

#[test]
fn who_is_new_begins_slowly_only_beside_others_that_have_served() {
    let mut balancer = balancer(Strategy::RoundRobin, &[target(0)]);
    set(&mut balancer, &[target(0), target(1)]);
    assert_eq!(balancer.capacity(NOW), 2000, "nobody has served");
    exchange(&mut balancer, FINE);
    set(&mut balancer, &[target(0), target(1), target(2)]);
    assert_eq!(balancer.capacity(NOW), 2001);
    set(&mut balancer, &[target(3)]);
    assert_eq!(balancer.capacity(NOW), 1000, "nobody else is there");
}
