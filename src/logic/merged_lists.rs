//! Lists of one order that are looked through as one, of each a stretch at a time.
//!
//! What was found in one is told when the others were looked through as far: else it would come
//! before something newer.

use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;

/// Lists, newest first, and what was found in them and not told yet.
#[derive(Debug)]
pub struct MergedLists<T> {
    lists: Vec<ListedSoFar>,
    found: Vec<(Position, T)>,
}

/// How far one of the lists was looked through.
#[derive(Clone, Copy, Debug)]
struct ListedSoFar {
    /// It goes on before this place; `None`: it begins with the newest.
    before: Option<Position>,
    /// When the last item that was looked at came to stand there.
    back_to: Option<Timestamp>,
    is_over: bool,
}

/// Where a stretch of a list ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StretchEnd {
    /// Where its last item stands, and since when; `None`: there was none.
    pub last: Option<(Position, Timestamp)>,
    /// Whether the list ends with it.
    pub is_last: bool,
}

impl StretchEnd {
    /// Of a list in which nothing stands.
    pub const NOTHING: Self = Self {
        last: None,
        is_last: true,
    };
}

/// What can be told, newest first.
#[derive(Debug)]
pub struct KnownNext<T> {
    /// What was found.
    pub found: Vec<T>,
    /// All lists were looked through as far as this place; `None`: to their ends.
    pub before: Option<Position>,
    /// Since when the last item stands that was looked at so far.
    pub back_to: Option<Timestamp>,
}

impl<T> MergedLists<T> {
    /// So many lists, each from before this place on; `None`: from the newest.
    pub fn new(lists: usize, before: Option<Position>) -> Self {
        let list = ListedSoFar {
            before,
            back_to: None,
            is_over: false,
        };
        Self {
            lists: vec![list; lists],
            found: Vec::new(),
        }
    }

    /// Where this list has to be looked at next, if it is its turn: nobody is ahead of it.
    pub fn turn_of(&self, list: usize) -> Option<Option<Position>> {
        let list = &self.lists[list];
        let is_due = !list.is_over && list.reached() == self.reached();
        is_due.then_some(list.before)
    }

    /// What was found in the next stretch of this list.
    pub fn add(
        &mut self,
        list: usize,
        found: impl IntoIterator<Item = (Position, T)>,
        end: StretchEnd,
    ) {
        let list = &mut self.lists[list];
        if let Some((position, at)) = end.last {
            (list.before, list.back_to) = (Some(position), Some(at));
        }
        // A stretch without anything says that nothing is left.
        list.is_over = end.is_last || end.last.is_none();
        self.found.extend(found);
    }

    /// What is known to come next. What was found behind it waits.
    pub fn tell(&mut self) -> KnownNext<T> {
        let reached = self.reached();
        let (mut told, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.found)
            .into_iter()
            .partition(|(position, _)| *position >= reached);
        self.found = waiting;
        told.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        let open = self.lists.iter().filter(|list| !list.is_over);
        let back_to = match open.clone().next() {
            Some(_) => open.filter_map(|list| list.back_to).max(),
            None => self.lists.iter().filter_map(|list| list.back_to).min(),
        };
        let is_over = self.lists.iter().all(|list| list.is_over);
        KnownNext {
            found: told.into_iter().map(|(_, item)| item).collect(),
            before: (!is_over).then_some(reached),
            back_to,
        }
    }

    fn reached(&self) -> Position {
        let open = self.lists.iter().filter(|list| !list.is_over);
        open.map(ListedSoFar::reached).max().unwrap_or(0)
    }
}

impl ListedSoFar {
    fn reached(&self) -> Position {
        self.before.unwrap_or(Position::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(position: Position) -> Timestamp {
        Timestamp::from_millis(position as i64)
    }

    proptest! {
        #[test]
        fn lists_are_told_as_one_whatever_stretches_they_come_in(
            items in proptest::collection::btree_map(1..200u64, (0..2usize, any::<bool>()), 0..100),
            stretches in proptest::collection::vec(1..9usize, 1..9),
            start in proptest::option::of(1..200u64),
        ) {
            let mut merged = MergedLists::new(2, start);
            let mut lengths = stretches.into_iter().cycle();
            let mut told = Vec::new();
            let mut before = start;
            loop {
                for list in 0..2 {
                    let Some(from) = merged.turn_of(list) else { continue };
                    let left = stretch_of(&items, list, from);
                    let length = lengths.next().unwrap();
                    let looked_at = &left[..left.len().min(length)];
                    let found = looked_at.iter().filter(|(_, is_meant)| *is_meant);
                    let found = found.map(|(position, _)| (*position, *position));
                    let last = looked_at.last().map(|(position, _)| (*position, at(*position)));
                    let end = StretchEnd { last, is_last: left.len() <= length };
                    merged.add(list, found, end);
                }
                let next = merged.tell();
                let reached = next.before.unwrap_or(0);
                prop_assert!(reached < before.unwrap_or(Position::MAX), "it goes on");
                prop_assert!(next.found.iter().all(|position| *position >= reached));
                told.extend(next.found);
                before = next.before;
                if before.is_none() {
                    let mut all = items.range(..start.unwrap_or(Position::MAX));
                    prop_assert_eq!(next.back_to, all.next().map(|(oldest, _)| at(*oldest)));
                    break;
                }
                prop_assert_eq!(next.back_to, Some(at(reached)));
            }
            let expected: Vec<_> = items
                .range(..start.unwrap_or(Position::MAX))
                .rev()
                .filter(|(_, (_, is_meant))| *is_meant)
                .map(|(position, _)| *position)
                .collect();
            prop_assert_eq!(told, expected);
        }
    }

    /// What is left of a list, and whether each item is meant.
    fn stretch_of(
        items: &BTreeMap<Position, (usize, bool)>,
        list: usize,
        before: Option<Position>,
    ) -> Vec<(Position, bool)> {
        let left = items.range(..before.unwrap_or(Position::MAX)).rev();
        left.filter(|(_, (of, _))| *of == list)
            .map(|(position, (_, is_meant))| (*position, *is_meant))
            .collect()
    }
}
