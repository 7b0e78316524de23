//! What survives together: records that were written as one unit are there whole, or not at all.

use std::ops::Range;

use crate::domain::fact::Fact;

/// No unit has more records.
const MOST_RECORDS: usize = 10_000;
/// No unit of more than one record takes more in memory, in bytes.
const MOST_BYTES: usize = 16 << 20;

/// Which facts of a batch survive together. The others are each on their own.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Units(Vec<Range<usize>>);

/// Whether a unit may have so many records of so many bytes together.
pub fn may_have(records: usize, bytes: usize) -> bool {
    records <= MOST_RECORDS && bytes <= MOST_BYTES
}

impl Units {
    /// Makes one unit of the facts at these places, which are behind all units so far.
    pub fn join(&mut self, places: Range<usize>) {
        debug_assert!(self.0.last().is_none_or(|last| last.end <= places.start));
        if places.len() > 1 {
            self.0.push(places);
        }
    }

    /// Whether the fact after the one at `place` belongs to the same unit; asked for one place
    /// after the other.
    pub fn joints(&self) -> impl FnMut(usize) -> bool {
        let mut units = self.0.iter().peekable();
        move |place| {
            while units.next_if(|unit| unit.end <= place).is_some() {}
            units
                .peek()
                .is_some_and(|unit| unit.start <= place && place + 1 < unit.end)
        }
    }

    /// The facts unit by unit.
    pub fn cut(&self, facts: Vec<Fact>) -> Vec<Vec<Fact>> {
        let mut continues = self.joints();
        let mut cut = Vec::new();
        let mut unit = Vec::new();
        for (place, fact) in facts.into_iter().enumerate() {
            unit.push(fact);
            if !continues(place) {
                cut.push(std::mem::take(&mut unit));
            }
        }
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    #[test]
    fn joints_are_between_the_records_of_a_unit() {
        let mut units = Units::default();
        for places in [0..1, 2..4, 4..7, 8..8, 9..10] {
            units.join(places);
        }
        let mut continues = units.joints();
        let joints: Vec<usize> = (0..11).filter(|place| continues(*place)).collect();
        assert_eq!(joints, [2, 4, 5]);
    }

    #[test]
    fn facts_are_cut_into_their_units() {
        let mut units = Units::default();
        units.join(1..3);
        units.join(3..5);
        let facts: Vec<Fact> = (1..=6).map(samples::delivered).collect();
        let lengths: Vec<usize> = units.cut(facts).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2, 2, 1]);
    }

    #[test]
    fn a_unit_has_bounds() {
        assert!(may_have(10_000, 16 << 20));
        assert!(!may_have(10_001, 0) && !may_have(2, (16 << 20) + 1));
    }
}
