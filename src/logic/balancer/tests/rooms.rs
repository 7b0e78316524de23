//! Room by type of message.

use super::*;

/// Type, room, and whether it parks.
type Room = (String, u32, bool);

fn rooms(balancer: &Balancer, has_puller: bool) -> Vec<Room> {
    let rooms = balancer.rooms(has_puller, NOW).map(|room| {
        let kind = room.kind.map_or("*".to_owned(), |kind| kind.to_string());
        (kind, room.room, room.parks)
    });
    rooms.collect()
}

fn room(kind: &str, room: u32, parks: bool) -> Room {
    (kind.to_owned(), room, parks)
}

#[test]
fn there_is_room_by_type_where_instances_differ() {
    let unhealthy = Target {
        health: Health::Unhealthy,
        ..taking(&["c"], 3)
    };
    let cases: [(&[Target], &[Room]); 4] = [
        (&[target(0)], &[]),
        (
            &[taking(&["b", "a"], 0)],
            &[
                room("a", 10, false),
                room("b", 10, false),
                room("*", 0, true),
            ],
        ),
        (
            &[taking(&["a"], 0), taking(&[], 1), taking(&["a"], 2)],
            &[room("a", 30, false), room("*", 10, false)],
        ),
        (&[unhealthy], &[room("c", 0, true), room("*", 0, true)]),
    ];
    for (targets, expected) in cases {
        let balancer = balancer(Strategy::RoundRobin, targets);
        assert_eq!(rooms(&balancer, false), expected);
        assert!(rooms(&balancer, true).iter().all(|(_, _, parks)| !parks));
    }
}

#[test]
fn room_that_others_took_is_no_room() {
    let mut balancer = balancer(Strategy::RoundRobin, &[taking(&["a"], 0), taking(&[], 1)]);
    let ask = |kind| Ask {
        kind: Some(kind),
        exclude: &[],
    };
    let (a, other) = (label("a"), label("other"));
    for _ in 0..8 {
        let index = balancer.pick(&ask(&a), NOW, 0.0).unwrap();
        balancer.started(index, &ask(&a));
    }
    assert_eq!(
        rooms(&balancer, false),
        [room("a", 20, false), room("*", 6, false)]
    );
    for _ in 0..6 {
        assert_eq!(balancer.pick(&ask(&other), NOW, 0.0), Some(1));
        balancer.started(1, &ask(&other));
    }
    assert_eq!(balancer.pick(&ask(&other), NOW, 0.0), None);
    assert_eq!(
        rooms(&balancer, false),
        [room("a", 14, false), room("*", 6, false)]
    );
    balancer.finished(&target(1), &a, FINE, NOW);
    assert_eq!(
        rooms(&balancer, false),
        [room("a", 14, false), room("*", 7, false)]
    );
}

#[test]
fn what_is_under_way_is_counted_by_type_once_types_matter() {
    let mut balancer = Balancer::new(Strategy::RoundRobin);
    let under_way = [label("a"), label("x"), label("y")];
    let targets = [taking(&["a"], 0), taking(&[], 1)];
    balancer.set_targets(targets.into(), under_way.iter());
    let counts: Vec<_> = balancer.kinds.iter().map(|kind| kind.under_way).collect();
    assert_eq!(counts, [1, 2]);
}
