//! The messages the hub owes in the order of lists: by where they were accepted.

use super::Queues;
use super::view::OpenMessage;
use crate::domain::ids::{Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::moment::Moment;
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

/// A part of the list: newest first.
#[derive(Debug, Default)]
pub struct Stretch {
    /// Those wanted among the messages looked at; there may be none although the list goes on.
    pub messages: Vec<OpenMessage>,
    /// How many were looked at.
    pub looked_at: usize,
    /// When the last of them was accepted; `None`: there was none.
    pub back_to: Option<Timestamp>,
    /// The list goes on before this position; `None`: that was all.
    pub before: Option<Position>,
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
    /// The next of the list from `before` on. It looks at no more than so many messages, wanted or
    /// not, so that it takes little time however many there are.
    pub fn list(
        &self,
        wanted: &Wanted,
        before: Option<Position>,
        most_looked_at: usize,
        now: impl Into<Moment>,
    ) -> Stretch {
        let now = now.into();
        let end = before.unwrap_or(Position::MAX);
        let mut stretch = Stretch::default();
        for (looked_at, (position, id)) in self.places.before(end).enumerate() {
            if looked_at == most_looked_at {
                return stretch;
            }
            stretch.before = Some(position);
            stretch.looked_at += 1;
            let Some(entry) = self.entries.get(&id) else {
                continue;
            };
            stretch.back_to = Some(entry.message.accepted_at);
            if wanted.is(&entry.message, self.state(entry)) {
                stretch.messages.extend(self.inspect(id, now));
            }
        }
        stretch.before = None;
        stretch
    }
}
