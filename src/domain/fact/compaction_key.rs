//! What facts say that stands until it is said anew.

use crate::domain::circuit::CircuitName;
use crate::domain::ids::{JobId, MessageId, ServiceName};
use crate::domain::subscription::SubscriptionId;

/// Of all records with the same key only the latest holds, and only it survives a compaction; not
/// even that if it says nothing but what holds without it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum CompactionKey {
    Circuit(CircuitName),
    Strategy(ServiceName),
    Quota(ServiceName),
    Queue(Option<ServiceName>),
    Redrive(JobId),
    Subscription(SubscriptionId),
    Position(SubscriptionId),
    Retention,
    /// A dead letter of a subscription that is owed again.
    EventLetter(MessageId),
    Replay(JobId),
}
