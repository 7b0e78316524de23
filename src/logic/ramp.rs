//! How what comes back grows to its full size again: 1, 2, 4, … per round of good answers.

/// A window that doubles each time it has given as many good answers as it is wide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ramp {
    window: u32,
    /// Good answers since the window last grew.
    good: u32,
}

impl Ramp {
    /// Never limits anything.
    pub const DONE: Self = Self {
        window: u32::MAX,
        good: 0,
    };
    /// One at a time.
    pub const START: Self = Self { window: 1, good: 0 };

    /// How many attempts may be under way at once, where `full` is how many may be without it.
    pub fn limit(self, full: u32) -> u32 {
        self.window.min(full)
    }

    /// n answers double a window of n. Failures in between do not start the round anew, or
    /// who fails now and then would never get the full window back.
    #[must_use]
    pub fn after_answer(self) -> Self {
        if self.window == u32::MAX {
            return self;
        }
        let good = self.good + 1;
        if good >= self.window {
            let window = self.window.saturating_mul(2);
            return Self { window, good: 0 };
        }
        Self { good, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_finished_ramp_limits_nothing_whatever_comes() {
        let ramp = Ramp::DONE.after_answer();
        assert_eq!(ramp, Ramp::DONE);
        assert_eq!(ramp.limit(7), 7);
        assert_eq!(ramp.limit(u32::MAX), u32::MAX);
    }

    proptest! {
        #[test]
        fn as_many_answers_as_the_window_double_it(rounds in 0u32..12, full in 0u32..10_000) {
            let mut ramp = Ramp::START;
            for round in 0..rounds {
                for _ in 0..1 << round {
                    prop_assert_eq!(ramp.limit(u32::MAX), 1 << round);
                    ramp = ramp.after_answer();
                }
            }
            prop_assert_eq!(ramp.limit(full), full.min(1 << rounds));
        }
    }
}
