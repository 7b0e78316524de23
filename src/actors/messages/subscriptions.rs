//! What is asked of the subscriptions: who wants which events, and how far they are.

use std::sync::Arc;
use std::time::Duration;

use actix::{Message as ActixMessage, Recipient};

use super::reply::Reply;
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::{JobId, MessageId, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{
    Callback, DeadEvent, ReplayFilter, SigningSecret, Subscription, SubscriptionId,
};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::{Attached, FeedId, SocketNews, Unsettled};
use crate::logic::losses::Losses;
use crate::logic::subscription_registry::named::{Attachment, Holding};
use crate::logic::subscription_registry::settling::LostEvents;

/// Subscription → Subscriptions: how far it is.
#[derive(ActixMessage, Clone, PartialEq, Debug)]
#[rtype(result = "()")]
pub struct Progressed {
    pub id: SubscriptionId,
    pub progress: Progress,
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

/// Subscription → Subscriptions: the callback answered 410.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct CallbackGone {
    pub id: SubscriptionId,
}

/// http → Subscriptions: a callback for these events. The same service, types and url again: the
/// subscription there is. Answered after the sync, with whether it is new.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Subscribe {
    pub service: ServiceName,
    pub event_types: Arc<[Pattern]>,
    pub callback: Callback,
    /// `None`: what is published from now on.
    pub from_sequence: Option<Sequence>,
    pub reply: Reply<Result<(Arc<Subscription>, bool), Refusal>>,
}

/// http → Subscriptions: change a callback subscription; what is `None` stays. Answered after the
/// sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ChangeSubscription {
    pub id: SubscriptionId,
    /// Only of this service; `None`: of any.
    pub owner: Option<ServiceName>,
    pub event_types: Option<Arc<[Pattern]>>,
    pub callback_url: Option<String>,
    pub secret: Option<SigningSecret>,
    pub max_in_flight: Option<u32>,
    pub reply: Reply<Result<Arc<Subscription>, Refusal>>,
}

/// http → Subscriptions: pause a subscription, or let it go on. Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SwitchSubscription {
    pub id: SubscriptionId,
    pub owner: Option<ServiceName>,
    pub paused: bool,
    pub reply: Reply<Result<Arc<Subscription>, Refusal>>,
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
    pub subscription_id: SubscriptionId,
    pub owner: Option<ServiceName>,
    pub filter: ReplayFilter,
    pub from: Sequence,
    /// `None`: the newest of now.
    pub to: Option<Sequence>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Events per second.
    pub rate: Option<f64>,
    pub reply: Reply<Result<JobId, Refusal>>,
}

/// Archivist → Subscriptions: the subscription is owed this dead letter's event again, as the
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
