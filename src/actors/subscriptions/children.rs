//! The actors of subscriptions and of their callbacks' circuits: who is there.

use std::collections::BTreeMap;

use actix::Addr;

use crate::actors::callback_circuit::CallbackCircuit;
use crate::actors::children::{Births, Child};
use crate::actors::messages::subscriptions::Progress;
use crate::actors::subscription::Subscription;
use crate::domain::circuit::Origin;
use crate::domain::subscription::SubscriptionId;
use crate::logic::feed_news::FeedId;

#[derive(Default)]
pub(super) struct Children {
    pub subscriptions: BTreeMap<SubscriptionId, Subscriber>,
    pub circuits: BTreeMap<Origin, Child<Addr<CallbackCircuit>>>,
    pub births: Births,
}

pub(super) struct Subscriber {
    pub child: Child<Addr<Subscription>>,
    /// By which it follows the events.
    pub feed: FeedId,
    pub progress: Progress,
}
