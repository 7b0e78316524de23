//! What happens to subscriptions, their dead letters and their replays.

use std::sync::Arc;

use super::compaction_key::CompactionKey;
use super::sizes::SMALL_BYTES;
use crate::domain::subscription::{
    DeadEvent, EventDelivered, PositionAcked, Replay, Subscription, Unsubscribed,
};
use crate::domain::timestamp::Timestamp;

/// What happened to a subscription, or to what it is owed.
#[derive(Clone, PartialEq, Debug)]
pub enum SubscriptionFact {
    /// A subscription is new or changed.
    Subscribed(Arc<Subscription>),
    /// A subscription ended, and its position with it.
    Unsubscribed(Unsubscribed),
    /// A subscriber is done with more events than before.
    PositionAcked(PositionAcked),
    /// The hub gave up on an event for one subscription, or the subscription ended before a dead
    /// letter was sent again.
    EventDeadLettered(Arc<DeadEvent>),
    /// A subscription is owed the event of a dead letter again.
    EventRedriven(Arc<DeadEvent>),
    /// A redriven event arrived.
    EventDelivered(EventDelivered),
    /// A replay to one subscription began, went on or ended.
    ReplayAdvanced(Arc<Replay>),
}

impl SubscriptionFact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Subscribed(subscription) => subscription.changed_at,
            Self::Unsubscribed(gone) => gone.at,
            Self::PositionAcked(acked) => acked.at,
            Self::EventDeadLettered(dead_event) | Self::EventRedriven(dead_event) => dead_event.at,
            Self::EventDelivered(delivered) => delivered.at,
            Self::ReplayAdvanced(replay) => replay.at,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::EventDeadLettered(dead_event) | Self::EventRedriven(dead_event) => {
                dead_event.event.bytes() + dead_event.attempts.len() * SMALL_BYTES
            }
            _ => SMALL_BYTES,
        }
    }

    /// What this is the latest word on, and whether it says anything but what holds without it.
    pub fn compaction_key(&self) -> (CompactionKey, bool) {
        match self {
            Self::Subscribed(subscription) => (CompactionKey::Subscription(subscription.id), true),
            // Its position goes with it.
            Self::Unsubscribed(gone) => (CompactionKey::Subscription(gone.id), false),
            Self::PositionAcked(acked) => (CompactionKey::Position(acked.id), true),
            Self::EventRedriven(dead_event) => (CompactionKey::DeadEvent(dead_event.id), true),
            Self::EventDeadLettered(dead_event) => (CompactionKey::DeadEvent(dead_event.id), false),
            Self::EventDelivered(delivered) => (CompactionKey::DeadEvent(delivered.id), false),
            Self::ReplayAdvanced(replay) => (CompactionKey::Replay(replay.id), !replay.done),
        }
    }
}
