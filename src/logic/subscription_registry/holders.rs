//! Whose each named subscription is at the moment.

use ahash::AHashMap;

use crate::domain::subscription::SubscriptionId;
use crate::logic::feed_news::FeedId;

/// Which socket has which subscription.
#[derive(Default)]
pub(super) struct Holders(AHashMap<SubscriptionId, FeedId>);

impl Holders {
    /// Gives the socket that had it before, if it was another.
    pub(super) fn take_over(&mut self, id: SubscriptionId, socket: FeedId) -> Option<FeedId> {
        let before = self.0.insert(id, socket);
        before.filter(|before| *before != socket)
    }

    pub(super) fn socket_of(&self, id: SubscriptionId) -> Option<FeedId> {
        self.0.get(&id).copied()
    }

    pub(super) fn leave(&mut self, socket: FeedId) {
        self.0.retain(|_, present| *present != socket);
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = SubscriptionId> {
        self.0.keys().copied()
    }

    /// Gives the socket that had it.
    pub(super) fn forget(&mut self, id: SubscriptionId) -> Option<FeedId> {
        self.0.remove(&id)
    }
}
