//! Circuits as whoever has them knows them without asking: how those are that hold something back.

use std::collections::BTreeMap;

use super::circuit_view::CircuitView;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;

/// The state a circuit went into.
#[derive(Clone, PartialEq, Debug)]
pub struct CircuitStanding {
    /// Whether attempts are let through.
    pub state: CircuitState,
    /// What led to it; `None` if it never changed.
    pub reason: Option<String>,
    /// When it came to be so, by the system's clock; `None` if it never changed.
    pub since: Option<Timestamp>,
    /// When it is tried again by itself, by the hub's clock.
    pub open_until: Option<Timestamp>,
}

/// How those circuits are that are not closed.
#[derive(Default)]
pub struct NotClosed(BTreeMap<CircuitName, CircuitStanding>);

impl NotClosed {
    /// A circuit went into another state.
    pub fn turned(&mut self, circuit: CircuitName, now: CircuitStanding) {
        match now.state {
            CircuitState::Closed => self.0.remove(&circuit),
            CircuitState::Open | CircuitState::HalfOpen => self.0.insert(circuit, now),
        };
    }

    /// There is none of this name any more, or a fresh one, which begins closed.
    pub fn forget(&mut self, circuit: &CircuitName) {
        self.0.remove(circuit);
    }

    /// All of them, by name.
    pub fn summaries(&self, now: Moment) -> Vec<CircuitSummary> {
        let shown = |(name, standing): (&CircuitName, &CircuitStanding)| CircuitSummary {
            circuit: name.to_string(),
            state: standing.state,
            reason: standing.reason.clone(),
            since: standing.since,
            open_until: standing.open_until.map(|at| now.wall_time(at)),
        };
        self.0.iter().map(shown).collect()
    }

    /// Checks that each of them is there, by its name.
    pub fn check(&self, is_there: impl Fn(&CircuitName) -> bool) {
        assert!(
            self.0.keys().all(is_there),
            "who is not closed is one of those that are there"
        );
    }
}

/// A circuit that holds something back.
#[derive(Clone, PartialEq, Debug)]
pub struct CircuitSummary {
    /// The service, or `callback:` and an origin.
    pub circuit: String,
    /// Whether attempts are let through.
    pub state: CircuitState,
    /// What led to it.
    pub reason: Option<String>,
    /// When it came to be so; `None` if it never changed.
    pub since: Option<Timestamp>,
    /// When it is tried again by itself.
    pub open_until: Option<Timestamp>,
}

impl CircuitSummary {
    /// `None` if it is closed.
    pub fn of_view(view: &CircuitView) -> Option<Self> {
        (view.state != CircuitState::Closed).then(|| Self {
            circuit: view.circuit.to_string(),
            state: view.state,
            reason: view.reason.clone(),
            since: view.since,
            open_until: view.open_until,
        })
    }
}

#[cfg(test)]
impl CircuitSummary {
    /// One of which nothing is known but its state.
    pub fn of(circuit: &str, state: CircuitState) -> Self {
        Self {
            circuit: circuit.to_owned(),
            state,
            reason: None,
            since: None,
            open_until: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ServiceName;

    fn standing(state: CircuitState) -> CircuitStanding {
        CircuitStanding {
            state,
            reason: Some("5 in a row".to_owned()),
            since: Some(Timestamp::from_millis(5_000)),
            open_until: Some(Timestamp::from_millis(9_000)),
        }
    }

    #[test]
    fn who_is_closed_again_or_gone_is_not_among_those_that_hold_something_back() {
        let name = |name: &str| CircuitName::Service(ServiceName::parse(name).unwrap());
        let mut not_closed = NotClosed::default();
        for one in ["a", "b", "c"] {
            not_closed.turned(name(one), standing(CircuitState::Open));
        }
        not_closed.turned(name("a"), standing(CircuitState::Closed));
        not_closed.forget(&name("b"));
        // The system's clock is a second ahead of the hub's.
        let now = Moment {
            hub: Timestamp::from_millis(6_000),
            wall: Timestamp::from_millis(7_000),
        };
        let expected = CircuitSummary {
            reason: Some("5 in a row".to_owned()),
            since: Some(Timestamp::from_millis(5_000)),
            open_until: Some(Timestamp::from_millis(10_000)),
            ..CircuitSummary::of("c", CircuitState::Open)
        };
        assert_eq!(not_closed.summaries(now), [expected]);
        not_closed.check(|one| ["a", "c"].map(name).contains(one));
    }
}
