//! A set of sequence numbers, one bit for each.

#[derive(Clone, Default)]
pub(super) struct Marks {
    words: Vec<u64>,
}

impl Marks {
    /// Puts `sequence` in; `false` if it was there before. The numbers should be dense.
    pub(super) fn set(&mut self, sequence: u64) -> bool {
        let index = usize::try_from(sequence / 64).expect("sequence numbers count what was sent");
        if index >= self.words.len() {
            self.words.resize((index + 1).next_power_of_two(), 0);
        }
        let bit = 1 << (sequence % 64);
        let is_new = self.words[index] & bit == 0;
        self.words[index] |= bit;
        is_new
    }

    /// How many of these are not in `other`.
    pub(super) fn missing_in(&self, other: &Self) -> u64 {
        let others = other.words.iter().chain(std::iter::repeat(&0));
        let missing = self.words.iter().zip(others);
        missing
            .map(|(ours, theirs)| u64::from((ours & !theirs).count_ones()))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn marks(sequences: &BTreeSet<u64>) -> Marks {
        let mut marks = Marks::default();
        for &sequence in sequences {
            assert!(marks.set(sequence));
        }
        marks
    }

    proptest! {
        #[test]
        fn marks_are_a_set(
            some in prop::collection::btree_set(0..1000_u64, 0..50),
            others in prop::collection::btree_set(0..1000_u64, 0..50),
        ) {
            let missing = some.difference(&others).count() as u64;
            prop_assert_eq!(marks(&some).missing_in(&marks(&others)), missing);
        }

        #[test]
        fn what_is_there_is_not_new(sequence in 0..10_000_u64) {
            let mut marks = Marks::default();
            prop_assert!(marks.set(sequence));
            prop_assert!(!marks.set(sequence));
        }
    }
}
