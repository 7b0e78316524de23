mod forced;
mod properties;
mod ramp;

use super::*;
use CircuitState::{Closed, HalfOpen, Open};

const FULL: u32 = 100;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// The states a change led from and to.
fn states(transition: Option<Transition>) -> Option<(CircuitState, CircuitState)> {
    transition.map(|Transition { from, to, .. }| (from, to))
}

fn closed() -> Breaker {
    Breaker::new(BreakerPolicy::default())
}

/// Something was taken.
fn proven() -> Breaker {
    let mut breaker = closed();
    succeed(&mut breaker, 0);
    breaker
}

/// Opened at second 0, so open until second 60.
fn open() -> Breaker {
    let mut breaker = closed();
    for _ in 0..5 {
        fail(&mut breaker, 0);
    }
    breaker
}

/// Half open since second 60.
fn half_open() -> Breaker {
    let mut breaker = open();
    breaker.tick(at(60));
    breaker
}

/// Closed again since second 60, by two good trials.
fn recovering() -> Breaker {
    let mut breaker = half_open();
    succeed(&mut breaker, 60);
    succeed(&mut breaker, 60);
    breaker
}

fn fail(breaker: &mut Breaker, second: i64) -> Option<Transition> {
    let ticket = breaker.on_start(at(second)).unwrap();
    breaker.on_failure(ticket, at(second))
}

fn succeed(breaker: &mut Breaker, second: i64) -> Option<Transition> {
    let ticket = breaker.on_start(at(second)).unwrap();
    breaker.on_success(ticket, at(second))
}

fn reject(breaker: &mut Breaker, second: i64) -> Option<Transition> {
    let ticket = breaker.on_start(at(second)).unwrap();
    breaker.on_rejected(ticket, Rejection::Message, at(second))
}

fn misdirect(breaker: &mut Breaker, second: i64) -> Option<Transition> {
    let ticket = breaker.on_start(at(second)).unwrap();
    breaker.on_rejected(ticket, Rejection::Address, at(second))
}

#[test]
fn states_have_wire_names() {
    for state in [Closed, Open, HalfOpen] {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(json, format!("\"{}\"", state.name()));
    }
}

#[test]
fn each_state_has_its_window_and_tick() {
    let mut on_trial = half_open();
    on_trial.on_start(at(61));
    let cases = [
        (closed(), Closed, 20, None),
        (proven(), Closed, FULL, None),
        (open(), Open, 0, Some(at(60))),
        (half_open(), HalfOpen, 1, None),
        (on_trial, HalfOpen, 1, Some(at(91))),
        (recovering(), Closed, 1, None),
    ];
    for (breaker, state, window, next_tick) in cases {
        assert_eq!(breaker.state(), state);
        assert_eq!(breaker.window(FULL), window, "{breaker:?}");
        assert_eq!(breaker.next_tick(), next_tick, "{breaker:?}");
        assert_eq!(breaker.window(0), 0, "{breaker:?}");
    }
}

/// What happens to a circuit, and what change it leads to.
type Case = (&'static str, Breaker, Event, Option<Change>);
type Event = fn(&mut Breaker) -> Option<Transition>;
type Change = (CircuitState, CircuitState, Cause);

#[track_caller]
fn each_leads_there(cases: impl IntoIterator<Item = Case>) {
    for (name, mut breaker, event, expected) in cases {
        let expected = expected.map(|(from, to, cause)| Transition { from, to, cause });
        assert_eq!(event(&mut breaker), expected, "{name}");
    }
}

#[test]
fn a_closed_circuit_is_led_where_the_contract_says() {
    let cases: [Case; 8] = [
        ("closed, success", closed(), |b| succeed(b, 0), None),
        ("closed, one failure", closed(), |b| fail(b, 0), None),
        (
            "closed, fifth failure",
            closed(),
            |b| (0..5).find_map(|second| fail(b, second)),
            Some((Closed, Open, Cause::FailuresInRow(5))),
        ),
        (
            "closed, nineteen rejections",
            closed(),
            |b| (0..19).find_map(|second| reject(b, second)),
            None,
        ),
        (
            "closed, twentieth rejection, failures among them",
            closed(),
            |b| (0..20).find_map(|second| fail(b, second).or_else(|| reject(b, second))),
            Some((
                Closed,
                Open,
                Cause::FailureRate(AttemptCounts {
                    finished: 20,
                    failed: 10,
                }),
            )),
        ),
        (
            "closed, twentieth rejection",
            proven(),
            |b| (0..20).find_map(|second| reject(b, second)),
            Some((Closed, Open, Cause::RejectionsInRow(20))),
        ),
        (
            "closed, fifth rejection that speaks of the address",
            proven(),
            |b| (0..5).find_map(|second| misdirect(b, second)),
            Some((Closed, Open, Cause::FailuresInRow(5))),
        ),
        ("closed, tick", closed(), |b| b.tick(at(9999)), None),
    ];
    each_leads_there(cases);
}

#[test]
fn an_open_circuit_is_led_where_the_contract_says() {
    let cases: [Case; 2] = [
        ("open, early tick", open(), |b| b.tick(at(59)), None),
        (
            "open, due tick",
            open(),
            |b| b.tick(at(60)),
            Some((Open, HalfOpen, Cause::ResetTimeoutOver)),
        ),
    ];
    each_leads_there(cases);
}

#[test]
fn a_half_open_circuit_is_led_where_the_contract_says() {
    let cases: [Case; 9] = [
        (
            "half open, rejected trial",
            half_open(),
            |b| succeed(b, 61).or_else(|| reject(b, 62)),
            Some((HalfOpen, Open, Cause::TrialRejected)),
        ),
        (
            "half open, trial at a wrong address",
            half_open(),
            |b| misdirect(b, 61),
            Some((HalfOpen, Open, Cause::TrialFailed)),
        ),
        ("half open, idle", half_open(), |b| b.tick(at(9999)), None),
        (
            "half open, good trial",
            half_open(),
            |b| succeed(b, 61),
            None,
        ),
        (
            "half open, bad trial",
            half_open(),
            |b| fail(b, 61),
            Some((HalfOpen, Open, Cause::TrialFailed)),
        ),
        (
            "half open, two good trials",
            half_open(),
            |b| succeed(b, 61).or_else(|| succeed(b, 62)),
            Some((HalfOpen, Closed, Cause::TrialsSucceeded(2))),
        ),
        (
            "half open, good then bad trial",
            half_open(),
            |b| succeed(b, 61).or_else(|| fail(b, 62)),
            Some((HalfOpen, Open, Cause::TrialFailed)),
        ),
        (
            "half open, trial still within its time",
            half_open(),
            |b| {
                b.on_start(at(61));
                b.tick(at(90))
            },
            None,
        ),
        (
            "half open, trial without verdict",
            half_open(),
            |b| {
                b.on_start(at(61));
                b.tick(at(91))
            },
            Some((HalfOpen, Open, Cause::NoVerdict)),
        ),
    ];
    each_leads_there(cases);
}

#[test]
fn opens_after_five_failures_in_a_row() {
    let mut breaker = closed();
    for second in 1..5 {
        assert_eq!(fail(&mut breaker, second), None);
    }
    assert_eq!(states(fail(&mut breaker, 5)), Some((Closed, Open)));
    assert_eq!(breaker.failure_count(), 5);
    assert_eq!(breaker.last_failure(), Some(at(5)));
    assert_eq!(breaker.open_until(), Some(at(65)));
}

#[test]
fn any_answer_ends_a_row_of_failures() {
    type Answer = fn(&mut Breaker, i64) -> Option<Transition>;
    let answers: [Answer; 2] = [succeed, reject];
    for answer in answers {
        let mut breaker = closed();
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(fail(&mut breaker, 0), None);
            }
            assert_eq!(answer(&mut breaker, 0), None);
            assert_eq!(breaker.failure_count(), 0);
        }
    }
}

#[test]
fn opens_when_half_of_at_least_twenty_attempts_within_a_minute_failed() {
    /// The second it ends, and whether it fails.
    type Attempt = (i64, bool);
    /// Finished and failed.
    type Expected = Option<(u32, u32)>;
    let mixed = |count: i64| (0..count).map(|n| (0, n % 2 == 0));
    let cases: [(&str, Vec<Attempt>, Expected); 6] = [
        ("too few", mixed(19).collect(), None),
        ("the twentieth is good", mixed(20).collect(), Some((20, 10))),
        (
            "the twentieth fails",
            mixed(19)
                .map(|(at, bad)| (at, !bad))
                .chain([(0, true)])
                .collect(),
            Some((20, 10)),
        ),
        (
            "not quite half",
            [(0, false); 2].into_iter().chain(mixed(57)).collect(),
            None,
        ),
        (
            "some are too old",
            mixed(10)
                .chain(mixed(10).map(|(_, bad)| (60, bad)))
                .collect(),
            None,
        ),
        (
            "all are young enough",
            mixed(10)
                .chain(mixed(10).map(|(_, bad)| (59, bad)))
                .collect(),
            Some((20, 10)),
        ),
    ];
    for (name, attempts, expected) in cases {
        let mut breaker = closed();
        let transition = attempts.into_iter().find_map(|(second, failed)| {
            let attempt = if failed { fail } else { succeed };
            attempt(&mut breaker, second)
        });
        let expected = expected.map(|(finished, failed)| Transition {
            from: Closed,
            to: Open,
            cause: Cause::FailureRate(AttemptCounts { finished, failed }),
        });
        assert_eq!(transition, expected, "{name}");
    }
}

#[test]
fn a_success_ends_a_row_of_rejections() {
    let mut breaker = closed();
    for second in 0..10 {
        for _ in 0..19 {
            assert_eq!(reject(&mut breaker, second), None);
        }
        assert_eq!(succeed(&mut breaker, second), None);
    }
}

#[test]
fn rejections_open_nothing_if_that_is_wanted() {
    let mut breaker = Breaker::new(BreakerPolicy {
        rejection_threshold: 0,
        ..BreakerPolicy::default()
    });
    for _ in 0..1000 {
        assert_eq!(reject(&mut breaker, 0), None);
    }
    assert_eq!(breaker.window(FULL), FULL);
}

#[test]
fn no_more_is_risked_than_may_be_lost() {
    for mut breaker in [closed(), proven()] {
        for left in (1..20).rev() {
            reject(&mut breaker, 1);
            assert_eq!(breaker.window(FULL), left);
            assert_eq!(
                breaker.room(FULL, FULL, || 20 - left),
                left.saturating_sub(20 - left)
            );
        }
        succeed(&mut breaker, 1);
        assert_eq!(breaker.window(FULL), FULL);
    }
    // However many there are: with all of them rejected no more is lost than the threshold.
    let mut breaker = closed();
    let (mut tickets, mut lost) = (Vec::new(), 0);
    loop {
        let in_flight = tickets.len() as u32;
        for _ in 0..breaker.room(FULL, FULL - in_flight, || in_flight) {
            tickets.extend(breaker.on_start(at(0)));
        }
        let Some(ticket) = tickets.pop() else {
            break;
        };
        breaker.on_rejected(ticket, Rejection::Message, at(0));
        lost += 1;
    }
    assert_eq!((breaker.state(), lost), (Open, 20));
}

#[test]
fn the_minute_begins_anew_when_the_circuit_closes() {
    let mut breaker = closed();
    for second in 0..19 {
        let attempt = if second % 2 == 0 { fail } else { succeed };
        attempt(&mut breaker, second);
    }
    assert_eq!(breaker.recent(at(19)).finished, 19);
    breaker.force(Closed, None, at(19));
    assert_eq!(breaker.recent(at(19)), AttemptCounts::default());
    assert_eq!(breaker.failure_count(), 0);
    assert_eq!(fail(&mut breaker, 19), None);
}

#[test]
fn an_abandoned_attempt_is_neither_good_nor_bad() {
    let mut breaker = closed();
    for _ in 0..4 {
        fail(&mut breaker, 0);
    }
    let ticket = breaker.on_start(at(0)).unwrap();
    breaker.on_abandoned(ticket);
    assert_eq!(breaker.failure_count(), 4);
    assert_eq!(states(fail(&mut breaker, 0)), Some((Closed, Open)));
}

#[test]
fn an_abandoned_trial_makes_room_for_the_next() {
    let mut breaker = half_open();
    let first = breaker.on_start(at(61)).unwrap();
    assert_eq!(breaker.on_start(at(61)), None);
    breaker.on_abandoned(first);
    assert_eq!(breaker.next_tick(), None);
    let second = breaker.on_start(at(80)).unwrap();
    assert_eq!(breaker.on_failure(first, at(81)), None);
    assert_eq!(breaker.on_success(second, at(81)), None);
    assert_eq!(states(succeed(&mut breaker, 82)), Some((HalfOpen, Closed)));
}

#[test]
fn stragglers_change_nothing() {
    let mut breaker = closed();
    let straggler = breaker.on_start(at(0)).unwrap();
    for _ in 0..5 {
        fail(&mut breaker, 0);
    }
    let check = |breaker: &mut Breaker| {
        let before = format!("{breaker:?}");
        assert_eq!(breaker.on_success(straggler, at(62)), None);
        let message = Rejection::Message;
        assert_eq!(breaker.on_rejected(straggler, message, at(62)), None);
        assert_eq!(breaker.on_failure(straggler, at(62)), None);
        breaker.on_abandoned(straggler);
        assert_eq!(format!("{breaker:?}"), before);
    };
    check(&mut breaker);
    breaker.tick(at(60));
    check(&mut breaker);
    let trial = breaker.on_start(at(61)).unwrap();
    check(&mut breaker);
    breaker.on_success(trial, at(62));
    check(&mut breaker);
    succeed(&mut breaker, 63);
    assert_eq!(breaker.state(), Closed);
    check(&mut breaker);
}

#[test]
fn one_verdict_counts_once_per_trial() {
    let mut breaker = half_open();
    let trial = breaker.on_start(at(61)).unwrap();
    assert_eq!(breaker.on_success(trial, at(62)), None);
    assert_eq!(breaker.on_success(trial, at(62)), None);
    assert_eq!(breaker.on_failure(trial, at(62)), None);
    assert_eq!(breaker.state(), HalfOpen);
}
