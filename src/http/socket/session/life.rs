//! Whether the client is still there.

/// Pings a client may leave without answer.
const MOST_MISSED: u32 = 2;

/// What shows that the client is there.
pub struct Life {
    heard: bool,
    /// Events or messages have left, which would pile up if nobody took them.
    wrote: bool,
    missed: u32,
}

impl Life {
    pub fn new() -> Self {
        Self {
            heard: true,
            wrote: false,
            missed: 0,
        }
    }

    pub fn heard(&mut self) {
        self.heard = true;
    }

    pub fn wrote(&mut self) {
        self.wrote = true;
    }

    /// The next ping is due; says whether the client is still worth one.
    pub fn beat(&mut self) -> bool {
        let is_alive = self.heard || self.wrote;
        self.missed = if is_alive { 0 } else { self.missed + 1 };
        (self.heard, self.wrote) = (false, false);
        self.missed < MOST_MISSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pings_in_a_row_without_an_answer_are_one_too_many() {
        let mut life = Life::new();
        assert!(life.beat());
        assert!(life.beat());
        assert!(!life.beat());
    }

    #[test]
    fn whoever_says_something_or_takes_something_is_there() {
        for sign in [Life::heard, Life::wrote] {
            let mut life = Life::new();
            for _ in 0..3 {
                assert!(life.beat());
                assert!(life.beat());
                sign(&mut life);
            }
        }
    }
}
