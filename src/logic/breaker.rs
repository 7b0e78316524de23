//! The circuit of one destination: keeps attempts away from a service that fails, and comes back
//! to it gently (contract, section 7).
//!
//! ```text
//!            failures in a row               reset_timeout
//!   CLOSED ────────────────────> OPEN ────────────────────────> HALF_OPEN
//!      ^                           ^    a trial fails or hangs     │  │
//!      │                           └───────────────────────────────┘  │
//!      └──────────────────────────────────────────────────────────────┘
//!        enough good trials; then the window grows 1, 2, 4, … up to full
//! ```

use std::time::Duration;

use crate::domain::circuit::CircuitState;
use crate::domain::timestamp::Timestamp;

/// When a circuit opens and how it closes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerPolicy {
    /// This many failed attempts in a row open the circuit.
    pub failure_threshold: u32,
    /// How long it stays open before a trial.
    pub reset_timeout: Duration,
    /// How long a trial may go without a verdict.
    pub half_open_timeout: Duration,
    /// This many good trials in a row close it.
    pub trials_to_close: u32,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            reset_timeout: Duration::from_secs(60),
            half_open_timeout: Duration::from_secs(30),
            trials_to_close: 2,
        }
    }
}

/// A change of state, to be logged, published and counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    pub from: CircuitState,
    pub to: CircuitState,
}

/// Permission for one attempt, to be given back with its verdict. A verdict on an attempt that
/// started before the latest change of state says nothing about the present and is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket(u64);

/// The circuit of one destination.
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    phase: Phase,
    /// The only ticket whose verdict counts: renewed by every change of state and every trial.
    current: Ticket,
    /// Failed attempts since the last answer.
    failures: u32,
    last_failure: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed(Ramp),
    Open { until: Timestamp },
    HalfOpen { trial: Option<Trial>, good: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    verdict_by: Timestamp,
}

/// How a closed circuit grows back to its full window.
#[derive(Clone, Copy, Debug)]
struct Ramp {
    window: u32,
    /// Answers since the window last grew.
    good: u32,
}

impl Ramp {
    /// Never limits anything.
    const DONE: Self = Self {
        window: u32::MAX,
        good: 0,
    };
    const START: Self = Self { window: 1, good: 0 };

    /// n answers double a window of n. Failures in between do not start the round anew, or a
    /// service that fails now and then would never get its full window back.
    fn after_answer(self) -> Self {
        let good = self.good.saturating_add(1);
        if self.window < u32::MAX && good >= self.window {
            let window = self.window.saturating_mul(2);
            return Self { window, good: 0 };
        }
        Self { good, ..self }
    }
}

impl Breaker {
    /// A closed circuit with its full window.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            phase: Phase::Closed(Ramp::DONE),
            current: Ticket(0),
            failures: 0,
            last_failure: None,
        }
    }

    /// How many attempts may be in flight now, where `full` is what the destination can take
    /// at its best: 0 when open, 1 when half open, a growing part of `full` after closing.
    pub fn window(&self, full: u32) -> u32 {
        match self.phase {
            Phase::Closed(ramp) => ramp.window.min(full),
            Phase::Open { .. } => 0,
            Phase::HalfOpen { .. } => full.min(1),
        }
    }

    /// Admits an attempt, or does not: when open, and while a trial is under way. Counting the
    /// attempts in flight against [`Breaker::window`] is up to the caller.
    pub fn on_start(&mut self, now: Timestamp) -> Option<Ticket> {
        match &mut self.phase {
            Phase::Closed(_) => Some(self.current),
            Phase::Open { .. } | Phase::HalfOpen { trial: Some(_), .. } => None,
            Phase::HalfOpen { trial, .. } => {
                let verdict_by = now.plus(self.policy.half_open_timeout);
                *trial = Some(Trial { verdict_by });
                self.renew_ticket();
                Some(self.current)
            }
        }
    }

    /// The service took the message.
    pub fn on_success(&mut self, ticket: Ticket) -> Option<Transition> {
        self.answered(ticket)
    }

    /// The service refused the message for good (4xx). It is well enough to answer, so this is
    /// as good as a success.
    pub fn on_rejected(&mut self, ticket: Ticket) -> Option<Transition> {
        self.answered(ticket)
    }

    /// The attempt failed in a way that says the service is not well.
    pub fn on_failure(&mut self, ticket: Ticket, now: Timestamp) -> Option<Transition> {
        if !self.is_current(ticket) {
            return None;
        }
        match self.phase {
            Phase::Closed(_) => {
                self.count_failure(now);
                (self.failures >= self.policy.failure_threshold).then(|| self.open(now))
            }
            Phase::HalfOpen { .. } => {
                self.count_failure(now);
                Some(self.open(now))
            }
            Phase::Open { .. } => None,
        }
    }

    /// The attempt ended without a verdict on the service: no instance was free, or the hub is
    /// stopping. A trial makes room for the next.
    pub fn on_abandoned(&mut self, ticket: Ticket) {
        if !self.is_current(ticket) {
            return;
        }
        if let Phase::HalfOpen { trial, .. } = &mut self.phase {
            *trial = None;
        }
    }

    /// Does what is due by `now`: OPEN becomes HALF_OPEN after its timeout, and a trial without a
    /// verdict in time opens the circuit again.
    pub fn tick(&mut self, now: Timestamp) -> Option<Transition> {
        if self.next_tick().is_none_or(|due| now < due) {
            return None;
        }
        if let Phase::HalfOpen { .. } = self.phase {
            self.count_failure(now);
            return Some(self.open(now));
        }
        Some(self.go_to(Phase::HalfOpen {
            trial: None,
            good: 0,
        }))
    }

    /// When [`Breaker::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Closed(_) => None,
            Phase::Open { until } => Some(until),
            Phase::HalfOpen { trial, .. } => trial.map(|trial| trial.verdict_by),
        }
    }

    /// Where the circuit stands.
    pub fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed(_) => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Failed attempts in a row, a trial without verdict included.
    pub fn failure_count(&self) -> u32 {
        self.failures
    }

    /// When an attempt last failed.
    pub fn last_failure(&self) -> Option<Timestamp> {
        self.last_failure
    }

    /// Until when nothing goes through; `None` unless the circuit is open.
    pub fn open_until(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open { until } => Some(until),
            _ => None,
        }
    }

    fn answered(&mut self, ticket: Ticket) -> Option<Transition> {
        if !self.is_current(ticket) {
            return None;
        }
        match &mut self.phase {
            Phase::Closed(ramp) => {
                *ramp = ramp.after_answer();
                self.failures = 0;
                None
            }
            Phase::HalfOpen { trial, good } => {
                *trial = None;
                *good += 1;
                self.failures = 0;
                (*good >= self.policy.trials_to_close)
                    .then(|| self.go_to(Phase::Closed(Ramp::START)))
            }
            Phase::Open { .. } => None,
        }
    }

    /// Whether a verdict on this ticket still says something. Between two trials none does.
    fn is_current(&self, ticket: Ticket) -> bool {
        let between_trials = matches!(self.phase, Phase::HalfOpen { trial: None, .. });
        ticket == self.current && !between_trials
    }

    fn count_failure(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
    }

    fn open(&mut self, now: Timestamp) -> Transition {
        let until = now.plus(self.policy.reset_timeout);
        self.go_to(Phase::Open { until })
    }

    fn go_to(&mut self, phase: Phase) -> Transition {
        let from = self.state();
        self.phase = phase;
        self.renew_ticket();
        let to = self.state();
        Transition { from, to }
    }

    fn renew_ticket(&mut self) {
        self.current = Ticket(self.current.0.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests;
