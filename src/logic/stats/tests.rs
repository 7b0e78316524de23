use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn sample(accepted: f64, parked: f64) -> Sample {
    Sample {
        accepted: Some(accepted),
        parked: Some(parked),
        ..Sample::default()
    }
}

/// One sample every ten seconds from this second on.
fn ring(from: i64, values: &[f64]) -> StatsRing {
    let mut ring = StatsRing::default();
    for (n, value) in values.iter().enumerate() {
        ring.push(&sample(*value, *value), at(from + 10 * n as i64));
    }
    ring
}

fn accepted(part: &StatsPart) -> Vec<Option<f32>> {
    part.series.accepted.clone()
}

#[test]
fn samples_are_told_as_they_were_taken() {
    let ring = ring(1000, &[1.0, 2.5, 0.1]);
    let part = ring.since(at(0), 1);
    assert_eq!(part.from, at(1000));
    assert_eq!(accepted(&part), [Some(1.0), Some(2.5), Some(0.1)]);
    assert_eq!(part.series.dead, [None, None, None]);
    let part = ring.since(at(1015), 1);
    assert_eq!(
        (part.from, accepted(&part)),
        (at(1010), vec![Some(2.5), Some(0.1)])
    );
    let later = ring.since(at(5000), 1);
    assert_eq!((later.from, accepted(&later)), (at(1030), vec![]));
}

#[test]
fn what_was_missed_is_unknown_and_what_comes_twice_is_told_once() {
    let mut ring = ring(1000, &[1.0]);
    ring.push(&sample(2.0, 2.0), at(1005));
    ring.push(&sample(3.0, 3.0), at(1031));
    let part = ring.since(at(1000), 1);
    assert_eq!(accepted(&part), [Some(1.0), None, None, Some(3.0)]);
}

#[test]
fn a_coarser_step_averages_rates_and_takes_the_last_of_what_is_so_now() {
    let ring = ring(1020, &[1.0, 2.0, 3.0, 6.0, 10.0]);
    let part = ring.since(at(0), 6);
    assert_eq!(part.from, at(1020));
    assert_eq!(part.series.accepted, [Some(4.4)]);
    assert_eq!(part.series.parked, [Some(10.0)]);
}

#[test]
fn steps_begin_at_multiples_of_their_length_whenever_the_ring_does() {
    let ring = ring(1060, &[4.0, 6.0, 1.0, 3.0]);
    let part = ring.since(at(0), 6);
    assert_eq!(part.from, at(1020));
    assert_eq!(part.series.accepted, [Some(5.0), Some(2.0)]);
    let part = ring.since(at(1085), 6);
    assert_eq!((part.from, accepted(&part)), (at(1080), vec![Some(2.0)]));
}

#[test]
fn a_day_is_kept_however_long_nobody_took_samples() {
    let mut ring = ring(0, &[1.0; MOST_SAMPLES + 5]);
    assert_eq!(ring.rows.len(), MOST_SAMPLES);
    assert_eq!(ring.since(at(0), 1).from, at(50));
    ring.push(&sample(9.0, 9.0), at(1 << 40));
    assert_eq!(ring.rows.len(), MOST_SAMPLES);
    let part = ring.since(at(0), 1);
    assert_eq!(accepted(&part).iter().flatten().count(), 1);
}

#[test]
fn nothing_is_told_of_an_empty_ring() {
    let part = StatsRing::default().since(at(0), 6);
    assert!(part.series.accepted.is_empty());
}
