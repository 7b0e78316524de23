//! Whether the hub takes anything in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Shared by all who take something in. What is under way has its room in [`crate::pool`].
#[derive(Clone, Default)]
pub struct CurrentPhase(Arc<Inner>);

#[derive(Default)]
struct Inner {
    phase: AtomicU8,
    draining: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The journal is being replayed.
    Starting = 0,
    Open = 1,
    Draining = 2,
}

impl CurrentPhase {
    pub fn get(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Open,
            _ => Phase::Draining,
        }
    }

    pub fn set(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Release);
        if phase == Phase::Draining {
            self.0.draining.notify_waiters();
        }
    }

    /// Waits until the hub stops: whoever waits for something that takes long waits no more.
    pub async fn draining(&self) {
        let notified = self.0.draining.notified();
        if self.get() != Phase::Draining {
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[actix::test]
    async fn who_waits_learns_that_the_hub_stops_whenever_it_does() {
        let phase = CurrentPhase::default();
        let waiting = actix::spawn({
            let phase = phase.clone();
            async move { phase.draining().await }
        });
        tokio::task::yield_now().await;
        phase.set(Phase::Open);
        assert!(phase.draining().now_or_never().is_none());
        phase.set(Phase::Draining);
        waiting.await.unwrap();
        phase.draining().await;
    }
}
