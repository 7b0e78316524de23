//! The time everything in the hub goes by.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::domain::timestamp::Timestamp;

/// Wall-clock time that never jumps: read once at start, then advanced by the monotonic clock.
/// So a step of the system's clock moves no timer and expires no message; and a test that pauses
/// tokio's time moves this clock with it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_at: Timestamp,
    started: Instant,
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
        }
    }

    pub fn now(&self) -> Timestamp {
        self.started_at.plus(self.started.elapsed())
    }

    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When `time` will be, for arming timers; now if it is past.
    pub fn instant(&self, time: Timestamp) -> Instant {
        Instant::now() + time.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_monotonic_clock() {
        let clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(90));
    }
}
