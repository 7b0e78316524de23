//! What those are told who follow the events, and the sockets among them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::feeds::Fed;
use super::losses::Losses;
use crate::domain::event::Sequence;
use crate::domain::subscription::{DeadEvent, SubscriptionId};

/// Tells followers apart; each makes its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FeedId(pub Uuid);

/// What a follower is fed. What the call before brought may come after it made another.
#[derive(Debug)]
pub struct FeedNews {
    /// The follower's own number of the call that brought it.
    pub round: u64,
    /// The events, and how far they go.
    pub fed: Fed,
}

/// What a socket is told.
#[derive(Clone, PartialEq, Debug)]
pub enum SocketNews {
    /// The hub stops: say where to resume, and close.
    Draining,
    /// Another socket took over the named subscription.
    Displaced,
    /// The named subscription was deleted.
    Ended(SubscriptionId),
    /// An event is owed to the named subscription once more.
    DeadEvent(Arc<DeadEvent>),
}

/// The named subscription that a socket has now.
#[derive(Clone, PartialEq, Debug)]
pub struct Attached {
    /// Which one.
    pub id: SubscriptionId,
    /// The first event that is owed.
    pub from: Sequence,
    /// What is known of those it was sent to before.
    pub unsettled: Unsettled,
    /// What became of it.
    pub change: AttachChange,
    /// Events that are owed once more.
    pub dead_events: Vec<Arc<DeadEvent>>,
}

/// What became of a subscription when a socket asked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachChange {
    /// There was none of this name.
    Made,
    /// It wants other types now.
    Changed,
    /// It is as it was.
    None,
}

/// What the sockets before did not settle of what they were sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unsettled {
    /// How often each was lost.
    pub losses: Losses,
    /// Until events are sent again.
    pub wait: Duration,
}
