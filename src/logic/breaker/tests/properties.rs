//! What holds whatever happens.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Start,
    Succeed(usize),
    Reject(usize),
    Fail(usize),
    Abandon(usize),
    Wait(i64),
    Force(CircuitState),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        1 => (0usize..50).prop_map(Step::Succeed),
        1 => (0usize..50).prop_map(Step::Reject),
        4 => (0usize..50).prop_map(Step::Fail),
        1 => (0usize..50).prop_map(Step::Abandon),
        2 => (0i64..40).prop_map(Step::Wait),
        1 => prop::sample::select(CircuitState::ALL.to_vec()).prop_map(Step::Force),
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
        self.breaker.check(self.tickets.iter().copied());
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
                self.breaker.on_success(ticket, now)
            }
            Step::Reject(index) => {
                let ticket = self.take(index)?;
                let address = index % 2 == 0;
                let rejection = if address {
                    Rejection::Address
                } else {
                    Rejection::Message
                };
                self.breaker.on_rejected(ticket, rejection, now)
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
            Step::Force(state) => {
                self.trial = None;
                self.breaker.force(state, None, now)
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
                Some(Transition { from, to, .. }) => prop_assert_eq!((from, to), (before, after)),
                None => prop_assert_eq!(before, after),
            }
            if before == Closed && !matches!(step, Step::Force(_)) {
                let count = play.breaker.failure_count();
                prop_assert!(count <= failures_before + 1);
                let recent = play.breaker.recent(at(play.now));
                let by_rate = recent.finished >= 20 && recent.failed * 2 >= recent.finished;
                let by_rejections = play.breaker.rejections >= 20;
                prop_assert_eq!(
                    after == Open,
                    count == 5 || by_rate || by_rejections,
                    "opens exactly at a threshold"
                );
            }
            for full in [0, 1, 3, FULL] {
                prop_assert!(play.breaker.window(full) <= full);
            }
            prop_assert_eq!(play.breaker.open_until().is_some(), after == Open);
        }
    }

    #[test]
    fn a_lost_trial_does_not_keep_it_half_open(steps in prop::collection::vec(step(), 0..100)) {
        let mut play = Play::new();
        for step in steps {
            play.step(&step);
        }
        let mut breaker = play.breaker;
        let mut now = at(play.now);
        breaker.force(HalfOpen, None, now);
        breaker.on_start(now).unwrap();
        now = now.plus(BreakerPolicy::default().half_open_timeout);
        prop_assert_eq!(states(breaker.tick(now)), Some((HalfOpen, Open)));
    }

    #[test]
    fn every_good_round_doubles_the_window(rounds in 0u32..10) {
        let mut breaker = recovering();
        for round in 0..rounds {
            for _ in 0..1 << round {
                prop_assert_eq!(breaker.window(u32::MAX), 1 << round);
                succeed(&mut breaker, 61);
            }
        }
        prop_assert_eq!(breaker.window(u32::MAX), 1 << rounds);
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
                breaker.on_success(ticket, now);
            }
        }
        prop_assert_eq!(breaker.state(), Closed);
    }
}
