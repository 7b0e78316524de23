//! Something that may be done only so often for each of many.

use std::hash::Hash;
use std::time::Duration;

use ahash::AHashMap;

/// From so many on, those that nothing waits for are forgotten now and then.
const TIDY_FROM: usize = 256;

/// Turns at even distances, for each key on its own.
#[derive(Clone, Debug)]
pub struct Spacing<K> {
    distance: Duration,
    /// When the next turn of each is free.
    next: AHashMap<K, Duration>,
    tidy_at: usize,
}

impl<K: Eq + Hash> Spacing<K> {
    /// From one turn of a key to the next there is at least so much time.
    pub fn new(distance: Duration) -> Self {
        Self {
            distance,
            next: AHashMap::new(),
            tidy_at: TIDY_FROM,
        }
    }

    /// Takes the next turn of `key` and says how long it is until then. `now` is counted from any
    /// moment.
    pub fn take(&mut self, key: K, now: Duration) -> Duration {
        if self.next.len() >= self.tidy_at {
            self.next.retain(|_, free_at| *free_at > now);
            self.tidy_at = TIDY_FROM.max(self.next.len() * 2);
        }
        let free_at = self.next.entry(key).or_default();
        let turn = now.max(*free_at);
        *free_at = turn.saturating_add(self.distance);
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DISTANCE: Duration = Duration::from_millis(50);

    #[test]
    fn who_comes_at_once_waits_and_nobody_else_does() {
        let mut spacing = Spacing::new(DISTANCE);
        let now = Duration::from_secs(7);
        for waits in [0, 50, 100] {
            assert_eq!(spacing.take("a", now), Duration::from_millis(waits));
        }
        assert_eq!(spacing.take("b", now), Duration::ZERO);
        let later = now + Duration::from_millis(120);
        assert_eq!(spacing.take("a", later), Duration::from_millis(30));
        assert_eq!(
            spacing.take("a", now + Duration::from_secs(1)),
            Duration::ZERO
        );
    }

    #[test]
    fn keeps_nobody_in_mind_whose_turn_is_over() {
        let mut spacing = Spacing::new(DISTANCE);
        for key in 0..100_000_u64 {
            spacing.take(key, Duration::from_millis(key));
        }
        assert!(
            spacing.next.len() <= 2 * TIDY_FROM,
            "{}",
            spacing.next.len()
        );
    }

    proptest! {
        #[test]
        fn turns_are_never_closer_than_the_distance(
            steps in prop::collection::vec((0u64..200, 0u8..3), 1..200),
        ) {
            let (mut spacing, mut now) = (Spacing::new(DISTANCE), Duration::ZERO);
            let mut last = [None::<Duration>; 3];
            for (step, key) in steps {
                now += Duration::from_millis(step);
                let turn = now + spacing.take(key, now);
                if let Some(before) = last[usize::from(key)].replace(turn) {
                    prop_assert!(turn >= before + DISTANCE);
                }
            }
        }
    }
}
