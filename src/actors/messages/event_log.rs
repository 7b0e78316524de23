//! What is asked of the log of events, and what those are told who follow it.

use std::sync::Arc;

use actix::Message as ActixMessage;
use actix::Recipient;

use super::reply::Reply;
use crate::domain::event::{Event, Sequence};
use crate::domain::pattern::Pattern;
use crate::domain::subscription_view::SubscriptionView;
use crate::logic::event_query::EventQuery;
use crate::logic::event_window::EventWindow;
use crate::logic::feed_news::{FeedId, FeedNews};
use crate::logic::page::Page;

/// WsSession, Subscription → EventLog: send the events that match, from this sequence on, past and
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

/// Follower → EventLog: it has room for so many bytes more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Credit {
    pub feed: FeedId,
    pub bytes: usize,
}

/// Follower → EventLog: send nothing more.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Unfollow {
    pub feed: FeedId,
}

/// EventLog → follower. What the call before brought may come after the follower made another.
impl ActixMessage for FeedNews {
    type Result = ();
}

/// http, followers → EventLog: where the log of events begins and ends.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectLog {
    pub reply: Reply<EventWindow>,
}

/// http → EventLog: the events that match.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ReadRecent {
    pub query: EventQuery,
    pub reply: Reply<RecentRead>,
}

/// What the EventLog has in memory, and the log at the same moment.
#[derive(Debug)]
pub struct RecentRead {
    /// `None`: others than those in memory could be on it.
    pub page: Option<Page<Arc<Event>>>,
    pub window: EventWindow,
}

/// Subscriptions → EventLog: say of each how many events it is not done with, by the feed that it
/// follows them by, if by any, and answer.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ShowLags {
    pub views: Vec<(SubscriptionView, Option<FeedId>)>,
    pub reply: Reply<Vec<SubscriptionView>>,
}
