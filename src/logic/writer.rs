//! Who writes to an archive: a hub, in one of its epochs. With every start of a hub a new epoch
//! begins, which its journal notes.

use std::sync::Arc;

use crate::domain::ids::HubId;

/// One start of a hub: a number drawn at random, so that no copy of the hub draws it too.
pub type Epoch = i64;

/// A hub in one of its epochs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    /// Which hub, by the id in its journal.
    pub hub: HubId,
    /// Which of its starts.
    pub epoch: Epoch,
}

/// A hub as its journal knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    /// Which hub.
    pub hub: HubId,
    /// The present one.
    pub epoch: Epoch,
    /// Those before, the newest last: an archive may have been written in any of them.
    pub earlier: Arc<[Epoch]>,
}

impl Author {
    /// As whom it writes now.
    pub fn writer(&self) -> Writer {
        Writer {
            hub: self.hub,
            epoch: self.epoch,
        }
    }

    /// Whether the epoch is one of this hub's, the present one or an earlier.
    pub fn knows(&self, epoch: Epoch) -> bool {
        epoch == self.epoch || self.earlier.contains(&epoch)
    }
}
