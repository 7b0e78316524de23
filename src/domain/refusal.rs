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

/// What an actor could not do, or would not, with all that whoever asked needs to know; its text
/// names what to do about it.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refusal {
    /// A destination that never registered and never asked for messages.
    #[error("{service}: no service of this name was ever registered; register it first")]
    UnknownService {
        /// As it was named.
        service: ServiceName,
    },
    /// So many messages of this level wait for the destination that no more may.
    #[error("{service}: the {} lane is full ({capacity} messages)", priority.name())]
    LaneFull {
        /// The destination.
        service: ServiceName,
        /// The level that is full; others may not be.
        priority: Priority,
        /// How many messages the lane takes.
        capacity: usize,
    },
    /// All waiting messages together take as much memory as they may.
    #[error("the hub holds {limit} bytes of waiting messages, which is its max_queue_bytes")]
    MemoryFull {
        /// In bytes: `max_queue_bytes`.
        limit: u64,
    },
    /// The messages that wait for one destination take as much memory as they may.
    #[error(
        "{service}: {most} bytes of messages may wait for it, its share of max_queue_bytes or its \
         max_waiting_bytes, and more would"
    )]
    ShareFull {
        /// The destination.
        service: ServiceName,
        /// In bytes: the smaller of what its quota says and its share of `max_queue_bytes`.
        most: u64,
    },
    /// The events of dead letters that are sent again take as much memory as they may.
    #[error(
        "the hub holds {limit} bytes of events that are sent again and not settled; \
         it takes more when some of them are"
    )]
    DeadEventsFull {
        /// In bytes, over all subscriptions.
        limit: usize,
    },
    /// A sender, or a publisher, is faster than its quota.
    #[error("{service}: has sent all its quota allows; {retry_after:?} until the next message")]
    RateLimited {
        /// Who sent it.
        service: ServiceName,
        /// How long until the quota has room for the next one.
        retry_after: Duration,
    },
    /// There are as many of something as there may be.
    #[error("{limit}: there may be at most {most}; end some, or ask an operator for more")]
    LimitReached {
        /// Its name.
        limit: &'static str,
        /// How many there may be.
        most: u64,
    },
    /// The sender wants no waiting, and the destination's circuit keeps attempts back.
    #[error("{service}: circuit is open; {retry_after:?} until it is tried again")]
    CircuitOpen {
        /// The destination.
        service: ServiceName,
        /// How long until the next trial.
        retry_after: Duration,
    },
    /// The sender wants no waiting, and nobody takes messages for the destination now.
    #[error("{service}: no instance can take messages now")]
    NoInstance {
        /// The destination.
        service: ServiceName,
    },
    /// The disk of the journal is full, or would be.
    #[error("{0}")]
    StorageFull(Arc<Shortage>),
    /// The system gives the hub no more of what it needs to write.
    #[error("the hub has no {0} left; what is new is refused until that passes")]
    ShortOf(Lack),
    /// The id was given before with something else; a repeat would have said the same.
    #[error("id: already used with other content")]
    OtherContent,
    /// The id is older than the dedup window, if it was given before: only the archive could tell.
    #[error("id: whether the hub knows it is written in the archive, which does not answer")]
    HistoryUnknown,
    /// Nothing has this id or name, or whoever asks may not know of it.
    #[error("not known")]
    NotFound,
    /// The message is not in a state in which this can be done to it.
    #[error("the message is {}; {hint}", state.name())]
    WrongState {
        /// The state it is in.
        state: State,
        /// What can be done instead, or in which state it could be.
        hint: &'static str,
    },
    /// The redrive job is not in a status in which this can be done to it.
    #[error("the redrive job is {}; {hint}", status.name())]
    WrongStatus {
        /// The status it is in.
        status: JobStatus,
        /// In which status it could be done.
        hint: &'static str,
    },
    /// Leases ran out, were settled, or never were; nothing is done to those that are valid,
    /// either.
    #[error("leases: {} of them are not valid any more", stale.len())]
    StaleLeases {
        /// The tokens that are not valid.
        stale: Vec<LeaseToken>,
    },
    /// The stream is not at the version its publisher expects.
    #[error("expected_version: {expected} was expected, the stream is at {current}")]
    VersionConflict {
        /// As it was given: -1 for a stream that has some event.
        expected: i64,
        /// The version the stream is at; 0: it has no events.
        current: u64,
    },
    /// Nothing is wrong with this event, but all of its batch or none are published.
    #[error("another event of the atomic batch was refused")]
    BatchRefused,
    /// Events that are asked for are gone; mostly retention took them.
    #[error("events before {oldest} are gone; begin there, or with a snapshot")]
    EventsGone {
        /// The first that is still there, or the next to come.
        oldest: Sequence,
    },
    /// Versions of a stream are gone, and there is no snapshot that stands for them.
    #[error(
        "versions of the stream before {oldest} are gone, and with them the snapshot that would \
         stand for them; begin there, or post a snapshot with a state of your own"
    )]
    VersionsGone {
        /// The first version from which on none is missing.
        oldest: u64,
    },
    /// Events are asked for that are further in the future than the next one.
    #[error("from_sequence: is beyond the newest event ({newest})")]
    BeyondNewest {
        /// The last that was published; 0: none was.
        newest: Sequence,
    },
    /// It is the subscription of somebody else.
    #[error("subscription {id}: only its service or an operator may do this")]
    NotTheirs {
        /// Which one it is.
        id: SubscriptionId,
    },
    /// The state of a stream is too long to be built.
    #[error(
        "state: the events add up to more than {limit} bytes; \
         take a snapshot with a smaller state of your own"
    )]
    StateTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// A callback was tested so lately that it is not yet again.
    #[error("the subscription was tested just now; {retry_after:?} until it may be again")]
    TestedJustNow {
        /// How long until the next test.
        retry_after: Duration,
    },
    /// So many are being built, and wait to be, that no more may.
    #[error("too many states are being built; try again in a moment")]
    TooManyStates,
    /// Something is not as it would have to be; the words say what.
    #[error("{0}")]
    Conflict(&'static str),
    /// The hub takes nothing new, since it drains.
    #[error("the hub is stopping; try again in a moment")]
    Stopping,
}
