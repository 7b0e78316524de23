//! Who writes to an archive: a hub, in one of its lives. Every start of a hub is a life of its own,
//! which its journal notes.

use std::sync::Arc;

use crate::domain::ids::HubId;

/// One start of a hub: a number drawn at random, so that no copy of the hub draws it too.
pub type Life = i64;

/// A hub in one of its lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    pub hub: HubId,
    pub life: Life,
}

/// A hub as its journal knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    pub hub: HubId,
    /// The present one.
    pub life: Life,
    /// Those before, the newest last: an archive may have been written in any of them.
    pub earlier: Arc<[Life]>,
}

impl Author {
    pub fn writer(&self) -> Writer {
        Writer {
            hub: self.hub,
            life: self.life,
        }
    }

    pub fn knows(&self, life: Life) -> bool {
        life == self.life || self.earlier.contains(&life)
    }
}
