//! The dead letter desk: gives out each dead letter, or settled message, to one client at a time.
//!
//! A dead letter that somebody reprocesses or deletes is claimed until the journal has the fact, so
//! that two clients at once never send it out twice.

use ahash::AHashSet;

use crate::domain::ids::MessageId;

#[derive(Default)]
pub(super) struct Desk {
    claimed: AHashSet<MessageId>,
}

impl Desk {
    /// Whether nobody else is at work on it.
    pub(super) fn claim(&mut self, id: MessageId) -> bool {
        self.claimed.insert(id)
    }

    pub(super) fn release(&mut self, id: MessageId) {
        self.claimed.remove(&id);
    }
}
