//! Why an actor said no. The edge turns these into codes and statuses.

use std::sync::Arc;
use std::time::Duration;

use super::event::Sequence;
use super::ids::{LeaseToken, ServiceName};
use super::lack::Lack;
use super::message::{Priority, State};
use super::redrive::JobStatus;
use super::shortage::Shortage;
use super::subscription::SubscriptionId;

#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{service}: no service of this name was ever registered; register it first")]
    UnknownService { service: ServiceName },
    #[error("{service}: the {} lane is full ({capacity} messages)", priority.name())]
    LaneFull {
        service: ServiceName,
        priority: Priority,
        capacity: usize,
    },
    #[error("the hub holds {limit} bytes of waiting messages, which is its max_queue_bytes")]
    MemoryFull { limit: u64 },
    #[error(
        "{service}: {most} bytes of messages may wait for it, its share of max_queue_bytes or its \
         max_waiting_bytes, and more would"
    )]
    ShareFull { service: ServiceName, most: u64 },
    #[error(
        "the hub holds {limit} bytes of events that are sent again and not settled; \
         it takes more when some of them are"
    )]
    LettersFull { limit: usize },
    #[error("{service}: has sent all its quota allows; {retry_after:?} until the next message")]
    RateLimited {
        /// Who sent it.
        service: ServiceName,
        retry_after: Duration,
    },
    #[error("{limit}: there may be at most {most}; end some, or ask an operator for more")]
    LimitReached {
        /// Its name.
        limit: &'static str,
        most: u64,
    },
    #[error("{service}: circuit is open; {retry_after:?} until it is tried again")]
    CircuitOpen {
        service: ServiceName,
        retry_after: Duration,
    },
    #[error("{service}: no instance can take messages now")]
    NoInstance { service: ServiceName },
    #[error("{0}")]
    StorageFull(Arc<Shortage>),
    #[error("the hub has no {0} left; what is new is refused until that passes")]
    ShortOf(Lack),
    #[error("id: already used with other content")]
    OtherContent,
    #[error("id: whether the hub knows it is written in the archive, which does not answer")]
    HistoryUnknown,
    #[error("not known")]
    NotFound,
    #[error("the message is {}; {hint}", state.name())]
    WrongState { state: State, hint: &'static str },
    #[error("the redrive job is {}; {hint}", status.name())]
    WrongStatus {
        status: JobStatus,
        hint: &'static str,
    },
    #[error("leases: {} of them are not valid any more", stale.len())]
    StaleLeases { stale: Vec<LeaseToken> },
    #[error("expected_version: {expected} was expected, the stream is at {current}")]
    VersionConflict { expected: i64, current: u64 },
    #[error("another event of the atomic batch was refused")]
    BatchRefused,
    #[error("events before {oldest} are gone; begin there, or with a snapshot")]
    EventsGone { oldest: Sequence },
    #[error(
        "versions of the stream before {oldest} are gone, and with them the snapshot that would \
         stand for them; begin there, or post a snapshot with a state of your own"
    )]
    VersionsGone { oldest: u64 },
    #[error("from_sequence: is beyond the newest event ({newest})")]
    BeyondNewest { newest: Sequence },
    #[error("subscription {id}: only its service or an operator may do this")]
    NotTheirs { id: SubscriptionId },
    #[error(
        "state: the events add up to more than {limit} bytes; \
         take a snapshot with a smaller state of your own"
    )]
    StateTooLarge { limit: usize },
    #[error("too many states are being built; try again in a moment")]
    TooManyStates,
    #[error("{0}")]
    Conflict(&'static str),
    #[error("the hub is stopping; try again in a moment")]
    Stopping,
}
