use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use Health::{Degraded, Healthy, Unhealthy, Unknown};
use proptest::prelude::*;

/// A sign without its details.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Good,
    Bad,
    DeliveryGood,
    DeliveryFailed,
    Beat,
    Silence,
    Again,
}
use Kind::{Again, Bad, Beat, DeliveryFailed, DeliveryGood, Good, Silence};

const KINDS: [Kind; 7] = [
    Good,
    Bad,
    DeliveryGood,
    DeliveryFailed,
    Beat,
    Silence,
    Again,
];

fn sign(kind: Kind) -> Sign {
    match kind {
        Good => Sign::ProbeGood,
        Bad => Sign::ProbeBad("503".to_owned()),
        DeliveryGood => Sign::DeliveryGood,
        DeliveryFailed => Sign::DeliveryFailed,
        Beat => Sign::Heartbeat,
        Silence => Sign::Silence(Duration::from_secs(12)),
        Again => Sign::Registered,
    }
}

/// Signs come so far apart that no failed delivery throws suspicion on the next one.
fn show(tracker: &mut HealthTracker, kind: Kind) -> Option<HealthChange> {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let seconds = SECONDS.fetch_add(1, Ordering::Relaxed);
    tracker.on(&sign(kind), at(seconds * 1000))
}

fn at(millis: u64) -> Timestamp {
    Timestamp::default().plus(Duration::from_millis(millis))
}

#[test]
fn deliveries_redeem_no_sooner_than_a_second_after_one_failed() {
    let mut tracker = HealthTracker::resume(Thresholds::default(), Healthy);
    tracker.on(&Sign::DeliveryFailed, at(0));
    for millis in [1, 2, 999] {
        assert_eq!(tracker.on(&Sign::DeliveryGood, at(millis)), None);
    }
    assert_eq!(tracker.health(), Degraded);
    tracker.on(&Sign::DeliveryGood, at(1000));
    tracker.on(&Sign::DeliveryGood, at(1001));
    assert_eq!(tracker.health(), Healthy);
    // What a probe says does not wait.
    tracker.on(&Sign::DeliveryFailed, at(2000));
    tracker.on(&Sign::ProbeGood, at(2001));
    tracker.on(&Sign::ProbeGood, at(2002));
    assert_eq!(tracker.health(), Healthy);
}

#[test]
fn each_sign_changes_each_health_as_the_contract_says() {
    // From, then what it becomes by each sign in the order of `KINDS`, seen once.
    let table = [
        (
            Unknown,
            [
                Healthy, Degraded, Healthy, Degraded, Healthy, Unhealthy, Unknown,
            ],
        ),
        (
            Healthy,
            [
                Healthy, Degraded, Healthy, Degraded, Healthy, Unhealthy, Healthy,
            ],
        ),
        (
            Degraded,
            [
                Degraded, Degraded, Degraded, Degraded, Degraded, Unhealthy, Unknown,
            ],
        ),
        (
            Unhealthy,
            [
                Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unknown,
            ],
        ),
    ];
    for (from, row) in table {
        for (kind, to) in KINDS.into_iter().zip(row) {
            let mut tracker = HealthTracker::resume(Thresholds::default(), from);
            let change = show(&mut tracker, kind);
            assert_eq!(tracker.health(), to, "{from:?} by {kind:?}");
            assert_eq!(change, (from != to).then_some(HealthChange { from, to }));
        }
    }
}

#[test]
fn signs_in_a_row_change_what_one_cannot() {
    let cases: [(&[Kind], Health); 30] = [
        (&[], Unknown),
        (&[Good], Healthy),
        (&[DeliveryGood], Healthy),
        (&[Bad], Degraded),
        (&[Bad, Bad, Bad], Unhealthy),
        (&[DeliveryFailed], Degraded),
        (&[Good, Bad], Degraded),
        (&[Good, Bad, Good], Degraded),
        (&[Good, Bad, Good, Good], Healthy),
        (&[Good, Bad, Bad, Good, Bad], Degraded),
        (&[Good, Bad, Bad, Bad], Unhealthy),
        (&[Bad, Bad, Bad, Good], Unhealthy),
        (&[Bad, Bad, Bad, Good, DeliveryGood], Healthy),
        (&[Bad, Bad, Bad, Good, DeliveryFailed, Good], Unhealthy),
        (&[Good, DeliveryFailed, DeliveryFailed, Bad, Bad], Degraded),
        (&[Good, DeliveryFailed, Good, Good], Healthy),
        (&[Bad, Bad, DeliveryGood, Bad], Degraded),
        (&[Silence, Beat], Unhealthy),
        (&[Silence, Beat, Beat], Healthy),
        (&[Silence, Good, Good, DeliveryGood], Unhealthy),
        (&[Silence, Good, Good, Beat], Unhealthy),
        (&[Silence, Beat, Good], Healthy),
        (&[Beat, Silence, Again], Unknown),
        (&[Bad, Bad, Bad, Silence, Again], Unhealthy),
        (&[Silence, Again, DeliveryGood], Healthy),
        (&[Good, DeliveryFailed, Again], Unknown),
        (&[Good, Bad, DeliveryFailed, Again], Degraded),
        (&[Good, Bad, Beat, Beat, Bad, Beat, Bad], Unhealthy),
        (&[Good, Bad, Beat, Good, Beat], Healthy),
        (&[Bad, Silence, Beat, Beat, Good, Good], Healthy),
    ];
    for (kinds, expected) in cases {
        let mut tracker = HealthTracker::new(Thresholds::default());
        for kind in kinds {
            show(&mut tracker, *kind);
        }
        assert_eq!(tracker.health(), expected, "{kinds:?}");
    }
}

#[test]
fn reports_a_change_once() {
    let mut tracker = HealthTracker::new(Thresholds::default());
    let change = |from, to| Some(HealthChange { from, to });
    assert_eq!(show(&mut tracker, Good), change(Unknown, Healthy));
    assert_eq!(show(&mut tracker, Good), None);
    assert_eq!(show(&mut tracker, Bad), change(Healthy, Degraded));
    assert_eq!(show(&mut tracker, Bad), None);
    assert_eq!(show(&mut tracker, Bad), change(Degraded, Unhealthy));
    assert_eq!(show(&mut tracker, Bad), None);
    assert_eq!(show(&mut tracker, Silence), None);
}

#[test]
fn causes_are_told_in_words() {
    let causes = KINDS.map(|kind| sign(kind).to_string());
    assert_eq!(causes[1], "health check failed: 503");
    assert_eq!(causes[5], "no heartbeat for 12 s");
    let half = Sign::Silence(Duration::from_millis(500));
    assert_eq!(half.to_string(), "no heartbeat for 0.5 s");
}

#[test]
fn probes_spread_over_a_tenth_of_the_interval() {
    let interval = Duration::from_secs(30);
    let millis = |random| probe_delay(interval, random).as_millis();
    assert_eq!([0.0, 0.5, 1.0].map(millis), [28_500, 30_000, 31_500]);
}

#[test]
fn first_probes_spread_over_a_second() {
    let millis = |random| first_probe_delay(random).as_millis();
    assert_eq!([0.0, 0.25, 1.0].map(millis), [0, 250, 1000]);
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.to_vec())
}

fn ends_with(kinds: &[Kind], count: usize, of: &[Kind]) -> bool {
    kinds.len() >= count && kinds[kinds.len() - count..].iter().all(|k| of.contains(k))
}

/// Whether a heartbeat is owed after these.
fn owes_heartbeat(kinds: &[Kind]) -> bool {
    let last = kinds
        .iter()
        .rev()
        .find(|kind| [Silence, Beat, Again].contains(kind));
    last == Some(&Silence)
}

/// Whether the last word of probes and deliveries was a bad probe, so that heartbeats mean little.
fn is_disputed(kinds: &[Kind]) -> bool {
    let last = kinds
        .iter()
        .rev()
        .find(|kind| [Good, DeliveryGood, Bad].contains(kind));
    last == Some(&Bad)
}

proptest! {
    #[test]
    fn keeps_its_rules(kinds in prop::collection::vec(kind(), 1..60)) {
        let mut tracker = HealthTracker::new(Thresholds::default());
        for (index, kind) in kinds.iter().enumerate() {
            let before = tracker.health();
            let change = show(&mut tracker, *kind);
            let after = tracker.health();
            let change_seen = (before != after).then_some(HealthChange { from: before, to: after });
            prop_assert_eq!(change, change_seen);

            let so_far = &kinds[..=index];
            let good = [Good, DeliveryGood, Beat];
            if owes_heartbeat(so_far) {
                prop_assert_eq!(after, Unhealthy);
            } else if ends_with(so_far, 2, &good) {
                let before_both = &so_far[..index - 1];
                let first = &so_far[..index];
                let first_counts = *first.last().unwrap() == Beat || !owes_heartbeat(first);
                if first_counts && !is_disputed(before_both) {
                    prop_assert_eq!(after, Healthy);
                }
            }
            if ends_with(so_far, 3, &[Bad]) {
                prop_assert_eq!(after, Unhealthy);
            }
            if after == Unhealthy && before != Unhealthy {
                prop_assert!([Bad, Silence].contains(kind));
            }
            if after == Healthy && before != Healthy {
                prop_assert!(good.contains(kind));
            }
            if after == Unknown {
                prop_assert!(before == Unknown || *kind == Again);
            }
        }
    }

    #[test]
    fn deliveries_alone_never_make_unhealthy(good in prop::collection::vec(any::<bool>(), 0..60)) {
        let mut tracker = HealthTracker::new(Thresholds::default());
        for good in good {
            show(&mut tracker, if good { DeliveryGood } else { DeliveryFailed });
            prop_assert_ne!(tracker.health(), Unhealthy);
        }
    }
}
