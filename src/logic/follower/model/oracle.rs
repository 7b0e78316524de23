//! What a consumer may rely on.

use proptest::prelude::*;

use super::world::World;
use crate::domain::event::Sequence;

pub(super) struct Oracle {
    /// Its machine waits for what was lost.
    waits: bool,
    /// The last event that it was given.
    last: Sequence,
    /// It knows that those before are gone.
    gone_before: Sequence,
}

impl Oracle {
    pub(super) fn new(waits: bool, after: Sequence) -> Self {
        Self {
            waits,
            last: after,
            gone_before: 1,
        }
    }

    /// Once, in order, and none left out that it does not know of.
    pub(super) fn given(&mut self, sequence: Sequence, world: &World) -> Result<(), TestCaseError> {
        let last = self.last;
        prop_assert!(sequence > last, "{sequence} is given after {last}");
        prop_assert!(world.is_wanted(sequence), "{sequence} is not wanted");
        let left_out = self.left_out(sequence, world);
        prop_assert_eq!(left_out, None, "left out between {} and {}", last, sequence);
        self.last = sequence;
        Ok(())
    }

    pub(super) fn told(&mut self, oldest: Sequence, world: &World) -> Result<(), TestCaseError> {
        prop_assert!(!self.waits, "it waits for what is lost");
        let gone = world.most_gone;
        prop_assert!(
            oldest <= gone,
            "told that {oldest} is the oldest, which never was more than {gone}"
        );
        self.gone_before = self.gone_before.max(oldest);
        Ok(())
    }

    /// Somebody says to go on without what is lost by now.
    pub(super) fn passes(&mut self, world: &World) {
        if self.waits {
            self.gone_before = self.gone_before.max(world.history_begins);
        }
    }

    pub(super) fn is_owed_nothing(&self, world: &World) -> Result<(), TestCaseError> {
        let owed = self.left_out(Sequence::MAX, world);
        prop_assert_eq!(owed, None, "owed after {}", self.last);
        Ok(())
    }

    /// The first event before this one that it should have been given.
    fn left_out(&self, before: Sequence, world: &World) -> Option<Sequence> {
        // Retention passes no position that somebody needs, so what it removed is of no concern to
        // whoever waits.
        let removed = if self.waits { world.removed_before } else { 1 };
        let known = self.gone_before.max(removed);
        let mut wanted = world.wanted(self.last, before);
        wanted.find(|sequence| *sequence >= known)
    }
}
