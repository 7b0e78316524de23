//! Whether the hub takes anything in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Shared by all HTTP workers. What is under way has its room in [`crate::pool`].
#[derive(Clone, Default)]
pub struct CurrentPhase(Arc<AtomicU8>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The journal is being replayed.
    Starting = 0,
    Open = 1,
    Draining = 2,
}

impl CurrentPhase {
    pub fn get(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Open,
            _ => Phase::Draining,
        }
    }

    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }
}
