//! What happens often, said seldom: the first time at once, then once a period with the count.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::domain::timestamp::Timestamp;

/// More different things than this are counted together.
const MOST: usize = 1000;

pub struct Seldom<K> {
    period: Duration,
    happened: HashMap<K, Happened>,
    /// What found no place among the others.
    beyond: u64,
}

struct Happened {
    said_at: Timestamp,
    /// Times since then.
    unsaid: u64,
}

/// What is to be done about something that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// It is new, so it is said now.
    pub say_now: bool,
    /// Nothing had happened for a while; from now on somebody has to ask what is due.
    pub is_first: bool,
}

impl<K: Eq + Hash + Clone> Seldom<K> {
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            happened: HashMap::new(),
            beyond: 0,
        }
    }

    pub fn note(&mut self, what: K, now: Timestamp) -> Noted {
        let is_first = self.is_quiet();
        if let Some(happened) = self.happened.get_mut(&what) {
            happened.unsaid += 1;
        } else if self.happened.len() < MOST {
            let happened = Happened {
                said_at: now,
                unsaid: 0,
            };
            self.happened.insert(what, happened);
            return Noted {
                say_now: true,
                is_first,
            };
        } else {
            self.beyond += 1;
        }
        Noted {
            say_now: false,
            is_first,
        }
    }

    /// What happened since it was said last, with how often, and a period is over; `None` stands
    /// for all that found no place. What did not happen again is forgotten.
    pub fn due(&mut self, now: Timestamp) -> Vec<(Option<K>, u64)> {
        let mut due = Vec::new();
        let period = self.period;
        self.happened.retain(|what, happened| {
            if now.since(happened.said_at) < period {
                return true;
            }
            if happened.unsaid == 0 {
                return false;
            }
            due.push((Some(what.clone()), happened.unsaid));
            happened.said_at = now;
            happened.unsaid = 0;
            true
        });
        if self.beyond > 0 {
            due.push((None, std::mem::take(&mut self.beyond)));
        }
        due
    }

    /// Nothing is left that could become due.
    pub fn is_quiet(&self) -> bool {
        self.happened.is_empty() && self.beyond == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_first_is_said_at_once_and_the_rest_once_a_period() {
        let mut seldom = Seldom::new(Duration::from_secs(60));
        let noted = |say_now, is_first| Noted { say_now, is_first };
        assert_eq!(seldom.note("a", at(0)), noted(true, true));
        assert_eq!(seldom.note("a", at(1)), noted(false, false));
        assert_eq!(seldom.note("b", at(2)), noted(true, false));
        assert_eq!(seldom.note("a", at(3)), noted(false, false));
        assert_eq!(seldom.due(at(59)), []);
        assert_eq!(seldom.due(at(60)), [(Some("a"), 2)]);
        assert_eq!(seldom.note("a", at(61)), noted(false, false));
        assert_eq!(seldom.due(at(70)), []);
        assert_eq!(seldom.due(at(120)), [(Some("a"), 1)]);
        assert!(!seldom.is_quiet());
        assert_eq!(seldom.due(at(180)), []);
        assert!(seldom.is_quiet());
        assert_eq!(seldom.note("a", at(181)), noted(true, true));
    }

    #[test]
    fn more_than_find_a_place_are_counted_together() {
        let mut seldom = Seldom::new(Duration::from_secs(60));
        for n in 0..MOST + 5 {
            seldom.note(n, at(0));
        }
        assert_eq!(seldom.due(at(1)), [(None, 5)]);
    }
}
