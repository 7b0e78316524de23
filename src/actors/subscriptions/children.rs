//! The actors of subscriptions and of their callbacks' circuits: who is there.

use std::collections::BTreeMap;
use std::time::Duration;

use actix::{Actor, Addr};

use crate::actors::callback_circuit::CallbackCircuit;
use crate::actors::messages::subscriptions::Progress;
use crate::actors::subscription::Subscription;
use crate::domain::circuit::Origin;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::FeedId;

/// First pause before a dead child is replaced; doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// One that lived so long died of something else than those before it.
const LONG_LIFE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Children {
    pub subscriptions: BTreeMap<SubscriptionId, Subscriber>,
    pub circuits: BTreeMap<Origin, Child<CallbackCircuit>>,
    /// How many were ever begun.
    pub generation: u64,
}

pub(super) struct Child<A: Actor> {
    pub address: Addr<A>,
    /// Tells its death from that of those before it.
    pub generation: u64,
    pub began_at: Timestamp,
    /// In a row, none after a long life.
    pub deaths: u32,
}

pub(super) struct Subscriber {
    pub child: Child<Subscription>,
    /// By which it follows the events.
    pub feed: FeedId,
    pub progress: Progress,
}

impl<A: Actor> Child<A> {
    /// How long to wait before it is replaced.
    pub(super) fn pause(&mut self, now: Timestamp) -> Duration {
        if now.since(self.began_at) >= LONG_LIFE {
            self.deaths = 0;
        }
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(self.deaths.min(16))).min(LAST_PAUSE);
        self.deaths += 1;
        pause
    }
}
