//! When to send: at once, or at fixed moments whatever the hub does (an open loop).
//!
//! The moments are kept even when the hub is late: a request that had to wait for a free
//! connection counts its latency from the moment it was meant for.

use std::cell::Cell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

pub(super) struct Pace {
    is_stopped: Cell<bool>,
    rated: Option<Rated>,
}

struct Rated {
    requests_per_second: f64,
    started: Instant,
    /// The number of the next request.
    next: Cell<u64>,
    /// A permit for each request whose moment has come.
    due: Arc<Semaphore>,
}

impl Pace {
    /// 0 requests per second: as fast as answers come.
    pub(super) fn start(requests_per_second: f64) -> Self {
        let rated = (requests_per_second > 0.0).then(|| Rated::start(requests_per_second));
        Self {
            is_stopped: Cell::new(false),
            rated,
        }
    }

    /// Waits for the moment of the next request and returns it; `None` when it is all over.
    pub(super) async fn next(&self) -> Option<Instant> {
        if let Some(rated) = &self.rated {
            rated.due.acquire().await.ok()?.forget();
            let number = rated.next.replace(rated.next.get() + 1);
            return Some(rated.started + moment_of(number, rated.requests_per_second));
        }
        (!self.is_stopped.get()).then(Instant::now)
    }

    pub(super) fn stop(&self) {
        self.is_stopped.set(true);
        if let Some(rated) = &self.rated {
            rated.due.close();
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Rated {
    fn start(requests_per_second: f64) -> Self {
        let started = Instant::now();
        let due = Arc::new(Semaphore::new(0));
        let ticks = due.clone();
        thread::spawn(move || tick(&ticks, started, requests_per_second));
        Self {
            requests_per_second,
            started,
            next: Cell::new(0),
            due,
        }
    }
}

/// A thread of its own, since the runtime's timers round up to a millisecond.
fn tick(due: &Semaphore, started: Instant, requests_per_second: f64) {
    let mut given = 0;
    while !due.is_closed() {
        let count = due_after(started.elapsed(), requests_per_second);
        due.add_permits(usize::try_from(count - given).expect("requests fit in memory"));
        given = count;
        let next = moment_of(given, requests_per_second);
        thread::park_timeout(next.saturating_sub(started.elapsed()));
    }
}

/// How many requests are due `elapsed` after the start; the first is due at once.
fn due_after(elapsed: Duration, requests_per_second: f64) -> u64 {
    (elapsed.as_secs_f64() * requests_per_second) as u64 + 1
}

/// When request `number` (from 0) is due, after the start.
fn moment_of(number: u64, requests_per_second: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / requests_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_rate_of_1000_makes_one_request_a_millisecond() {
        assert_eq!(due_after(Duration::ZERO, 1000.0), 1);
        assert_eq!(due_after(Duration::from_micros(10_500), 1000.0), 11);
        assert_eq!(moment_of(10, 1000.0), Duration::from_millis(10));
    }

    proptest! {
        #[test]
        fn what_is_due_was_meant_for_now_or_earlier(
            nanos in 0..3_600_000_000_000_u64,
            rate in 0.1..1e6_f64,
        ) {
            let elapsed = Duration::from_nanos(nanos);
            let due = due_after(elapsed, rate);
            let slack = Duration::from_micros(1);
            prop_assert!(moment_of(due - 1, rate) <= elapsed + slack);
            prop_assert!(moment_of(due, rate) + slack >= elapsed);
        }
    }

    #[actix::test]
    async fn moments_do_not_wait_for_the_hub() {
        let pace = Pace::start(10_000.0);
        let mut moments = Vec::new();
        for _ in 0..50 {
            moments.push(pace.next().await.unwrap());
        }
        let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
        for gap in gaps {
            assert!(gap.abs_diff(Duration::from_micros(100)) < Duration::from_micros(1));
        }
        pace.stop();
        assert_eq!(pace.next().await, None);
    }

    #[actix::test]
    async fn without_a_rate_it_is_always_now() {
        let pace = Pace::start(0.0);
        assert!(pace.next().await.is_some());
        pace.stop();
        assert_eq!(pace.next().await, None);
    }
}
