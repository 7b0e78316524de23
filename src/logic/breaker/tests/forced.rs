//! Circuits that somebody forces.

use super::*;

#[test]
fn every_state_can_be_forced_from_every_state() {
    let soon = Some(Duration::from_secs(7));
    for from in [closed(), open(), half_open(), recovering()] {
        let to_each = [
            (Open, None, 0, Some(at(160))),
            (Open, soon, 0, Some(at(107))),
            (HalfOpen, None, 1, None),
            (Closed, soon, 1, None),
        ];
        for (to, timeout, window, next_tick) in to_each {
            let mut breaker = from.clone();
            let before = breaker.state();
            let expected = (before != to).then_some(Transition {
                from: before,
                to,
                cause: Cause::Forced,
            });
            assert_eq!(breaker.force(to, timeout, at(100)), expected);
            assert_eq!(breaker.state(), to);
            assert_eq!(breaker.window(FULL), window, "{to:?}");
            assert_eq!(breaker.next_tick(), next_tick, "{to:?}");
        }
    }
}

#[test]
fn a_forced_open_circuit_is_tried_after_its_time_and_then_lives_as_usual() {
    let mut breaker = closed();
    breaker.force(Open, Some(Duration::from_secs(7)), at(0));
    assert_eq!(breaker.tick(at(6)), None);
    assert_eq!(states(breaker.tick(at(7))), Some((Open, HalfOpen)));
    assert_eq!(states(fail(&mut breaker, 8)), Some((HalfOpen, Open)));
    assert_eq!(breaker.open_until(), Some(at(68)));
}

#[test]
fn who_forces_a_circuit_hears_nothing_of_what_was_under_way() {
    for state in CircuitState::ALL {
        let mut breaker = closed();
        let straggler = breaker.on_start(at(0)).unwrap();
        breaker.force(state, None, at(1));
        let before = format!("{breaker:?}");
        breaker.on_failure(straggler, at(2));
        breaker.on_success(straggler, at(2));
        assert_eq!(format!("{breaker:?}"), before);
    }
}
