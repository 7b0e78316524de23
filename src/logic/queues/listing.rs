//! The messages the hub owes in the order of lists: by where they were accepted.

use std::sync::Arc;

use super::Queues;
use crate::domain::ids::{MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::timestamp::Timestamp;

/// Which of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// Which service sent them; `None`: any.
    pub source: Option<ServiceName>,
    /// Which service they are for; `None`: any.
    pub destination: Option<ServiceName>,
    /// Only what this service sent or is to receive; `None`: of everybody.
    pub party: Option<ServiceName>,
    /// Or the message's own id, if it names none.
    pub correlation_id: Option<String>,
    /// Any of these.
    pub states: Vec<State>,
    /// By time of acceptance. Inclusive.
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
}

/// How much of the list is one part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// So many messages are looked at, wanted or not.
    pub looked_at: usize,
    /// And so many of those wanted are taken.
    pub taken: usize,
}

/// A message of the list: what it is and how it failed, by which it may be chosen. All else has to be
/// found out, and is asked of those that are chosen: [`Queues::inspect`].
#[derive(Clone, PartialEq, Debug)]
pub struct ListedMessage {
    /// As it was accepted or redriven.
    pub message: Arc<Message>,
    /// How its last attempt failed, in words.
    pub last_error: Option<String>,
}

/// A part of the list: newest first.
#[derive(Debug, Default)]
pub struct Stretch {
    /// Those wanted among the messages looked at; there may be none although the list goes on.
    pub messages: Vec<ListedMessage>,
    /// How many were looked at.
    pub looked_at: usize,
    /// When the last of them was accepted; `None`: there was none.
    pub back_to: Option<Timestamp>,
    /// The list goes on before this position; `None`: that was all.
    pub before: Option<Position>,
}

impl ListedMessage {
    /// By what it is asked for.
    pub fn id(&self) -> MessageId {
        self.message.id
    }
}

impl Wanted {
    fn is(&self, message: &Message, state: State) -> bool {
        let (source, destination) = (&message.source, &message.destination);
        self.states.contains(&state)
            && self.source.as_ref().is_none_or(|one| one == source)
            && self
                .destination
                .as_ref()
                .is_none_or(|one| one == destination)
            && self
                .party
                .as_ref()
                .is_none_or(|party| party == source || party == destination)
            && self.since.is_none_or(|since| message.accepted_at >= since)
            && self.until.is_none_or(|until| message.accepted_at < until)
            && self
                .correlation_id
                .as_ref()
                .is_none_or(|text| is_correlated(message, text))
    }
}

fn is_correlated(message: &Message, text: &str) -> bool {
    match &message.correlation_id {
        Some(given) => given.as_str() == text,
        None => uuid::Uuid::parse_str(text).is_ok_and(|id| id == message.id.0),
    }
}

impl Queues {
    /// The next of the list from `before` on, within these bounds, so that it takes little time
    /// however many there are.
    pub fn list(&self, wanted: &Wanted, before: Option<Position>, most: Bounds) -> Stretch {
        let end = before.unwrap_or(Position::MAX);
        let mut stretch = Stretch::default();
        for (looked_at, (position, id)) in self.places.before(end).enumerate() {
            if looked_at == most.looked_at || stretch.messages.len() == most.taken {
                return stretch;
            }
            stretch.before = Some(position);
            stretch.looked_at += 1;
            let Some(entry) = self.entries.get(&id) else {
                continue;
            };
            stretch.back_to = Some(entry.message.accepted_at);
            if wanted.is(&entry.message, self.state(entry)) {
                let last = entry.attempts.as_ref().and_then(|all| all.last());
                stretch.messages.push(ListedMessage {
                    message: entry.message.clone(),
                    last_error: last.and_then(|last| last.error.clone()),
                });
            }
        }
        stretch.before = None;
        stretch
    }
}
