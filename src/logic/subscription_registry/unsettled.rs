//! What sockets lost of their subscriptions.

use ahash::AHashMap;

use crate::domain::event::Sequence;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::Unsettled;
use crate::logic::losses::Losses;

/// What the sockets of each subscription lost, kept in memory only: a restart begins anew.
#[derive(Default)]
pub(super) struct Lost(AHashMap<SubscriptionId, Loss>);

pub(super) struct Loss {
    pub losses: Losses,
    /// Nothing is sent before.
    pub until: Timestamp,
    /// What the client said last.
    pub error: Option<String>,
}

impl Lost {
    /// What a socket has to know that has the subscription now.
    pub(super) fn of(&self, id: SubscriptionId, now: Timestamp) -> Unsettled {
        let Some(loss) = self.0.get(&id) else {
            return Unsettled::default();
        };
        Unsettled {
            losses: loss.losses.clone(),
            wait: loss.until.since(now),
        }
    }

    /// From now on it has lost something, and nothing waits for that yet.
    pub(super) fn entry(&mut self, id: SubscriptionId, now: Timestamp) -> &mut Loss {
        self.0.entry(id).or_insert_with(|| Loss {
            losses: Losses::default(),
            until: now,
            error: None,
        })
    }

    pub(super) fn acked(&mut self, id: SubscriptionId, through: Sequence) {
        if let Some(loss) = self.0.get_mut(&id) {
            loss.losses.acked(through);
            if loss.losses.count() == 0 {
                self.0.remove(&id);
            }
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = SubscriptionId> {
        self.0.keys().copied()
    }

    /// Gives what the client said last.
    pub(super) fn forget(&mut self, id: SubscriptionId) -> Option<String> {
        self.0.remove(&id)?.error
    }
}
