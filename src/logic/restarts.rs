//! When an actor that died is replaced: almost at once after its first death and ever later after
//! those that follow, so that one that dies whenever it begins costs little.

use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// The pause after the first death; it doubles with each death up to [`LAST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause.
pub const LAST_PAUSE: Duration = Duration::from_secs(10);
/// An actor that lived for so long died of something else than those before it.
pub const LONG_LIFE: Duration = Duration::from_secs(60);

/// How often the actors in one place died in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Restarts {
    /// When the present actor began, or the one that died last.
    began_at: Timestamp,
    /// None after a long life.
    deaths: u32,
}

impl Restarts {
    /// An actor begins, the first one or another in its place.
    #[must_use]
    pub fn begun(self, now: Timestamp) -> Self {
        Self {
            began_at: now,
            ..self
        }
    }

    /// The actor died; gives the pause before another one begins.
    pub fn died(&mut self, now: Timestamp) -> Duration {
        if now.since(self.began_at) >= LONG_LIFE {
            self.deaths = 0;
        }
        // Far fewer doublings than 2^16 reach the last pause.
        let doubled = FIRST_PAUSE * 2_u32.pow(self.deaths.min(16));
        self.deaths = self.deaths.saturating_add(1);
        doubled.min(LAST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_death_in_a_row_costs_twice_the_pause_of_the_one_before_up_to_the_last() {
        let (mut restarts, mut now) = (Restarts::default(), Timestamp::default());
        let mut pauses = Vec::new();
        for _ in 0..12 {
            restarts = restarts.begun(now);
            let pause = restarts.died(now);
            pauses.push(pause.as_millis());
            now = now.plus(pause);
        }
        let expected = [
            10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_000, 10_000,
        ];
        assert_eq!(pauses, expected);
    }

    #[test]
    fn after_a_long_life_the_deaths_before_it_count_no_more() {
        let mut now = Timestamp::default();
        let mut restarts = Restarts::default().begun(now);
        assert_eq!(restarts.died(now), FIRST_PAUSE);
        assert_eq!(restarts.died(now), 2 * FIRST_PAUSE);
        restarts = restarts.begun(now);
        now = now.plus(LONG_LIFE - Duration::from_millis(1));
        assert_eq!(restarts.died(now), 4 * FIRST_PAUSE, "not quite long");
        restarts = restarts.begun(now);
        now = now.plus(LONG_LIFE);
        assert_eq!(restarts.died(now), FIRST_PAUSE);
    }

    #[test]
    fn however_many_died_the_pause_stays_the_last() {
        let (now, mut restarts) = (Timestamp::default(), Restarts::default());
        let pauses: Vec<_> = (0..100).map(|_| restarts.died(now)).collect();
        assert!(pauses[10..].iter().all(|pause| *pause == LAST_PAUSE));
    }
}
