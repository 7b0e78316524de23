//! The time everything in the hub goes by.

mod pulses;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::moment::{LONGEST_LIFT, Moment};
use crate::domain::timestamp::Timestamp;
use pulses::Pulses;

/// Both clocks are read one after the other and the system's is steered all the time: by less than
/// this they do not count as apart.
const SAME_MS: i64 = 20;

/// The hub has two clocks.
///
/// [`Clock::now`] is its own: read from the system once at start, then advanced by the monotonic
/// clock as long as the hub's threads give a [`Pulse`]. Everything relative is timed by it: leases,
/// heartbeats, backoff, ttl. A step of the system's clock moves none of it, and while the hub stood
/// still or the machine slept it stood still as well, since nobody could be heard. A test that
/// pauses tokio's time moves this clock with it.
///
/// [`Clock::wall`] is the system's, as it is set at that moment. Whatever others compare with their
/// clocks comes from it: stamps, `deliver_at`, what is signed.
///
/// Copies are the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_at: Timestamp,
    started: Instant,
    shared: &'static Shared,
}

#[derive(Debug, Default)]
struct Shared {
    pulses: Pulses,
    /// By how much the system's clock is ahead of the start and what passed since, in milliseconds.
    wall_ahead: AtomicI64,
    /// By how much it was set since that was last asked, in milliseconds.
    stepped: AtomicI64,
    /// The latest time that was in use when the system's clock was set back.
    latest: AtomicI64,
    /// What tests set the system's clock by.
    #[cfg(test)]
    set_by: AtomicI64,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            started_at: system_time(),
            started: Instant::now(),
            // One small allocation for the life of the process, and copies stay copies.
            shared: Box::leak(Box::default()),
        }
    }

    /// The hub's own time, which never jumps.
    pub fn now(&self) -> Timestamp {
        self.own_time(self.passed())
    }

    fn own_time(&self, passed: i64) -> Timestamp {
        let attended = self.shared.pulses.attended(passed);
        Timestamp::from_millis(self.started_at.as_millis() + attended)
    }

    /// Since start, by the monotonic clock, in milliseconds.
    fn passed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The system's time.
    pub fn wall(&self) -> Timestamp {
        self.moment().wall
    }

    /// Both.
    pub fn moment(&self) -> Moment {
        let passed = self.passed();
        let even = self.started_at.as_millis() + passed;
        let read = self.system(even) - even;
        let held = self.shared.wall_ahead.load(Ordering::Acquire);
        let ahead = match (read - held).abs() < SAME_MS {
            true => held,
            false => self.follow(held, read, even),
        };
        Moment {
            hub: self.own_time(passed),
            wall: Timestamp::from_millis(even + ahead),
        }
    }

    /// The system's clock was set, or the machine slept.
    fn follow(&self, held: i64, read: i64, even: i64) -> i64 {
        let exchange = self.shared.wall_ahead.compare_exchange(
            held,
            read,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        // Whoever lost to another thread read the same clock a moment apart.
        if exchange.is_ok() {
            self.shared
                .stepped
                .fetch_add(read - held, Ordering::Relaxed);
            if read < held {
                self.shared.latest.fetch_max(even + held, Ordering::Relaxed);
            }
        }
        read
    }

    /// By how much the system's clock was set since this was last asked, in milliseconds.
    pub fn take_step(&self) -> i64 {
        self.moment();
        self.shared.stepped.swap(0, Ordering::Relaxed)
    }

    /// Something was stamped with this time before the hub started.
    pub fn was_used(&self, time: Timestamp) {
        self.shared
            .latest
            .fetch_max(time.as_millis(), Ordering::Relaxed);
    }

    /// How far times that were in use are ahead of the system's clock. It shrinks as that goes on;
    /// what is further ahead than [`LONGEST_LIFT`] nobody waits for.
    pub fn ahead(&self) -> Duration {
        let wall = self.wall();
        let latest = Timestamp::from_millis(self.shared.latest.load(Ordering::Relaxed));
        let ahead = latest.since(wall);
        match ahead > LONGEST_LIFT {
            true => Duration::ZERO,
            false => ahead,
        }
    }

    /// The pulse of the thread this is called on; time stands still while it is missing.
    pub fn pulse(&self) -> Pulse {
        Pulse {
            clock: *self,
            number: self.shared.pulses.begin(self.passed()),
        }
    }

    /// How long it has been running.
    pub fn running(&self) -> Duration {
        self.started.elapsed()
    }

    #[cfg(not(test))]
    #[allow(
        clippy::unused_self,
        reason = "in tests the system's clock goes by the paused time"
    )]
    fn system(&self, _: i64) -> i64 {
        system_time().as_millis()
    }

    /// In tests the system's clock goes by the paused time, until it is set.
    #[cfg(test)]
    fn system(&self, even: i64) -> i64 {
        even + self.shared.set_by.load(Ordering::Relaxed)
    }

    /// Sets the system's clock forward, or back.
    #[cfg(test)]
    pub fn set_wall_by(&self, millis: i64) {
        self.shared.set_by.fetch_add(millis, Ordering::Relaxed);
    }
}

/// Shows that a thread listens, until this is dropped.
pub struct Pulse {
    clock: Clock,
    number: u64,
}

impl Pulse {
    /// The thread is there; says how long the hub stood still, if it goes on now.
    pub fn beat(&self) -> Duration {
        let pulses = &self.clock.shared.pulses;
        let pause = pulses.beat(self.number, self.clock.passed());
        Duration::from_millis(u64::try_from(pause).unwrap_or(0))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.clock.shared.pulses.end(self.number);
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the system"
)]
fn system_time() -> Timestamp {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::default().plus(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const HOUR_MS: i64 = 3_600_000;

    #[tokio::test(start_paused = true)]
    async fn both_clocks_go_on_with_the_time_that_passes() {
        let clock = Clock::start();
        let before = clock.moment();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before.hub), Duration::from_secs(90));
        assert_eq!(clock.wall().since(before.wall), Duration::from_secs(90));
        assert_eq!(clock.take_step(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_wall_follows_the_system() {
        let clock = Clock::start();
        let (copy, before) = (clock, clock.moment());
        clock.set_wall_by(HOUR_MS);
        assert_eq!(copy.now(), before.hub);
        assert_eq!(copy.wall(), before.wall.plus(HOUR));
        assert_eq!((clock.take_step(), clock.take_step()), (HOUR_MS, 0));
        clock.set_wall_by(-2 * HOUR_MS);
        assert_eq!(copy.wall(), before.wall.minus(HOUR));
        assert_eq!(copy.take_step(), -2 * HOUR_MS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_only_steered_is_not_followed_at_every_look() {
        let clock = Clock::start();
        clock.set_wall_by(SAME_MS - 1);
        assert_eq!(clock.moment().hub, clock.moment().wall);
        assert_eq!(clock.take_step(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_in_use_is_ahead_until_the_system_has_caught_up() {
        let clock = Clock::start();
        assert_eq!(clock.ahead(), Duration::ZERO);
        clock.set_wall_by(-600_000);
        assert_eq!(clock.ahead(), Duration::from_secs(600));
        tokio::time::advance(Duration::from_secs(599)).await;
        assert_eq!(clock.ahead(), Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.ahead(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_of_the_hub_passes_on_the_wall_alone() {
        let clock = Clock::start();
        let (pulse, before) = (clock.pulse(), clock.moment());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(clock.now().since(before.hub) < Duration::from_secs(1));
        assert!(pulse.beat() > Duration::from_secs(3));
        let after = clock.moment();
        assert!(after.hub.since(before.hub) < Duration::from_secs(1));
        assert_eq!(after.wall.since(before.wall), Duration::from_secs(4));
        assert_eq!(clock.take_step(), 0, "nobody set the system's clock");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_years() {
        let clock = Clock::start();
        clock.was_used(clock.wall().plus(10_000 * HOUR));
        assert_eq!(clock.ahead(), Duration::ZERO);
    }
}
