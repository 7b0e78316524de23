//! Whether the hub stands still, told by the pulse of its threads.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A thread that gave no pulse for so long does not listen, in milliseconds. Much longer than the
/// time between two pulses, since a thread that is only busy is no pause.
pub(super) const LONGEST_SILENCE_MS: i64 = 500;
/// A thread that stands still for so long is given up: the others go on without it.
const GIVEN_UP_MS: i64 = 60_000;

/// The time that passed while the hub listened: what others did meanwhile it could hear.
///
/// Times are in milliseconds since start by the monotonic clock. Without a pulse, time passes as
/// everywhere.
#[derive(Debug)]
pub(super) struct Pulses {
    /// Time stands still here until every thread has given its pulse.
    limit: AtomicI64,
    /// How long the hub stood still so far.
    paused: AtomicI64,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    begun: u64,
    /// Number and latest pulse.
    latest: Vec<(u64, i64)>,
}

impl Default for Pulses {
    fn default() -> Self {
        Self {
            limit: AtomicI64::new(i64::MAX),
            paused: AtomicI64::new(0),
            threads: Mutex::default(),
        }
    }
}

impl Pulses {
    /// How much of `passed` the hub was there for.
    pub(super) fn attended(&self, passed: i64) -> i64 {
        // In this order: whoever sees a new limit sees the pause before it, too.
        let limit = self.limit.load(Ordering::Acquire);
        passed.min(limit) - self.paused.load(Ordering::Acquire)
    }

    /// A thread begins to give its pulse; gives its number.
    pub(super) fn begin(&self, passed: i64) -> u64 {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.begun += 1;
        let number = threads.begun;
        threads.latest.push((number, passed));
        self.go_on(&threads, passed);
        number
    }

    /// A thread is there; says how long the hub stood still, if it goes on now.
    pub(super) fn beat(&self, number: u64, passed: i64) -> i64 {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (thread, latest) in &mut threads.latest {
            if *thread == number {
                *latest = passed;
            }
        }
        self.go_on(&threads, passed)
    }

    /// A thread has ended.
    pub(super) fn end(&self, number: u64) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.latest.retain(|(thread, _)| *thread != number);
    }

    fn go_on(&self, threads: &Threads, passed: i64) -> i64 {
        let latest = threads.latest.iter().map(|(_, latest)| *latest);
        let slowest = latest.filter(|latest| passed - latest < GIVEN_UP_MS).min();
        let next = slowest.map_or(i64::MAX, |slowest| slowest + LONGEST_SILENCE_MS);
        if passed > next {
            return 0;
        }
        let pause = (passed - self.limit.load(Ordering::Relaxed)).max(0);
        self.paused.fetch_add(pause, Ordering::Release);
        self.limit.store(next, Ordering::Release);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_pulse_time_passes_as_everywhere() {
        assert_eq!(Pulses::default().attended(1_000_000), 1_000_000);
    }

    #[test]
    fn a_pause_is_no_time() {
        let pulses = Pulses::default();
        let thread = pulses.begin(0);
        assert_eq!(pulses.beat(thread, 100), 0);
        assert_eq!(pulses.attended(150), 150);
        // Frozen from here to 4100: whoever looks before the pulse must not see it pass either.
        assert_eq!(pulses.attended(4_100), 600);
        assert_eq!(pulses.beat(thread, 4_100), 3_500);
        assert_eq!(pulses.attended(4_100), 600);
        assert_eq!(pulses.attended(4_200), 700);
        assert_eq!(pulses.beat(thread, 4_200), 0);
    }

    #[test]
    fn a_thread_that_is_only_busy_is_no_pause() {
        let pulses = Pulses::default();
        let thread = pulses.begin(0);
        assert_eq!(pulses.beat(thread, LONGEST_SILENCE_MS), 0);
        assert_eq!(pulses.attended(LONGEST_SILENCE_MS), LONGEST_SILENCE_MS);
    }

    #[test]
    fn the_hub_listens_again_when_all_threads_do() {
        let pulses = Pulses::default();
        let (one, two) = (pulses.begin(0), pulses.begin(0));
        assert_eq!(pulses.beat(one, 3_000), 0);
        assert_eq!(pulses.attended(3_000), LONGEST_SILENCE_MS);
        assert_eq!(pulses.beat(two, 3_010), 2_510);
        assert_eq!(pulses.attended(3_020), LONGEST_SILENCE_MS + 10);
        assert_eq!(pulses.beat(one, 3_100), 0);
    }

    #[test]
    fn nobody_waits_for_a_thread_that_ended_or_never_comes_back() {
        let pulses = Pulses::default();
        let (one, two) = (pulses.begin(0), pulses.begin(0));
        pulses.end(two);
        assert_eq!(pulses.beat(one, 400), 0);
        assert_eq!(pulses.beat(one, 800), 0);
        let _hangs = pulses.begin(800);
        for passed in (900..).step_by(100).take_while(|passed| *passed < 61_000) {
            pulses.beat(one, passed);
        }
        assert_eq!(pulses.attended(61_000) - pulses.attended(60_900), 100);
    }

    #[test]
    fn time_never_falls() {
        let pulses = Pulses::default();
        let (one, two) = (pulses.begin(0), pulses.begin(7));
        let mut before = 0;
        for passed in [10, 600, 620, 5_000, 5_001, 5_600, 9_000, 80_000, 80_100] {
            for thread in [one, two] {
                assert!(pulses.attended(passed) >= before, "{passed}");
                before = pulses.attended(passed);
                pulses.beat(thread, passed);
            }
        }
    }
}
