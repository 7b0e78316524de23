//! What is handed out.

use std::sync::Arc;

use crate::domain::fact::Fact;
use crate::domain::message::Message;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;

/// A message on its way out, with the number of the attempt this will be.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// As it was accepted, shared with the queues.
    pub message: Arc<Message>,
    /// 1 for the first of its present life.
    pub attempt: u32,
    /// How often it was handed out to consumers since the last attempt, this time included.
    pub hand_outs: u32,
    /// When its ttl is over, by the hub's own clock.
    pub outlived: Option<Timestamp>,
}

impl Delivery {
    /// Whether its ttl is over by now.
    pub fn is_expired(&self, now: Moment) -> bool {
        self.outlived.is_some_and(|at| at <= now.hub)
    }
}

/// What a hand-out gave: what leaves, and what was found expired on the way.
#[derive(Debug)]
pub struct HandOut<T> {
    /// In the order in which they leave.
    pub items: Vec<T>,
    /// Each settles a message and is to be recorded.
    pub expired: Vec<Fact>,
}
