//! A circuit with its history: the breaker, the change that led to its state, and who may force it.
//!
//! A change that nobody asked for holds at once and is recorded afterwards; one that somebody
//! asked for is recorded first. When the two cross, the last word in the journal has to be what
//! holds.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::circuit::{CircuitChanged, CircuitName, CircuitState, Forced};
use crate::domain::moment::{Moment, StampOrigin};
use crate::domain::timestamp::Timestamp;

use super::breaker::{Breaker, BreakerPolicy, Transition};

/// The circuit of one destination, as it is shown and recorded.
pub struct Circuit {
    /// Whose it is.
    pub name: CircuitName,
    /// What decides; whoever counts attempts asks it directly.
    pub breaker: Breaker,
    policy: BreakerPolicy,
    /// The change that led to the present state, if it ever changed.
    latest: Option<Arc<CircuitChanged>>,
    /// How many forced changes are on their way to the journal.
    forcing: u32,
    /// Meanwhile the circuit changed by itself.
    overtaken: bool,
}

/// What somebody forced a circuit into.
#[derive(Clone, PartialEq, Debug)]
pub struct ForcedSince {
    /// As the journal has it, with who wanted it and for how long.
    pub changed: Arc<CircuitChanged>,
    /// When that was by the hub's own clock.
    pub since: Timestamp,
}

/// What a forced change came to.
pub struct Applied {
    /// `None`: it was in this state already.
    pub transition: Option<Transition>,
    /// To be recorded, because the journal's last word is another.
    pub again: Option<Arc<CircuitChanged>>,
}

impl Circuit {
    /// Closed, and never changed.
    pub fn new(name: CircuitName, policy: BreakerPolicy) -> Self {
        Self {
            name,
            breaker: Breaker::new(policy),
            policy,
            latest: None,
            forcing: 0,
            overtaken: false,
        }
    }

    /// The circuit changed by itself, `now` by the system's clock; gives what is to be recorded.
    pub fn changed(
        &mut self,
        transition: Transition,
        last_error: Option<&str>,
        now: Timestamp,
    ) -> Arc<CircuitChanged> {
        let changed = Arc::new(CircuitChanged {
            circuit: self.name.clone(),
            at: now,
            from: transition.from,
            to: transition.to,
            reason: transition.cause.words(last_error),
            forced: None,
        });
        self.overtaken = self.forcing > 0;
        self.latest = Some(changed.clone());
        changed
    }

    /// Somebody wants it in this state; gives what is to be recorded first, and then
    /// [`Circuit::apply`]d.
    pub fn force(
        &mut self,
        to: CircuitState,
        reason: String,
        forced: Forced,
        now: Timestamp,
    ) -> Arc<CircuitChanged> {
        self.forcing += 1;
        Arc::new(CircuitChanged {
            circuit: self.name.clone(),
            at: now,
            from: self.breaker.state(),
            to,
            reason,
            forced: Some(forced),
        })
    }

    /// That somebody forces it is in the journal now.
    pub fn apply(&mut self, changed: Arc<CircuitChanged>, now: impl Into<Moment>) -> Applied {
        let now = now.into();
        let from = self.breaker.state();
        let since = now.of(changed.at, StampOrigin::News).hub;
        let left = self.left(&changed, since, now.hub);
        let transition = self.breaker.force(changed.to, Some(left), now.hub);
        self.forcing -= 1;
        let is_overtaken = self.forcing == 0 && std::mem::take(&mut self.overtaken);
        let again = is_overtaken.then(|| {
            Arc::new(CircuitChanged {
                from,
                ..(*changed).clone()
            })
        });
        self.latest = Some(changed);
        Applied { transition, again }
    }

    /// Begins in the state that somebody forced an earlier one of this name into. Nothing is to be
    /// recorded, since the journal has it; CLOSED is how a circuit begins anyway.
    pub fn resume(&mut self, forced: ForcedSince, now: Timestamp) {
        let ForcedSince { changed, since } = forced;
        if changed.to != CircuitState::Closed {
            let left = self.left(&changed, since, now);
            self.breaker.force(changed.to, Some(left), now);
        }
        self.latest = Some(changed);
    }

    /// What led to the present state; `None`: it never changed.
    pub fn latest(&self) -> Option<&CircuitChanged> {
        self.latest.as_deref()
    }

    /// How long it stays open when it is opened as it was last.
    pub fn reset_timeout(&self) -> Duration {
        let latest = self.latest.as_deref();
        latest.map_or(self.policy.reset_timeout, |changed| {
            self.reset_timeout_of(changed)
        })
    }

    fn reset_timeout_of(&self, changed: &CircuitChanged) -> Duration {
        let forced = changed.forced.as_ref().and_then(Forced::reset_timeout);
        forced.unwrap_or(self.policy.reset_timeout)
    }

    /// The same as seen now: counted from when it was forced, so that a restart changes nothing.
    fn left(&self, changed: &CircuitChanged, since: Timestamp, now: Timestamp) -> Duration {
        since.plus(self.reset_timeout_of(changed)).since(now)
    }
}
