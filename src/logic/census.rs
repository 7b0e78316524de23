//! How much there is in the archive.

use std::collections::BTreeMap;

use crate::domain::message::State;

/// How large an archive is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// By state; there `Queued` stands for everything that is not settled.
    pub messages: BTreeMap<State, u64>,
    pub events: u64,
    /// Dead letters of subscriptions.
    pub event_letters: u64,
    pub bytes: u64,
}

/// The states in which the archive has messages.
pub const ARCHIVED_STATES: [State; 5] = [
    State::Queued,
    State::Delivered,
    State::Dead,
    State::Expired,
    State::Cancelled,
];
