use super::*;
use CircuitState::{Closed, HalfOpen, Open};
use proptest::prelude::*;

const FULL: u32 = 100;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn became(from: CircuitState, to: CircuitState) -> Option<Transition> {
    Some(Transition { from, to })
}

fn closed() -> Breaker {
    Breaker::new(BreakerPolicy::default())
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
    breaker.on_success(ticket)
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
        (closed(), Closed, FULL, None),
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

#[test]
fn each_event_leads_where_the_contract_says() {
    type Event = fn(&mut Breaker) -> Option<Transition>;
    let cases: [(&str, Breaker, Event, Option<Transition>); 12] = [
        ("closed, success", closed(), |b| succeed(b, 0), None),
        ("closed, one failure", closed(), |b| fail(b, 0), None),
        ("closed, tick", closed(), |b| b.tick(at(9999)), None),
        ("open, early tick", open(), |b| b.tick(at(59)), None),
        (
            "open, due tick",
            open(),
            |b| b.tick(at(60)),
            became(Open, HalfOpen),
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
            became(HalfOpen, Open),
        ),
        (
            "half open, two good trials",
            half_open(),
            |b| succeed(b, 61).or_else(|| succeed(b, 62)),
            became(HalfOpen, Closed),
        ),
        (
            "half open, good then bad trial",
            half_open(),
            |b| succeed(b, 61).or_else(|| fail(b, 62)),
            became(HalfOpen, Open),
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
            became(HalfOpen, Open),
        ),
    ];
    for (name, mut breaker, event, expected) in cases {
        assert_eq!(event(&mut breaker), expected, "{name}");
    }
}

#[test]
fn opens_after_five_failures_in_a_row() {
    let mut breaker = closed();
    for second in 1..5 {
        assert_eq!(fail(&mut breaker, second), None);
    }
    assert_eq!(fail(&mut breaker, 5), became(Closed, Open));
    assert_eq!(breaker.failure_count(), 5);
    assert_eq!(breaker.last_failure(), Some(at(5)));
    assert_eq!(breaker.open_until(), Some(at(65)));
}

#[test]
fn any_answer_ends_a_row_of_failures() {
    let answers: [fn(&mut Breaker, Ticket) -> Option<Transition>; 2] =
        [Breaker::on_success, Breaker::on_rejected];
    for answer in answers {
        let mut breaker = closed();
        for _ in 0..20 {
            for _ in 0..4 {
                assert_eq!(fail(&mut breaker, 0), None);
            }
            let ticket = breaker.on_start(at(0)).unwrap();
            assert_eq!(answer(&mut breaker, ticket), None);
            assert_eq!(breaker.failure_count(), 0);
        }
    }
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
    assert_eq!(fail(&mut breaker, 0), became(Closed, Open));
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
    assert_eq!(breaker.on_success(second), None);
    assert_eq!(succeed(&mut breaker, 82), became(HalfOpen, Closed));
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
        assert_eq!(breaker.on_success(straggler), None);
        assert_eq!(breaker.on_rejected(straggler), None);
        assert_eq!(breaker.on_failure(straggler, at(62)), None);
        breaker.on_abandoned(straggler);
        assert_eq!(format!("{breaker:?}"), before);
    };
    check(&mut breaker);
    breaker.tick(at(60));
    check(&mut breaker);
    let trial = breaker.on_start(at(61)).unwrap();
    check(&mut breaker);
    breaker.on_success(trial);
    check(&mut breaker);
    succeed(&mut breaker, 63);
    assert_eq!(breaker.state(), Closed);
    check(&mut breaker);
}

#[test]
fn one_verdict_counts_once_per_trial() {
    let mut breaker = half_open();
    let trial = breaker.on_start(at(61)).unwrap();
    assert_eq!(breaker.on_success(trial), None);
    assert_eq!(breaker.on_success(trial), None);
    assert_eq!(breaker.on_failure(trial, at(62)), None);
    assert_eq!(breaker.state(), HalfOpen);
}

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
        succeed(&mut breaker, 61);
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

#[derive(Clone, Debug)]
enum Step {
    Start,
    Succeed(usize),
    Reject(usize),
    Fail(usize),
    Abandon(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        1 => (0usize..50).prop_map(Step::Succeed),
        1 => (0usize..50).prop_map(Step::Reject),
        4 => (0usize..50).prop_map(Step::Fail),
        1 => (0usize..50).prop_map(Step::Abandon),
        2 => (0i64..40).prop_map(Step::Wait),
    ]
}

/// Plays steps against a breaker, keeping the tickets that have no verdict yet.
struct Play {
    breaker: Breaker,
    now: i64,
    tickets: Vec<Ticket>,
    trial: Option<Ticket>,
}

impl Play {
    fn new() -> Self {
        Self {
            breaker: closed(),
            now: 0,
            tickets: Vec::new(),
            trial: None,
        }
    }

    fn take(&mut self, index: usize) -> Option<Ticket> {
        if self.tickets.is_empty() {
            return None;
        }
        let ticket = self.tickets.swap_remove(index % self.tickets.len());
        self.trial = self.trial.filter(|trial| *trial != ticket);
        Some(ticket)
    }

    fn step(&mut self, step: &Step) -> Option<Transition> {
        let transition = self.act(step);
        if transition.is_some() {
            self.trial = None;
        }
        transition
    }

    fn act(&mut self, step: &Step) -> Option<Transition> {
        let now = at(self.now);
        match *step {
            Step::Start => {
                let ticket = self.breaker.on_start(now)?;
                self.tickets.push(ticket);
                if self.breaker.state() == HalfOpen {
                    assert_eq!(self.trial, None, "two trials at once");
                    self.trial = Some(ticket);
                }
                None
            }
            Step::Succeed(index) => {
                let ticket = self.take(index)?;
                self.breaker.on_success(ticket)
            }
            Step::Reject(index) => {
                let ticket = self.take(index)?;
                self.breaker.on_rejected(ticket)
            }
            Step::Fail(index) => {
                let ticket = self.take(index)?;
                self.breaker.on_failure(ticket, now)
            }
            Step::Abandon(index) => {
                let ticket = self.take(index)?;
                self.breaker.on_abandoned(ticket);
                None
            }
            Step::Wait(seconds) => {
                self.now += seconds;
                self.breaker.tick(at(self.now))
            }
        }
    }
}

proptest! {
    #[test]
    fn keeps_its_promises_whatever_happens(steps in prop::collection::vec(step(), 0..300)) {
        let mut play = Play::new();
        for step in steps {
            let before = play.breaker.state();
            let failures_before = play.breaker.failure_count();
            let transition = play.step(&step);
            let after = play.breaker.state();
            match transition {
                Some(transition) => {
                    prop_assert_eq!(transition, Transition { from: before, to: after });
                }
                None => prop_assert_eq!(before, after),
            }
            if before == Closed {
                let count = play.breaker.failure_count();
                prop_assert!(count <= failures_before + 1);
                prop_assert_eq!(after == Open, count == 5, "opens exactly at the threshold");
            }
            for full in [0, 1, 3, FULL] {
                prop_assert!(play.breaker.window(full) <= full);
            }
            prop_assert_eq!(play.breaker.open_until().is_some(), after == Open);
        }
    }

    #[test]
    fn is_never_stuck(steps in prop::collection::vec(step(), 0..300)) {
        let mut play = Play::new();
        for step in steps {
            play.step(&step);
        }
        let mut breaker = play.breaker;
        for round in 1..=6 {
            let now = at(play.now + round * 1000);
            breaker.tick(now);
            if let Some(ticket) = breaker.on_start(now) {
                breaker.on_success(ticket);
            }
        }
        prop_assert_eq!(breaker.state(), Closed);
    }
}
