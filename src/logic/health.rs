//! Whether an instance is well, judged by probes, heartbeats and real deliveries
//! (docs/reference/services.md).

use std::fmt;
use std::time::Duration;

use super::backoff::jitter;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;

/// So long after a delivery failed others do not redeem the instance, or one that fails now and
/// then among thousands a second would change as often.
const UNDER_SUSPICION: Duration = Duration::from_secs(1);
/// Probes that begin together are spread over so long.
const SPREAD: Duration = Duration::from_secs(1);

/// How many signs in a row it takes to change one's mind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// Bad probes in a row that make an instance unhealthy.
    pub unhealthy: u32,
    /// Good signs in a row that make it healthy again.
    pub healthy: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unhealthy: 3,
            healthy: 2,
        }
    }
}

/// What tells how an instance is. Written as the cause of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sign {
    /// The health endpoint answered with a 2xx in time.
    ProbeGood,
    /// With what went wrong.
    ProbeBad(String),
    /// A delivery that the instance answered.
    DeliveryGood,
    /// A delivery that the instance did not answer, or answered with a failure of its own.
    DeliveryFailed,
    /// It said by itself that it lives.
    Heartbeat,
    /// No heartbeat for so long, which is longer than promised.
    Silence(Duration),
    /// It registered again.
    Registered,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProbeGood => f.write_str("health check answered"),
            Self::ProbeBad(error) => write!(f, "health check failed: {error}"),
            Self::DeliveryGood => f.write_str("a delivery was answered"),
            Self::DeliveryFailed => f.write_str("a delivery failed"),
            Self::Heartbeat => f.write_str("heartbeat"),
            Self::Silence(ttl) => write!(f, "no heartbeat for {} s", ttl.as_secs_f64()),
            Self::Registered => f.write_str("registered again"),
        }
    }
}

/// A change of an instance's health, to be published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthChange {
    /// What it was.
    pub from: Health,
    /// What it is from now on; never the same.
    pub to: Health,
}

/// The health of one instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthTracker {
    thresholds: Thresholds,
    health: Health,
    /// Good signs since the last bad one.
    good_in_a_row: u32,
    /// Bad probes since the last good probe or delivery.
    bad_in_a_row: u32,
    /// When a delivery last failed.
    delivery_failed_at: Option<Timestamp>,
    /// It owes a heartbeat, and is unhealthy until it comes.
    silent: bool,
}

impl HealthTracker {
    /// Unknown until the first sign of life.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            health: Health::Unknown,
            good_in_a_row: 0,
            bad_in_a_row: 0,
            delivery_failed_at: None,
            silent: false,
        }
    }

    /// With what was known before, as when a probe is replaced.
    pub fn resume(thresholds: Thresholds, health: Health) -> Self {
        Self {
            health,
            ..Self::new(thresholds)
        }
    }

    /// What is known now.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Takes a sign seen at `now` into account; returns what it changed, if anything.
    pub fn on(&mut self, sign: &Sign, now: Timestamp) -> Option<HealthChange> {
        match sign {
            Sign::DeliveryGood if self.is_under_suspicion(now) => {
                self.bad_in_a_row = 0;
                None
            }
            Sign::ProbeGood | Sign::DeliveryGood => self.on_good(),
            Sign::ProbeBad(_) => self.on_bad(),
            Sign::DeliveryFailed => self.on_delivery_failed(now),
            Sign::Heartbeat => self.on_heartbeat(),
            Sign::Silence(_) => self.on_silence(),
            Sign::Registered => self.on_registered(),
        }
    }

    /// Unknown becomes healthy at once, the rest after `healthy` in a row. Who owes a heartbeat is
    /// not redeemed by anything else.
    fn on_good(&mut self) -> Option<HealthChange> {
        self.bad_in_a_row = 0;
        if self.silent {
            return None;
        }
        self.good_in_a_row = self.good_in_a_row.saturating_add(1);
        if self.health == Health::Unknown || self.good_in_a_row >= self.thresholds.healthy {
            return self.change_to(Health::Healthy);
        }
        None
    }

    /// As a good probe; but that it lives does not refute a health check that says it is not well.
    fn on_heartbeat(&mut self) -> Option<HealthChange> {
        self.silent = false;
        if self.bad_in_a_row > 0 {
            return None;
        }
        self.on_good()
    }

    /// Healthy and unknown become degraded, everything unhealthy after `unhealthy` in a row.
    fn on_bad(&mut self) -> Option<HealthChange> {
        self.good_in_a_row = 0;
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        if self.bad_in_a_row >= self.thresholds.unhealthy {
            return self.change_to(Health::Unhealthy);
        }
        self.degrade()
    }

    /// Healthy and unknown become degraded, but nothing becomes unhealthy, so that retries and
    /// the circuit keep their say.
    fn on_delivery_failed(&mut self, now: Timestamp) -> Option<HealthChange> {
        self.good_in_a_row = 0;
        self.delivery_failed_at = Some(now);
        self.degrade()
    }

    fn is_under_suspicion(&self, now: Timestamp) -> bool {
        let failed_at = self.delivery_failed_at;
        failed_at.is_some_and(|at| now.since(at) < UNDER_SUSPICION)
    }

    fn on_silence(&mut self) -> Option<HealthChange> {
        self.silent = true;
        self.good_in_a_row = 0;
        self.change_to(Health::Unhealthy)
    }

    /// What no health check says is unhealthy or degraded may be well again: that is to be found
    /// out.
    fn on_registered(&mut self) -> Option<HealthChange> {
        self.silent = false;
        let may_be_well = match self.health {
            Health::Unhealthy => self.bad_in_a_row < self.thresholds.unhealthy,
            Health::Degraded => self.bad_in_a_row == 0,
            Health::Unknown | Health::Healthy => false,
        };
        if may_be_well {
            return self.change_to(Health::Unknown);
        }
        None
    }

    fn degrade(&mut self) -> Option<HealthChange> {
        match self.health {
            Health::Unknown | Health::Healthy => self.change_to(Health::Degraded),
            Health::Degraded | Health::Unhealthy => None,
        }
    }

    /// # Panics
    /// If what was counted contradicts what follows from it.
    pub fn check(&self) {
        assert!(
            self.good_in_a_row == 0 || self.bad_in_a_row == 0,
            "the last probe was good or bad"
        );
        let is_bad = self.bad_in_a_row > 0 && self.bad_in_a_row >= self.thresholds.unhealthy;
        assert!(
            !(is_bad || self.silent) || self.health == Health::Unhealthy,
            "who fails too often or owes a heartbeat is unhealthy, not {:?}",
            self.health
        );
    }

    fn change_to(&mut self, to: Health) -> Option<HealthChange> {
        let from = std::mem::replace(&mut self.health, to);
        (from != to).then_some(HealthChange { from, to })
    }
}

/// When to probe again: `interval` give or take 5 %, evenly by `random` (0 to 1), so that probes
/// that started together drift apart while their average stays the interval.
pub fn probe_delay(interval: Duration, random: f64) -> Duration {
    interval
        .mul_f64(0.95)
        .saturating_add(jitter(interval, random))
}

/// When to probe first, one of many that begin together: within a second, evenly by `random`
/// (0 to 1).
pub fn first_probe_delay(random: f64) -> Duration {
    SPREAD.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
