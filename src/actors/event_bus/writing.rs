//! Positions on their way to the journal.

use crate::actors::messages::reply::Reply;
use crate::domain::event::Sequence;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;

#[derive(Default)]
pub(super) struct Writing {
    pub is_under_way: bool,
    /// Who waits for the record after the present one.
    pub waiting: Vec<Reply<Result<(), Refusal>>>,
    /// While the hub stops: subscriptions that were given all there was for them, the last event of
    /// that, and the newest of all events then.
    pub at_stop: Vec<(SubscriptionId, Sequence, Sequence)>,
}
