//! The time everything in the hub goes by.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::domain::timestamp::Timestamp;

/// Wall-clock time that never jumps: read once at start, then advanced by the monotonic clock.
/// So a step of the system's clock moves no timer and expires no message; and a test that pauses
/// tokio's time moves this clock with it. Copies are the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_at: Timestamp,
    started: Instant,
    /// How far it was put forward since, in milliseconds.
    ahead_millis: &'static AtomicU64,
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system"
    )]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started_at: Timestamp::default().plus(since_epoch),
            started: Instant::now(),
            // One small allocation for the life of the process, and copies stay copies.
            ahead_millis: Box::leak(Box::default()),
        }
    }

    pub fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        self.started_at.plus(self.started.elapsed()).plus(ahead)
    }

    /// Puts the clock forward to `time` if that is not past, and says by how much.
    ///
    /// The system's clock may have been set back since the journal's last record. Going on from
    /// that record instead keeps what is older older: messages keep their order, timers their time.
    pub fn catch_up_with(&self, time: Timestamp) -> Duration {
        let behind = time.since(self.now());
        let millis = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
        behind
    }

    /// How long it has been running.
    pub fn running(&self) -> Duration {
        self.started.elapsed()
    }

    /// When `time` will be, for arming timers; now if it is past.
    pub fn instant(&self, time: Timestamp) -> Instant {
        Instant::now() + time.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_monotonic_clock() {
        let clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn catches_up_with_what_is_ahead_and_never_goes_back() {
        let clock = Clock::start();
        let (copy, before) = (clock, clock.now());
        let hour = Duration::from_secs(3600);
        assert_eq!(clock.catch_up_with(before.plus(hour)), hour);
        assert_eq!(copy.now(), before.plus(hour));
        assert_eq!(copy.catch_up_with(before), Duration::ZERO);
        assert_eq!(clock.now(), before.plus(hour));
    }
}
