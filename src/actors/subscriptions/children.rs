//! The actors of subscriptions and of their callbacks' circuits: who is there.

use std::collections::BTreeMap;

use actix::Addr;

use crate::actors::callback_circuit::CallbackCircuit;
use crate::actors::children::{Births, Child};
use crate::actors::messages::subscriptions::Progress;
use crate::actors::subscription::Subscription;
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::subscription::SubscriptionId;
use crate::logic::circuit_survey::NotClosed;
use crate::logic::feed_news::FeedId;

#[derive(Default)]
pub(super) struct Children {
    pub subscriptions: BTreeMap<SubscriptionId, Subscriber>,
    pub circuits: BTreeMap<Origin, Child<Addr<CallbackCircuit>>>,
    pub births: Births,
    /// Of the circuits.
    pub not_closed: NotClosed,
}

impl Children {
    pub(super) fn has_circuit(&self, name: &CircuitName) -> bool {
        name.origin()
            .is_some_and(|one| self.circuits.contains_key(one))
    }
}

pub(super) struct Subscriber {
    pub child: Child<Addr<Subscription>>,
    /// By which it follows the events.
    pub feed: FeedId,
    pub progress: Progress,
}
