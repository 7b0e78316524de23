//! The circuit of one destination: keeps attempts away from a service that fails, and comes back
//! to it gently (docs/reference/services.md).
//!
//! ```text
//!      failures in a row, or half of
//!      the last minute's attempts, or
//!      rejections and no success                  reset_timeout
//!   CLOSED ────────────────────> OPEN ────────────────────────> HALF_OPEN
//!      ^                           ^ a trial fails, hangs or is    │  │
//!      │                           │ rejected                      │  │
//!      │                           └───────────────────────────────┘  │
//!      └──────────────────────────────────────────────────────────────┘
//!        enough good trials; then the window grows 1, 2, 4, … up to full
//! ```
//!
//! An operator can force it into any of the three ([`Breaker::force`]).

mod cause;
mod recent;

use std::time::Duration;

use crate::domain::circuit::CircuitState;
use crate::domain::timestamp::Timestamp;

use super::outcome::Rejection;
use super::ramp::Ramp;
pub use cause::Cause;
pub use recent::AttemptCounts;
use recent::Recent;

/// When a circuit opens and how it closes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BreakerPolicy {
    /// This many failed attempts in a row open the circuit.
    pub failure_threshold: u32,
    /// So does this part of the attempts that ended within a minute, in percent, …
    pub failure_percent: u32,
    /// … if there were at least so many.
    pub minimum_attempts: u32,
    /// So many rejections without a success among them open it as well; 0: they do not.
    pub rejection_threshold: u32,
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
            failure_percent: 50,
            minimum_attempts: 20,
            rejection_threshold: 20,
            reset_timeout: Duration::from_secs(60),
            half_open_timeout: Duration::from_secs(30),
            trials_to_close: 2,
        }
    }
}

/// A change of state, to be logged, published and counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state it left.
    pub from: CircuitState,
    /// The state it is in from now on; never the same.
    pub to: CircuitState,
    /// What brought it about.
    pub cause: Cause,
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
    /// Rejections since the last success.
    rejections: u32,
    /// Something was taken since the beginning.
    has_succeeded: bool,
    /// Attempts that ended while the circuit was closed, since it last closed.
    recent: Recent,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed(Ramp),
    Open { until: Timestamp },
    HalfOpen { trial: Option<Trial>, good: u32 },
}

impl Phase {
    /// Half open, and nothing was tried yet.
    const UNTRIED: Self = Self::HalfOpen {
        trial: None,
        good: 0,
    };
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    verdict_by: Timestamp,
}

impl Breaker {
    /// A closed circuit; its window is full after the first success.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            phase: Phase::Closed(Ramp::DONE),
            current: Ticket(0),
            failures: 0,
            last_failure: None,
            rejections: 0,
            has_succeeded: false,
            recent: Recent::new(),
        }
    }

    /// How many attempts may be in flight now, where `full` is what the destination can take
    /// at its best: 0 when open, 1 when half open, a growing part of `full` after closing, and no
    /// more than it takes to open the circuit while all that is known are rejections.
    pub fn window(&self, full: u32) -> u32 {
        match self.phase {
            Phase::Closed(ramp) => ramp.limit(full).min(self.most_to_lose()),
            Phase::Open { .. } => 0,
            Phase::HalfOpen { .. } => full.min(1),
        }
    }

    /// How many more attempts may begin, where `full` is as for [`Breaker::window`], the
    /// destination has room for `free` more, and `counted` says how many of those that began in
    /// the present state take up room there. What began before does not hold up a trial.
    pub fn room(&self, full: u32, free: u32, counted: impl FnOnce() -> u32) -> u32 {
        match self.phase {
            Phase::Closed(_) if self.window(full) == full => free,
            Phase::Closed(_) => self.window(full).saturating_sub(counted()).min(free),
            Phase::HalfOpen { trial: None, .. } => free.min(1),
            Phase::Open { .. } | Phase::HalfOpen { trial: Some(_), .. } => 0,
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
    pub fn on_success(&mut self, ticket: Ticket, now: Timestamp) -> Option<Transition> {
        if !self.is_current(ticket) {
            return None;
        }
        self.rejections = 0;
        self.has_succeeded = true;
        match &mut self.phase {
            Phase::Closed(ramp) => {
                *ramp = ramp.after_answer();
                self.failures = 0;
                self.recent.count(false, now);
                // It may be the one that makes them enough to judge by.
                self.open_by_rate(now)
            }
            Phase::HalfOpen { trial, good } => {
                *trial = None;
                *good += 1;
                self.failures = 0;
                let good = *good;
                (good >= self.policy.trials_to_close).then(|| {
                    let cause = Cause::TrialsSucceeded(good);
                    self.go_to(Phase::Closed(Ramp::START), cause)
                })
            }
            Phase::Open { .. } => None,
        }
    }

    /// The service refused the message for good (4xx). That is the message's fault, unless it speaks
    /// of the address; but when nothing else comes, what is wrong is not the messages, and each one
    /// that is tried is lost.
    pub fn on_rejected(
        &mut self,
        ticket: Ticket,
        rejection: Rejection,
        now: Timestamp,
    ) -> Option<Transition> {
        if !self.is_current(ticket) {
            return None;
        }
        self.rejections = self.rejections.saturating_add(1);
        let by_failure = match (rejection, self.phase) {
            (Rejection::Address, _) => self.on_failure(ticket, now),
            (Rejection::Message, Phase::Closed(_)) => {
                self.failures = 0;
                self.recent.count(false, now);
                self.open_by_rate(now)
            }
            (Rejection::Message, _) => None,
        };
        match self.phase {
            Phase::HalfOpen { .. } => Some(self.open(now, Cause::TrialRejected)),
            Phase::Closed(_) if self.is_rejecting() => {
                Some(self.open(now, Cause::RejectionsInRow(self.rejections)))
            }
            _ => by_failure,
        }
    }

    /// The attempt failed in a way that says the service is not well.
    pub fn on_failure(&mut self, ticket: Ticket, now: Timestamp) -> Option<Transition> {
        if !self.is_current(ticket) {
            return None;
        }
        match self.phase {
            Phase::Closed(_) => {
                self.count_failure(now);
                self.recent.count(true, now);
                if self.failures >= self.policy.failure_threshold {
                    return Some(self.open(now, Cause::FailuresInRow(self.failures)));
                }
                self.open_by_rate(now)
            }
            Phase::HalfOpen { .. } => {
                self.count_failure(now);
                Some(self.open(now, Cause::TrialFailed))
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
            return Some(self.open(now, Cause::NoVerdict));
        }
        Some(self.go_to(Phase::UNTRIED, Cause::ResetTimeoutOver))
    }

    /// Somebody wants the circuit in this state: OPEN until `reset_timeout` has passed (`None`: as
    /// long as usual), HALF_OPEN with its first trial to come, CLOSED with a window of 1 that
    /// grows. No attempt that is under way has a say any more. `None` if it was in this state
    /// already; it begins anew all the same.
    pub fn force(
        &mut self,
        state: CircuitState,
        reset_timeout: Option<Duration>,
        now: Timestamp,
    ) -> Option<Transition> {
        let phase = match state {
            CircuitState::Closed => Phase::Closed(Ramp::START),
            CircuitState::HalfOpen => Phase::UNTRIED,
            CircuitState::Open => Phase::Open {
                until: now.plus(reset_timeout.unwrap_or(self.policy.reset_timeout)),
            },
        };
        let transition = self.go_to(phase, Cause::Forced);
        (transition.from != transition.to).then_some(transition)
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

    /// The attempts of the minute before `now`, without those before the circuit last closed and
    /// without trials.
    pub fn recent(&mut self, now: Timestamp) -> AttemptCounts {
        self.recent.counts(now)
    }

    /// Until when nothing goes through; `None` unless the circuit is open.
    pub fn open_until(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open { until } => Some(until),
            _ => None,
        }
    }

    /// `under_way` are the tickets of all attempts that have no verdict.
    ///
    /// # Panics
    /// If the circuit is as its counts do not let it be, or more is under way than it admits.
    pub fn check(&self, under_way: impl Iterator<Item = Ticket>) {
        self.recent.check();
        let current = under_way.filter(|ticket| self.is_current(*ticket)).count();
        match self.phase {
            Phase::Closed(_) => {
                let most = self.policy.failure_threshold.max(1);
                assert!(self.failures < most, "{} failures open it", self.failures);
                assert!(
                    !self.is_rejecting(),
                    "{} rejections open it",
                    self.rejections
                );
            }
            Phase::Open { .. } => assert_eq!(current, 0, "nothing begins while it is open"),
            Phase::HalfOpen { trial, good } => {
                assert!(good < self.policy.trials_to_close, "{good} trials close it");
                let trials = usize::from(trial.is_some());
                assert_eq!(current, trials, "a trial is the one attempt with a say");
            }
        }
    }

    fn is_rejecting(&self) -> bool {
        let threshold = self.policy.rejection_threshold;
        threshold > 0 && self.rejections >= threshold
    }

    /// How many attempts at once may be rejected: what is under way when the circuit opens is lost
    /// as well.
    fn most_to_lose(&self) -> u32 {
        let threshold = self.policy.rejection_threshold;
        if threshold == 0 || (self.has_succeeded && self.rejections == 0) {
            return u32::MAX;
        }
        threshold.saturating_sub(self.rejections).max(1)
    }

    fn open_by_rate(&mut self, now: Timestamp) -> Option<Transition> {
        let counts = self.recent.counts(now);
        let (failed, finished) = (u64::from(counts.failed), u64::from(counts.finished));
        let is_much = failed * 100 >= finished * u64::from(self.policy.failure_percent);
        let is_enough = counts.finished >= self.policy.minimum_attempts;
        (is_much && is_enough).then(|| self.open(now, Cause::FailureRate(counts)))
    }

    /// Whether a verdict on this ticket still says something. Between two trials none does.
    pub fn is_current(&self, ticket: Ticket) -> bool {
        let between_trials = matches!(self.phase, Phase::HalfOpen { trial: None, .. });
        ticket == self.current && !between_trials
    }

    fn count_failure(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
    }

    fn open(&mut self, now: Timestamp, cause: Cause) -> Transition {
        let until = now.plus(self.policy.reset_timeout);
        self.go_to(Phase::Open { until }, cause)
    }

    fn go_to(&mut self, phase: Phase, cause: Cause) -> Transition {
        let from = self.state();
        self.phase = phase;
        self.renew_ticket();
        if let Phase::Closed(_) = phase {
            self.failures = 0;
            self.rejections = 0;
            self.recent = Recent::new();
        }
        let to = self.state();
        Transition { from, to, cause }
    }

    fn renew_ticket(&mut self) {
        self.current = Ticket(self.current.0.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests;
