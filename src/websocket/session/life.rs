//! Whether the client is still there.

use crate::domain::timestamp::Timestamp;

/// Pings a client may leave without answer.
const MOST_MISSED: u32 = 2;

/// What shows that the client is there.
pub(super) struct Life {
    /// Something is under way besides pings.
    used: bool,
    /// When it was before the last ping, by the system's clock.
    used_at: Option<Timestamp>,
    heard: bool,
    /// Events or messages have left, which would pile up if nobody took them.
    wrote: bool,
    missed: u32,
}

impl Life {
    pub(super) fn new() -> Self {
        Self {
            used: false,
            used_at: None,
            heard: true,
            wrote: false,
            missed: 0,
        }
    }

    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// It said something itself.
    pub(super) fn said(&mut self) {
        self.used = true;
    }

    pub(super) fn wrote(&mut self) {
        (self.wrote, self.used) = (true, true);
    }

    /// When it was last used, as far as is known.
    pub(super) fn last_used(&self, now: impl FnOnce() -> Timestamp) -> Option<Timestamp> {
        match self.used {
            true => Some(now()),
            false => self.used_at,
        }
    }

    /// The next ping is due; says whether the client is still worth one.
    pub(super) fn beat(&mut self, now: impl FnOnce() -> Timestamp) -> bool {
        self.used_at = self.last_used(now);
        self.used = false;
        let is_alive = self.heard || self.wrote;
        self.missed = if is_alive { 0 } else { self.missed + 1 };
        (self.heard, self.wrote) = (false, false);
        self.missed < MOST_MISSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(7)
    }

    #[test]
    fn two_pings_in_a_row_without_an_answer_are_one_too_many() {
        let mut life = Life::new();
        assert!(life.beat(now));
        assert!(life.beat(now));
        assert!(!life.beat(now));
    }

    #[test]
    fn whoever_says_something_or_takes_something_is_there() {
        for sign in [Life::heard, Life::wrote] {
            let mut life = Life::new();
            for _ in 0..3 {
                assert!(life.beat(now));
                assert!(life.beat(now));
                sign(&mut life);
            }
        }
    }

    #[test]
    fn to_answer_pings_is_no_use() {
        let mut life = Life::new();
        life.heard();
        assert!(life.beat(now));
        assert_eq!(life.last_used(now), None);
        for use_it in [Life::said, Life::wrote] {
            use_it(&mut life);
            let later = || Timestamp::from_millis(8);
            assert_eq!(life.last_used(later), Some(later()));
            life.beat(now);
            life.heard();
            assert_eq!(life.last_used(later), Some(now()));
        }
    }
}
