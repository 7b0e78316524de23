//! What clients and actors want written.

use crate::actors::messages::event_store::Record;
use crate::actors::messages::router::{Accept, EventSlot, Publish, Slot};

/// What waits for the next flush.
pub(super) enum Pending {
    Accept(Accept),
    Publish(Publish),
    Record(Record),
}

impl Pending {
    /// Of what a client sent.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Accept(accept) => {
                let offered = accept.slots.iter().filter_map(Slot::offered);
                offered.map(|message| message.bytes() as usize).sum()
            }
            Self::Publish(publish) => {
                let offered = publish.slots.iter().filter_map(EventSlot::offered);
                offered.map(|event| event.bytes()).sum()
            }
            Self::Record(_) => 0,
        }
    }
}
