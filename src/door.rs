//! How much may be under way between the socket and the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// Bytes of request bodies that may be in memory at once, over all connections.
pub const MOST_BYTES: usize = 256 << 20;

/// Open, and with room, or not. Shared by all HTTP workers.
#[derive(Clone, Default)]
pub struct Door(Arc<Inner>);

#[derive(Default)]
struct Inner {
    bytes: AtomicUsize,
    phase: AtomicU8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The journal is being replayed.
    Starting = 0,
    Open = 1,
    Draining = 2,
}

/// Bytes under way; they are given back when this is dropped.
pub struct Permit {
    door: Door,
    bytes: usize,
}

impl Door {
    pub fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Open,
            _ => Phase::Draining,
        }
    }

    pub fn set_phase(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Release);
    }

    /// A permit for nothing yet.
    pub fn permit(&self) -> Permit {
        Permit {
            door: self.clone(),
            bytes: 0,
        }
    }
}

impl Permit {
    /// Whether `more` bytes may come in. A refusal takes nothing.
    pub fn grow(&mut self, more: usize) -> bool {
        let before = self.door.0.bytes.fetch_add(more, Ordering::AcqRel);
        if before + more > MOST_BYTES {
            self.door.0.bytes.fetch_sub(more, Ordering::AcqRel);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.door.0.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_bounded_over_all_permits() {
        let door = Door::default();
        let (mut one, mut two) = (door.permit(), door.permit());
        assert!(one.grow(MOST_BYTES - 10));
        assert!(!two.grow(11));
        assert!(two.grow(10));
        assert!(!one.grow(1));
        drop(one);
        assert!(two.grow(MOST_BYTES - 10));
    }
}
