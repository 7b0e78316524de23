//! How often the log speaks of what happens again and again: of the first at once, then of how
//! many more there were, as long as they come. Never a line for each in a flood, never silence.

use std::hash::Hash;
use std::time::Duration;

use ahash::AHashMap;

use crate::domain::timestamp::Timestamp;

/// Counts what was not told, by kind. `L` is what is kept of the last of a kind.
#[derive(Debug)]
pub struct LogLimit<K, L> {
    /// Kinds that are told apart at once.
    most: usize,
    kinds: AHashMap<K, Untold<L>>,
    /// What came when so many kinds were being told apart, by its last.
    others: Option<(K, Untold<L>)>,
}

#[derive(Debug)]
struct Untold<L> {
    every: Duration,
    told_at: Timestamp,
    more: u64,
    last: Option<L>,
}

/// What came since it was told last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary<K, L> {
    /// Of the last; with `mixed`, not of all.
    pub kind: K,
    /// How many came since, the last included.
    pub count: u64,
    /// What was kept of the last.
    pub last: L,
    /// There were too many kinds to tell them apart.
    pub mixed: bool,
}

impl<K: Hash + Eq + Clone, L> LogLimit<K, L> {
    /// Tells at most `most` kinds apart at once, which bounds its memory.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            kinds: AHashMap::new(),
            others: None,
        }
    }

    /// Takes note of one more, and says whether it is to be told at once. If not, it is counted,
    /// and `last` is kept in place of what was kept before.
    pub fn note(
        &mut self,
        kind: &K,
        every: Duration,
        now: Timestamp,
        last: impl FnOnce() -> L,
    ) -> bool {
        if let Some(untold) = self.kinds.get_mut(kind) {
            untold.add(last());
            return false;
        }
        if self.kinds.len() < self.most {
            self.kinds.insert(kind.clone(), Untold::since(now, every));
            return true;
        }
        let untold = Untold::since(now, every);
        let (of_last, others) = self.others.get_or_insert((kind.clone(), untold));
        *of_last = kind.clone();
        others.add(last());
        false
    }

    /// Of which something came not long ago.
    pub fn kinds(&self) -> impl Iterator<Item = &K> {
        self.kinds.keys()
    }

    /// What is to be told now. A kind of which nothing came meanwhile is forgotten: the next of it
    /// is told at once again.
    pub fn due(&mut self, now: Timestamp) -> Vec<Summary<K, L>> {
        self.tell(now, false)
    }

    /// Everything that was not told yet, before the log ends.
    pub fn rest(&mut self, now: Timestamp) -> Vec<Summary<K, L>> {
        self.tell(now, true)
    }

    fn tell(&mut self, now: Timestamp, all: bool) -> Vec<Summary<K, L>> {
        let mut told = Vec::new();
        self.kinds.retain(|kind, untold| {
            if !all && !untold.is_due(now) {
                return true;
            }
            let summary = untold.take(kind, false, now);
            let goes_on = summary.is_some();
            told.extend(summary);
            goes_on
        });
        if let Some((kind, untold)) = &mut self.others
            && (all || untold.is_due(now))
        {
            told.extend(untold.take(kind, true, now));
            self.others = None;
        }
        told
    }
}

impl<L> Untold<L> {
    fn since(now: Timestamp, every: Duration) -> Self {
        Self {
            every,
            told_at: now,
            more: 0,
            last: None,
        }
    }

    fn add(&mut self, last: L) {
        self.more += 1;
        self.last = Some(last);
    }

    /// A clock that went back makes nobody wait for it to catch up.
    fn is_due(&self, now: Timestamp) -> bool {
        now < self.told_at || now.since(self.told_at) >= self.every
    }

    fn take<K: Clone>(&mut self, kind: &K, mixed: bool, now: Timestamp) -> Option<Summary<K, L>> {
        self.told_at = now;
        let last = self.last.take()?;
        Some(Summary {
            kind: kind.clone(),
            count: std::mem::take(&mut self.more),
            last,
            mixed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn note(limit: &mut LogLimit<&'static str, u32>, kind: &'static str, n: u32, s: i64) -> bool {
        limit.note(&kind, EVERY, at(s), || n)
    }

    fn summary(kind: &'static str, count: u64, last: u32) -> Summary<&'static str, u32> {
        Summary {
            kind,
            count,
            last,
            mixed: false,
        }
    }

    #[test]
    fn tells_the_first_of_a_kind_at_once_and_then_how_many_more_came() {
        let mut limit = LogLimit::new(10);
        assert!(note(&mut limit, "a", 1, 0));
        for n in 2..=413 {
            assert!(!note(&mut limit, "a", n, 1));
        }
        assert!(note(&mut limit, "b", 1, 5), "another kind is another line");
        assert_eq!(limit.due(at(9)), []);
        assert_eq!(limit.due(at(10)), [summary("a", 412, 413)]);
        assert_eq!(limit.due(at(11)), [], "once");
    }

    #[test]
    fn goes_on_telling_as_long_as_they_come_and_begins_anew_after_a_silence() {
        let mut limit = LogLimit::new(10);
        assert!(note(&mut limit, "a", 1, 0));
        for round in 1..5 {
            assert!(!note(&mut limit, "a", round, i64::from(round) * 10 - 1));
            let told = limit.due(at(i64::from(round) * 10));
            assert_eq!(told, [summary("a", 1, round)]);
        }
        assert!(!note(&mut limit, "a", 7, 49), "still counted");
        assert_eq!(limit.due(at(50)), [summary("a", 1, 7)]);
        assert_eq!(limit.due(at(60)), []);
        assert!(note(&mut limit, "a", 8, 61), "nothing came for a while");
    }

    #[test]
    fn keeps_no_more_kinds_than_it_may_and_loses_no_count() {
        let kinds = ["a", "b", "c", "d", "e"];
        let mut limit = LogLimit::new(3);
        let first: Vec<bool> = kinds
            .iter()
            .map(|kind| note(&mut limit, kind, 1, 0))
            .collect();
        assert_eq!(first, [true, true, true, false, false]);
        let told = limit.due(at(10));
        let mixed = Summary {
            mixed: true,
            ..summary("e", 2, 1)
        };
        assert_eq!(told, [mixed]);
        assert!(note(&mut limit, "d", 1, 11), "there is room again");
    }

    #[test]
    fn at_the_end_tells_what_it_did_not_tell_yet() {
        let mut limit = LogLimit::new(10);
        note(&mut limit, "a", 1, 0);
        note(&mut limit, "a", 2, 0);
        assert_eq!(limit.rest(at(1)), [summary("a", 1, 2)]);
        assert_eq!(limit.rest(at(1)), []);
    }

    #[test]
    fn a_clock_that_went_back_silences_nobody() {
        let mut limit = LogLimit::new(10);
        note(&mut limit, "a", 1, 1000);
        note(&mut limit, "a", 2, 0);
        assert_eq!(limit.due(at(0)), [summary("a", 1, 2)]);
    }
}
