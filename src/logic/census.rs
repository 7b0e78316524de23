//! How much there is in the archive.

use std::collections::BTreeMap;

use crate::domain::message::State;

/// How large an archive is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Messages in whatever state, those the hub still owes among them.
    pub messages: u64,
    /// Those of them that are over and were not delivered.
    pub failed: BTreeMap<State, u64>,
    /// Events that retention has left.
    pub events: u64,
    /// Dead letters of subscriptions.
    pub dead_events: u64,
    /// What it takes on disk, as the database says; 0 where it cannot be said.
    pub bytes: u64,
}

impl Census {
    /// Messages by state; there `Queued` stands for all that the hub still owes, `open` in number.
    /// No index counts those: each message would enter it and leave it.
    pub fn by_state(&self, open: u64) -> BTreeMap<State, u64> {
        let count = |state| self.failed.get(&state).copied().unwrap_or(0);
        let others = self.messages.saturating_sub(self.failed.values().sum());
        let open = open.min(others);
        ARCHIVED_STATES
            .into_iter()
            .map(|state| match state {
                State::Queued => (state, open),
                State::Delivered => (state, others - open),
                _ => (state, count(state)),
            })
            .collect()
    }
}

/// The states in which the archive has messages.
const ARCHIVED_STATES: [State; 5] = [
    State::Queued,
    State::Delivered,
    State::Dead,
    State::Expired,
    State::Cancelled,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_fail_and_is_not_owed_was_delivered() {
        let census = Census {
            messages: 10,
            failed: BTreeMap::from([(State::Dead, 2), (State::Cancelled, 1)]),
            ..Census::default()
        };
        let counted = |open| Vec::from_iter(census.by_state(open).into_values());
        assert_eq!(counted(3), [3, 4, 2, 0, 1]);
        // More are owed than the archive has heard of.
        assert_eq!(counted(30), [7, 0, 2, 0, 1]);
    }
}
