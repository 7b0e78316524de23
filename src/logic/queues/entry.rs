//! One message the hub owes, and its place on the way.

use std::sync::Arc;

use crate::domain::attempt::Attempt;
use crate::domain::ids::{LeaseToken, Position};
use crate::domain::message::Message;
use crate::domain::moment::{Moment, When};
use crate::domain::timestamp::Timestamp;
use crate::logic::lanes::Waiting;

use super::delivery::Delivery;
use super::ranking::Ranking;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In its destination's lanes.
    Queued,
    /// Behind an earlier message with the same ordering key.
    Held,
    /// Not before its `deliver_at`.
    Scheduled { until: When },
    /// Until then by the hub's own clock, as all that follows.
    Retrying { at: Timestamp },
    /// With the dispatcher.
    Pushing { since: Timestamp },
    /// Since when and until when is with the lease.
    Leased { token: LeaseToken },
    /// A fact that moves it on is being written.
    Settling,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub message: Arc<Message>,
    pub order: Position,
    pub place: Place,
    pub redriven: u32,
    /// Consumers that were lost with it since its last attempt.
    pub lost: u32,
    /// When it came, by the hub's own clock; never before what came before it.
    pub since: Timestamp,
    /// When its ttl is over, by the hub's own clock.
    pub outlived: Option<Timestamp>,
    /// Failed attempts of its present life. Most messages never have one, and there may be
    /// millions of them waiting, so an empty list takes as little as possible.
    #[allow(clippy::box_collection, reason = "8 bytes against 24")]
    pub attempts: Option<Box<Vec<Attempt>>>,
}

impl Entry {
    pub(super) fn failures(&self) -> u32 {
        self.attempts
            .as_ref()
            .map_or(0, |attempts| attempts.len() as u32)
    }

    pub(super) fn delivery(&self) -> Delivery {
        Delivery {
            message: self.message.clone(),
            attempt: self.failures() + 1,
            hand_outs: self.lost + 1,
            outlived: self.outlived,
        }
    }

    pub(super) fn is_expired(&self, now: Moment) -> bool {
        self.outlived.is_some_and(|at| at <= now.hub)
    }

    pub(super) fn waiting(&self, ranking: &Ranking) -> Waiting {
        Waiting {
            rank: ranking.rank(self.since, &self.message),
            order: self.order,
            priority: self.message.priority,
            id: self.message.id,
        }
    }
}
