//! What a message waits for: a code for programs, with the times and names that the words are made of.

use serde::Serialize;

use crate::domain::timestamp::Timestamp;

/// What keeps a message from being delivered now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitCode {
    /// No instance of its destination is in rotation, and nobody asks.
    NoInstance,
    /// Instances are in rotation, but none takes its type.
    NoInstanceForType,
    /// The circuit of its destination is open.
    CircuitOpen,
    /// The circuit is half open: one message at a time is tried.
    CircuitHalfOpen,
    /// An attempt failed or consumers were lost with it, and the next attempt has its time.
    Retry,
    /// An attempt is under way, or what came of it is being written.
    Attempt,
    /// A consumer has it.
    Leased,
    /// Its `deliver_at` is still to come.
    Scheduled,
    /// The queue of its destination is paused, or all are.
    Paused,
    /// The quota of its destination lets none go now.
    Quota,
    /// Another message with its ordering key goes first.
    OrderingKey,
    /// Nothing but that instances have room, or that a consumer asks.
    Room,
}

impl WaitCode {
    /// All there are, for the description.
    pub const ALL: [Self; 12] = [
        Self::NoInstance,
        Self::NoInstanceForType,
        Self::CircuitOpen,
        Self::CircuitHalfOpen,
        Self::Retry,
        Self::Attempt,
        Self::Leased,
        Self::Scheduled,
        Self::Paused,
        Self::Quota,
        Self::OrderingKey,
        Self::Room,
    ];
}

/// Why a message has not been delivered yet.
#[derive(Clone, PartialEq, Debug)]
pub struct WaitReason {
    /// For programs.
    pub code: WaitCode,
    /// Since when that is so, by the system's clock; `None`: unknown, or without a beginning.
    pub since: Option<Timestamp>,
    /// Until when that is so at least, by the system's clock; `None`: nobody knows.
    pub until: Option<Timestamp>,
    /// How many messages go before it, counted no further than [`WaitReason::MOST_AHEAD`]; `None`:
    /// it does not stand in line.
    pub ahead: Option<usize>,
    /// What stands in its way, by name: the message or dead letter with its ordering key, the limit
    /// of the quota, its type that nobody takes, or the service that is paused, has no instance or an
    /// open circuit.
    pub subject: Option<String>,
    /// The same for people.
    pub text: String,
}

impl WaitReason {
    /// How far the messages ahead of one are counted, so that a look at many stays cheap.
    pub const MOST_AHEAD: usize = 1000;

    pub(super) fn new(code: WaitCode, text: impl Into<String>) -> Self {
        Self {
            code,
            since: None,
            until: None,
            ahead: None,
            subject: None,
            text: text.into(),
        }
    }

    pub(super) fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    pub(super) fn until(mut self, until: impl Into<Option<Timestamp>>) -> Self {
        self.until = until.into();
        self
    }

    pub(super) fn subject(mut self, subject: impl ToString) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// Says so in the words, too.
    pub(super) fn ahead(mut self, ahead: usize) -> Self {
        let turn = turn(ahead);
        self.text = match self.code {
            WaitCode::Room => format!("{turn}; {}", self.text),
            _ => format!("{}; {turn}", self.text),
        };
        self.ahead = Some(ahead);
        self
    }
}

fn turn(ahead: usize) -> String {
    match ahead {
        WaitReason::MOST_AHEAD => format!("{ahead} messages or more are ahead of it"),
        1 => "1 message is ahead of it".to_owned(),
        _ => format!("{ahead} messages are ahead of it"),
    }
}
