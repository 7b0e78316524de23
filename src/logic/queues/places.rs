//! Where each message that is owed stands in lists: by the position at which it was accepted.

use std::collections::{BTreeMap, VecDeque};

use ahash::AHashMap;

use super::entry::Entry;
use crate::domain::fact::message::Redrive;
use crate::domain::ids::{MessageId, Position};

/// Below this many, places of messages that left are not worth tidying up.
const FEW: usize = 64;

/// A message is accepted behind all others and mostly settled before them, so that both cost next
/// to nothing: a place at the end of a row and one less at its front.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By position; `None` where the message has left before an earlier one. Its front is never
    /// `None`.
    row: VecDeque<(Position, Option<MessageId>)>,
    /// How many in the row have left.
    left: usize,
    /// Those that came back to a position that the row no longer has.
    between: BTreeMap<Position, MessageId>,
    /// Those that were sent again stand where they were first accepted, not in their turn.
    elsewhere: AHashMap<MessageId, Position>,
}

impl Places {
    pub(super) fn enter(&mut self, position: Position, id: MessageId) {
        if self.row.back().is_none_or(|(last, _)| *last < position) {
            self.row.push_back((position, Some(id)));
            return;
        }
        match self.find(position) {
            Some(at) => {
                let before = self.row[at].1.replace(id);
                self.left -= usize::from(before.is_none());
            }
            None => {
                self.between.insert(position, id);
            }
        }
    }

    pub(super) fn enter_again(&mut self, redrive: &Redrive, position: Position) {
        let id = redrive.message.id;
        let first = redrive.position.unwrap_or(position);
        self.elsewhere.insert(id, first);
        self.enter(first, id);
    }

    pub(super) fn leave(&mut self, entry: &Entry) {
        let position = self.of(entry);
        if entry.redriven > 0 {
            self.elsewhere.remove(&entry.message.id);
        }
        self.free(position);
    }

    fn free(&mut self, position: Position) {
        let is_first = self
            .row
            .front()
            .is_some_and(|(first, _)| *first == position);
        let at = if is_first {
            Some(0)
        } else {
            self.find(position)
        };
        match at {
            Some(at) => {
                let before = self.row[at].1.take();
                self.left += usize::from(before.is_some());
                self.tidy();
            }
            None => {
                self.between.remove(&position);
            }
        }
    }

    pub(super) fn of(&self, entry: &Entry) -> Position {
        if entry.redriven == 0 {
            return entry.order;
        }
        let first = self.elsewhere.get(&entry.message.id);
        first.copied().unwrap_or(entry.order)
    }

    /// The messages that stand before `end`, the last of them first.
    pub(super) fn before(&self, end: Position) -> impl Iterator<Item = (Position, MessageId)> {
        let till = self.row.partition_point(|(position, _)| *position < end);
        let in_row = self.row.range(..till).rev();
        let mut in_row = in_row
            .filter_map(|(position, id)| Some((*position, (*id)?)))
            .peekable();
        let between = self.between.range(..end).rev();
        let mut between = between.map(|(position, id)| (*position, *id)).peekable();
        std::iter::from_fn(move || {
            let is_later = between.peek() > in_row.peek();
            if is_later {
                between.next()
            } else {
                in_row.next()
            }
        })
    }

    fn find(&self, position: Position) -> Option<usize> {
        self.row.binary_search_by_key(&position, |(at, _)| *at).ok()
    }

    /// Which message stands there.
    fn at(&self, position: Position) -> Option<MessageId> {
        match self.find(position) {
            Some(at) => self.row[at].1,
            None => self.between.get(&position).copied(),
        }
    }

    /// # Panics
    /// If not exactly these messages stand in the list, each in its place.
    pub(super) fn check<'a>(&self, entries: impl ExactSizeIterator<Item = &'a Entry>) {
        let count = self.row.len() - self.left + self.between.len();
        assert_eq!(count, entries.len(), "messages that are owed are listed");
        let gone = self.row.iter().filter(|(_, id)| id.is_none()).count();
        assert_eq!(
            self.left, gone,
            "places in the row that are free are counted"
        );
        let front = self.row.front();
        assert!(
            front.is_none_or(|(_, id)| id.is_some()),
            "the row begins with a message"
        );
        let rises = self
            .row
            .iter()
            .map(|(position, _)| position)
            .is_sorted_by(|one, two| one < two);
        assert!(rises, "the row is in order of acceptance");
        let mut again = 0;
        for entry in entries {
            again += usize::from(entry.redriven > 0);
            let (id, position) = (entry.message.id, self.of(entry));
            assert_eq!(self.at(position), Some(id), "{id} stands at {position}");
        }
        assert_eq!(
            self.elsewhere.len(),
            again,
            "what was sent again is known to stand elsewhere"
        );
    }

    /// Takes out what has left, at the front at once and within the row once it is the most of it:
    /// each message is moved once for one that left.
    fn tidy(&mut self) {
        while self.row.front().is_some_and(|(_, id)| id.is_none()) {
            self.row.pop_front();
            self.left -= 1;
        }
        if self.left > FEW && self.left > self.row.len() / 2 {
            self.row.retain(|(_, id)| id.is_some());
            self.left = 0;
        }
        if self.row.capacity() > FEW && self.row.len() < self.row.capacity() / 4 {
            self.row.shrink_to(self.row.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[derive(Clone, Debug)]
    enum Act {
        Accept,
        /// The first of those that are there leaves.
        SettleFirst,
        Settle(usize),
        /// One that left comes back to its position.
        Return(usize),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => Just(Act::Accept),
            3 => Just(Act::SettleFirst),
            3 => any::<usize>().prop_map(Act::Settle),
            1 => any::<usize>().prop_map(Act::Return),
        ]
    }

    fn nth(set: &BTreeMap<Position, MessageId>, number: usize) -> Option<Position> {
        let number = number.checked_rem(set.len())?;
        set.keys().nth(number).copied()
    }

    proptest! {
        #[test]
        fn the_list_is_what_a_map_by_position_tells(
            acts in proptest::collection::vec(act(), 1..600),
            end in 0..400u64,
        ) {
            let mut places = Places::default();
            let (mut here, mut gone) = (BTreeMap::new(), BTreeMap::new());
            let mut next = 0;
            for act in acts {
                let settled = match act {
                    Act::Accept => {
                        next += 1;
                        let id = MessageId(Uuid::from_u128(next.into()));
                        places.enter(next, id);
                        here.insert(next, id);
                        None
                    }
                    Act::SettleFirst => nth(&here, 0),
                    Act::Settle(number) => nth(&here, number),
                    Act::Return(number) => {
                        if let Some(position) = nth(&gone, number) {
                            let id = gone.remove(&position).unwrap();
                            places.enter(position, id);
                            here.insert(position, id);
                        }
                        None
                    }
                };
                if let Some(position) = settled {
                    places.free(position);
                    gone.insert(position, here.remove(&position).unwrap());
                }
                let left = places.row.iter().filter(|(_, id)| id.is_none()).count();
                prop_assert_eq!(places.left, left);
                prop_assert!(left <= FEW || left <= places.row.len() / 2);
            }
            let listed: Vec<_> = places.before(end).collect();
            let expected = here.range(..end).rev().map(|(position, id)| (*position, *id));
            prop_assert_eq!(listed, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_has_gone_takes_no_room() {
        let mut places = Places::default();
        for position in 1..=100_000 {
            places.enter(position, MessageId(Uuid::from_u128(position.into())));
        }
        for position in (1..=100_000).rev() {
            places.free(position);
        }
        assert!(places.row.is_empty() && places.row.capacity() <= FEW);
    }
}
