//! The way back to whoever asked.

use std::sync::Arc;

use actix::Message as ActixMessage;
use actix::Recipient;
use uuid::Uuid;

use super::reply::Reply;
use crate::domain::event::{Event, Sequence};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{EventLetter, SubscriptionId};
use crate::logic::event_window::EventWindow;
use crate::logic::feeds::Fed;
use crate::logic::page::Page;
use crate::ports::archive::EventQuery;

/// Tells followers apart; each makes its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FeedId(pub Uuid);

/// WsSession, Subscription → EventBus: send the events that match, from this sequence on, past and
/// future, instead of what this feed was sent so far.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Follow {
    pub feed: FeedId,
    /// The follower's own number of this call: comes back with what follows from it.
    pub round: u64,
    pub event_types: Arc<[Pattern]>,
    pub from: Sequence,
    /// So many bytes of events it has room for.
    pub credit: usize,
    pub to: Recipient<FeedNews>,
}

/// Follower → EventBus: it has room for so many bytes more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Credit {
    pub feed: FeedId,
    pub bytes: usize,
}

/// Follower → EventBus: send nothing more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Unfollow {
    pub feed: FeedId,
}

/// EventBus → follower. What the call before brought may come after the follower made another.
#[derive(ActixMessage, Debug)]
#[rtype(result = "()")]
pub struct FeedNews {
    /// Of the [`Follow`] that brought it.
    pub round: u64,
    pub fed: Fed,
}

/// http, followers → EventBus: where the log of events begins and ends.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectLog {
    pub reply: Reply<EventWindow>,
}

/// http → EventBus: the events that match.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ReadRecent {
    pub query: EventQuery,
    pub reply: Reply<RecentRead>,
}

/// What the EventBus has in memory, and the log at the same moment.
#[derive(Debug)]
pub struct RecentRead {
    /// `None`: others than those in memory could be on it.
    pub page: Option<Page<Arc<Event>>>,
    pub window: EventWindow,
}

/// WsSession → EventBus: a socket is open; it wants to be told when the hub stops.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SocketOpened {
    pub socket: FeedId,
    pub to: Recipient<SocketNews>,
}

/// WsSession → EventBus: and is closed.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SocketClosed {
    pub socket: FeedId,
}

/// EventBus → WsSession.
#[derive(ActixMessage, Clone, PartialEq, Debug)]
#[rtype(result = "()")]
pub enum SocketNews {
    /// The hub stops: say where to resume, and close.
    Draining,
    /// Another socket took over the named subscription.
    Displaced,
    /// The named subscription was deleted.
    Ended(SubscriptionId),
    /// An event is owed to the named subscription once more.
    Letter(Arc<EventLetter>),
}
