//! What is due when: one time per key, the earliest first.

use std::collections::BTreeSet;
use std::hash::Hash;

use ahash::AHashMap;

use crate::domain::timestamp::Timestamp;

/// Keys waiting for their time. Every operation is O(log n).
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    by_time: BTreeSet<(Timestamp, K)>,
    by_key: AHashMap<K, Timestamp>,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            by_key: AHashMap::new(),
        }
    }
}

impl<K: Ord + Hash + Clone> TimerQueue<K> {
    /// Makes `key` due at `at`, instead of any earlier arrangement for it.
    pub fn set(&mut self, key: K, at: Timestamp) {
        if let Some(before) = self.by_key.insert(key.clone(), at) {
            if before == at {
                return;
            }
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    /// Forgets `key`; returns when it would have been due.
    pub fn remove(&mut self, key: &K) -> Option<Timestamp> {
        let (key, at) = self.by_key.remove_entry(key)?;
        self.by_time.remove(&(at, key));
        Some(at)
    }

    /// When `key` is due.
    pub fn get(&self, key: &K) -> Option<Timestamp> {
        self.by_key.get(key).copied()
    }

    /// When the first key is due: the time to wake up.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out what is due by `now`, at most `max` keys, in order of time and then of key.
    pub fn pop_due(&mut self, now: Timestamp, max: usize) -> Vec<K> {
        let mut due = Vec::new();
        while due.len() < max && self.next().is_some_and(|at| at <= now) {
            let Some((_, key)) = self.by_time.pop_first() else {
                break;
            };
            self.by_key.remove(&key);
            due.push(key);
        }
        due
    }

    /// Whether each key is found by its time, and nothing else.
    pub fn check(&self) -> bool {
        let mut keys = self.by_key.iter();
        self.by_key.len() == self.by_time.len()
            && keys.all(|(key, at)| self.by_time.contains(&(*at, key.clone())))
    }

    /// How many keys wait.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn gives_what_is_due_in_order() {
        let mut timers = TimerQueue::default();
        for (key, millis) in [("c", 30), ("a", 10), ("b", 20)] {
            timers.set(key, at(millis));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9), 10), Vec::<&str>::new());
        assert_eq!(timers.pop_due(at(20), 10), ["a", "b"]);
        assert_eq!(timers.next(), Some(at(30)));
    }

    #[test]
    fn a_key_has_one_time() {
        let mut timers = TimerQueue::default();
        timers.set("a", at(10));
        timers.set("a", at(50));
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.pop_due(at(49), 10), Vec::<&str>::new());
        assert_eq!(timers.remove(&"a"), Some(at(50)));
        assert_eq!(timers.remove(&"a"), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn takes_no_more_than_asked() {
        let mut timers = TimerQueue::default();
        for key in 0..5 {
            timers.set(key, at(0));
        }
        assert_eq!(timers.pop_due(at(0), 2), [0, 1]);
        assert_eq!(timers.len(), 3);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u8, i64),
        Remove(u8),
        PopDue(i64, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u8..20, 0i64..50).prop_map(|(key, millis)| Step::Set(key, millis)),
            1 => (0u8..20).prop_map(Step::Remove),
            1 => (0i64..50, 0usize..5).prop_map(|(now, max)| Step::PopDue(now, max)),
        ]
    }

    fn due_in(model: &BTreeMap<u8, i64>, now: i64, max: usize) -> Vec<u8> {
        let mut due: Vec<(i64, u8)> = model.iter().map(|(key, at)| (*at, *key)).collect();
        due.retain(|(at, _)| *at <= now);
        due.sort_unstable();
        due.into_iter().take(max).map(|(_, key)| key).collect()
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_map(steps in prop::collection::vec(step(), 0..200)) {
            let mut timers = TimerQueue::default();
            let mut model = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(key, millis) => {
                        timers.set(key, at(millis));
                        model.insert(key, millis);
                    }
                    Step::Remove(key) => {
                        prop_assert_eq!(timers.remove(&key), model.remove(&key).map(at));
                    }
                    Step::PopDue(now, max) => {
                        let expected = due_in(&model, now, max);
                        model.retain(|key, _| !expected.contains(key));
                        prop_assert_eq!(timers.pop_due(at(now), max), expected);
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.next(), model.values().min().copied().map(at));
            }
        }
    }
}
