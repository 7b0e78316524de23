//! How long others may take, by what the hub was there to hear.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// So much passes between two looks at the clock. What a look comes later than that, the hub itself
/// was late.
const LOOK: Duration = Duration::from_millis(500);
/// After a pause, what has arrived meanwhile is still to be read.
const GRACE: Duration = Duration::from_millis(200);

/// What is left of the time somebody has. It does not shrink while the hub stands still.
#[derive(Default)]
pub struct Patience {
    left: Duration,
}

impl Patience {
    pub fn of(left: Duration) -> Self {
        Self { left }
    }

    /// Until the next look.
    pub fn look(&self) -> Duration {
        self.left.min(LOOK)
    }

    /// What comes of `future`, unless it takes longer than there is patience.
    pub async fn wait_for<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        // Most of what is waited for is there already, and then no clock is read.
        let there = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = there {
            return Some(output);
        }
        loop {
            let look = self.look();
            let began = Instant::now();
            let output = timeout(look, future.as_mut()).await;
            let took = began.elapsed();
            match output {
                Ok(output) => {
                    self.left = self.left.saturating_sub(took.min(look));
                    return Some(output);
                }
                Err(_) if self.is_over_after(look, took) => return None,
                Err(_) => {}
            }
        }
    }

    /// Whether that was all: a look that should have taken `look` took so long.
    pub fn is_over_after(&mut self, look: Duration, took: Duration) -> bool {
        self.left = self.left.saturating_sub(took.min(look));
        if !self.left.is_zero() {
            return false;
        }
        self.left = GRACE;
        took < look + LOOK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::{advance, sleep};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn ends_when_it_is_over() {
        let began = Instant::now();
        let mut patience = Patience::of(3 * SECOND);
        assert_eq!(patience.wait_for(pending::<()>()).await, None);
        let took = began.elapsed();
        assert!((3 * SECOND..4 * SECOND).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_share_it() {
        let mut patience = Patience::of(3 * SECOND);
        assert_eq!(patience.wait_for(sleep(2 * SECOND)).await, Some(()));
        assert_eq!(patience.wait_for(sleep(2 * SECOND)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_hub_uses_up_nothing_but_a_moment() {
        let freeze = tokio::spawn(async {
            sleep(Duration::from_millis(1200)).await;
            // Nobody is polled while this passes, as when the process is stopped.
            advance(60 * SECOND).await;
        });
        let began = Instant::now();
        let mut patience = Patience::of(3 * SECOND);
        assert_eq!(patience.wait_for(pending::<()>()).await, None);
        freeze.await.unwrap();
        assert!(began.elapsed() > 62 * SECOND, "{:?}", began.elapsed());
    }
}
