//! The durable subscription of a socket: what its client acknowledged, and who may have it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::super::super::frames::FeedRequest;
use crate::domain::event::Sequence;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::subscription::{DeadEvent, SubscriptionId};
use crate::hub::error::HubError;
use crate::logic::feed_news::FeedId;
use crate::logic::losses::Losses;
use crate::logic::subscription_registry::named::Holding;

/// A durable subscription.
pub(super) struct Named {
    pub service: ServiceName,
    pub name: Label,
    pub id: SubscriptionId,
    /// The client is done with everything up to here.
    pub acked: Sequence,
    /// Subscriptions know of everything up to here that it is not owed.
    pub told: Sequence,
    /// Who did not settle what it was sent.
    pub losses: Losses,
    /// Events that are owed once more, and were not sent.
    pub owed: VecDeque<Arc<DeadEvent>>,
    /// Those that were sent and not settled, by their sequences.
    pub dead_events: BTreeMap<Sequence, Arc<DeadEvent>>,
}

impl Named {
    /// What the hub knows it by, as this socket has it.
    pub(super) fn held_by(&self, socket: FeedId) -> Holding {
        Holding {
            socket,
            id: self.id,
        }
    }

    /// Whether a subscribe adds to it; everything else needs another socket.
    pub(super) fn admit(&self, subscribe: &FeedRequest) -> Result<(), HubError> {
        let field = "subscription";
        if subscribe
            .name
            .as_ref()
            .is_some_and(|name| *name != self.name)
        {
            let problem = "this socket has another one; take another socket";
            return Err(HubError::Conflict { field, problem });
        }
        if subscribe.service != self.service {
            let problem = "that of this socket belongs to another service; take another socket";
            return Err(HubError::Conflict { field, problem });
        }
        Ok(())
    }

    /// The number of the attempt to send this event after `sent`; `None`: it is given up, which only
    /// the first one can be that is not acknowledged, and those after it begin anew.
    pub(super) fn attempt(
        &mut self,
        sequence: Sequence,
        sent: Sequence,
        limit: u32,
    ) -> Option<u32> {
        if self.losses.count() == 0 {
            return Some(1);
        }
        let attempt = self.losses.attempt(sequence);
        let is_first = self.acked >= sent;
        if limit == 0 || attempt <= limit || !is_first {
            return Some(attempt);
        }
        self.acked = sequence;
        self.told = self.told.max(sequence);
        None
    }
}

pub(super) fn deleted(name: &Label) -> HubError {
    let what = format!("subscription {name}");
    HubError::Deleted { what }
}
