//! What facts say that stands until it is said anew.

use crate::domain::circuit::CircuitName;
use crate::domain::ids::{JobId, MessageId, ServiceName};
use crate::domain::subscription::SubscriptionId;

/// Of all records with the same key only the latest holds, and only it survives a compaction; not
/// even that if it says nothing but what holds without it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CompactionKey {
    /// The state that somebody forced a circuit into.
    Circuit(CircuitName),
    /// How a service's instances are chosen.
    Strategy(ServiceName),
    /// The quota of a service.
    Quota(ServiceName),
    /// Whether a queue is paused; `None`: all of them.
    Queue(Option<ServiceName>),
    /// How far a redrive job is.
    Redrive(JobId),
    /// Which dead letters were chosen for a redrive job, until it is finished.
    ChosenLetters(JobId),
    /// What a subscription is.
    Subscription(SubscriptionId),
    /// Up to where a subscriber is done.
    Position(SubscriptionId),
    /// From which event on they are kept.
    Retention,
    /// A dead letter of a subscription that is owed again.
    DeadEvent(MessageId),
    /// How far a replay is.
    Replay(JobId),
}
