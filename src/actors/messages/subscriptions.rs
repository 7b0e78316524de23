//! What is asked of the subscriptions: who wants which events, and how far they are.

use std::sync::Arc;
use std::time::Duration;

use actix::{Message as ActixMessage, Recipient};

use super::reply::Reply;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{JobId, MessageId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{DeadEvent, Subscription, SubscriptionId};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::callback_tests::CallbackTest;
use crate::logic::feed_news::{Attached, FeedId, SocketNews, Unsettled};
use crate::logic::losses::Losses;
use crate::logic::subscription_registry::changes::{WantedCallback, WantedChange};
use crate::logic::subscription_registry::named::{Attachment, Holding};
use crate::logic::subscription_registry::owed::WantedReplay;
use crate::logic::subscription_registry::settling::LostEvents;

/// Subscription → Subscriptions: what became of it.
#[derive(ActixMessage, Clone, PartialEq, Debug)]
#[rtype(result = "()")]
pub enum SubscriptionNews {
    /// It is so far now.
    Progressed {
        id: SubscriptionId,
        progress: Progress,
    },
    /// The callback answered 410.
    Gone { id: SubscriptionId },
    /// It was told to rest, and nothing is under way any more.
    Rests { id: SubscriptionId },
}

/// How a callback subscription is doing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Progress {
    /// Everything up to here is delivered, dead or of no concern.
    pub position: Sequence,
    /// Where the position was when an event was last done with.
    pub worked_through: Sequence,
    pub in_flight: u32,
    /// Deliveries that failed since the last good one.
    pub failures: u32,
    pub last_error: Option<String>,
    /// An event that failed is tried again, now or later.
    pub is_retrying: bool,
    pub retry_at: Option<Timestamp>,
    pub is_circuit_open: bool,
    /// When the open circuit is tried again, as far as it is known.
    pub circuit_open_until: Option<Timestamp>,
}

/// http → Subscriptions: a callback for these events. The same service, types and url again: the
/// subscription there is. Answered after the sync, with whether it is new.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Subscribe {
    pub wanted: WantedCallback,
    pub reply: Reply<Result<(Arc<Subscription>, bool), Refusal>>,
}

/// http → Subscriptions: change a callback subscription, pause it, or let it go on. Answered after
/// the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ChangeSubscription {
    pub id: SubscriptionId,
    /// Only of this service; `None`: of any.
    pub owner: Option<ServiceName>,
    pub change: WantedChange,
    pub reply: Reply<Result<Arc<Subscription>, Refusal>>,
}

/// http → Subscriptions: call the callback of a subscription once, with an event that nobody
/// published. Answered when the callback has, or has not.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct TestCallback {
    pub id: SubscriptionId,
    /// Only of this service; `None`: of any.
    pub owner: Option<ServiceName>,
    pub reply: Reply<Result<CallbackTest, Refusal>>,
}

/// http → Subscriptions: end a subscription. Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    pub id: SubscriptionId,
    pub owner: Option<ServiceName>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Subscriptions → EventLog: one subscription or all, oldest first.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct InspectSubscriptions {
    pub id: Option<SubscriptionId>,
    pub service: Option<ServiceName>,
    pub reply: Reply<Vec<SubscriptionView>>,
}

/// http → Subscriptions: what one service has of subscriptions, or each, by name.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceUsage>")]
pub struct InspectUsage {
    pub service: Option<ServiceName>,
}

/// What a service has of subscriptions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceUsage {
    pub service: ServiceName,
    pub subscriptions: usize,
    /// Of all of them.
    pub patterns: usize,
    /// Of the subscription that has most.
    pub replays: usize,
}

/// http → Subscriptions: send past events to a callback subscription beside its live ones. Answered
/// after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct StartReplay {
    pub wanted: WantedReplay,
    pub reply: Reply<Result<JobId, Refusal>>,
}

/// DeadLetters → Subscriptions: the subscription is owed this dead letter's event again, as the
/// journal says. Refused if there is no such subscription any more, or too much is owed already.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct RedeliverEvent {
    pub dead_event: Arc<DeadEvent>,
    pub reply: Reply<Result<MessageId, Refusal>>,
}

/// WsSession → Subscriptions: this socket is the named subscription's from now on. Made if there is
/// none; a position that is there wins over where one that is new begins. Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct AttachSocket {
    pub wanted: Attachment,
    pub reply: Reply<Result<Attached, Refusal>>,
}

/// WsSession → Subscriptions: what became of events that a named subscription was sent.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub enum SettleEvents {
    /// The subscriber is done with everything up to here. Answered after the sync; refused to a
    /// socket that was displaced.
    Ack {
        held: Holding,
        through: Sequence,
        reply: Reply<Result<(), Refusal>>,
    },
    /// Nothing was acknowledged, it only passed what it does not want; that is written down when
    /// there is time.
    Pass { held: Holding, through: Sequence },
    /// The client refused an event, or is lost with what it was sent.
    Lose {
        lost: LostEvents,
        /// How long it wants to wait.
        delay: Option<Duration>,
        reply: Option<Reply<Result<Unsettled, Refusal>>>,
    },
    /// The next event becomes a dead letter, and the position passes it.
    GiveUp {
        held: Holding,
        event: Arc<Event>,
        losses: Losses,
    },
    /// A dead letter that was sent again arrived, or did not.
    EndRedelivery {
        dead_event: Arc<DeadEvent>,
        /// `None`: it arrived.
        error: Option<String>,
    },
}

/// WsSession → Subscriptions: a socket is open; it wants to be told when the hub stops.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SocketOpened {
    pub socket: FeedId,
    pub to: Recipient<SocketNews>,
}

/// WsSession → Subscriptions: and is closed.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SocketClosed {
    pub socket: FeedId,
}

/// Subscriptions → WsSession.
impl ActixMessage for SocketNews {
    type Result = ();
}
