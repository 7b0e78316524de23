//! How a circuit that closed again lets more and more through.

use super::*;

#[test]
fn the_window_doubles_per_good_round_up_to_full() {
    let mut breaker = recovering();
    for window in [1, 2, 4, 8, 16, 32, 64] {
        for _ in 0..window {
            assert_eq!(breaker.window(FULL), window);
            succeed(&mut breaker, 61);
        }
    }
    assert_eq!(breaker.window(FULL), FULL);
    assert_eq!(breaker.window(u32::MAX), 128);
}

#[test]
fn a_failure_now_and_then_does_not_hold_the_window_down() {
    let mut breaker = recovering();
    for _ in 0..FULL {
        fail(&mut breaker, 61);
        for _ in 0..2 {
            succeed(&mut breaker, 61);
        }
    }
    assert_eq!(breaker.window(64), 64);
}

#[test]
fn a_circuit_that_opens_again_ramps_again() {
    let mut breaker = recovering();
    for _ in 0..7 {
        succeed(&mut breaker, 61);
    }
    assert_eq!(breaker.window(FULL), 8);
    for _ in 0..5 {
        fail(&mut breaker, 62);
    }
    breaker.tick(at(122));
    succeed(&mut breaker, 122);
    succeed(&mut breaker, 122);
    assert_eq!((breaker.state(), breaker.window(FULL)), (Closed, 1));
}
