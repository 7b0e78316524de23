//! Who holds each ordering key of a destination, and who waits for it.

use std::collections::BTreeSet;

use ahash::AHashMap;

use crate::domain::ids::{Label, MessageId, Position};

/// Messages that share a key are never in flight together: the earliest unsettled one holds the
/// key until it is settled. A dead letter may go on holding it.
#[derive(Debug, Default)]
pub(super) struct OrderingKeys {
    keys: AHashMap<Label, Key>,
}

#[derive(Debug, Default)]
struct Key {
    holder: Option<MessageId>,
    /// Dead letters, which nobody else passes.
    dead_letters: BTreeSet<MessageId>,
    waiting: BTreeSet<(Position, MessageId)>,
}

/// A dead letter sent again goes before what waited for it.
const FIRST: Position = 0;

impl Key {
    /// Gives a free key to the next in order of acceptance, if nothing stands in the way.
    fn pass_on(&mut self) -> Option<MessageId> {
        if self.holder.is_some() || !self.dead_letters.is_empty() {
            return None;
        }
        self.holder = self.waiting.pop_first().map(|(_, next)| next);
        self.holder
    }

    fn is_unused(&self) -> bool {
        self.holder.is_none() && self.dead_letters.is_empty() && self.waiting.is_empty()
    }
}

impl OrderingKeys {
    /// Whether `id` may go; otherwise it waits until one of the other calls names it.
    pub(super) fn claim(&mut self, key: &Label, order: Position, id: MessageId) -> bool {
        let known = self.keys.entry(key.clone()).or_default();
        if known.holder == Some(id) {
            return true;
        }
        if known.is_unused() {
            known.holder = Some(id);
            return true;
        }
        if !known.waiting.contains(&(FIRST, id)) {
            known.waiting.insert((order, id));
        }
        false
    }

    /// `id` was settled. If it held the key, the next holds it now and is returned; after a
    /// restart that one may be waiting for its next attempt.
    pub(super) fn release(
        &mut self,
        key: &Label,
        order: Position,
        id: MessageId,
    ) -> Option<MessageId> {
        self.change(key, |known| {
            known.waiting.remove(&(order, id));
            known.waiting.remove(&(FIRST, id));
            if known.holder == Some(id) {
                known.holder = None;
            }
        })
    }

    /// `id` became a dead letter that nobody passes.
    pub(super) fn hold(&mut self, key: &Label, order: Position, id: MessageId) {
        let known = self.keys.entry(key.clone()).or_default();
        known.dead_letters.insert(id);
        self.release(key, order, id);
    }

    /// The dead letter is gone for good.
    pub(super) fn let_go(&mut self, key: &Label, id: MessageId) -> Option<MessageId> {
        self.change(key, |known| {
            known.dead_letters.remove(&id);
        })
    }

    /// The dead letter is sent again, before whatever waited for it.
    pub(super) fn send_again(&mut self, key: &Label, id: MessageId) {
        let known = self.keys.entry(key.clone()).or_default();
        known.dead_letters.remove(&id);
        if known.holder.is_none() {
            known.holder = Some(id);
        } else {
            known.waiting.insert((FIRST, id));
        }
    }

    fn change(&mut self, key: &Label, change: impl FnOnce(&mut Key)) -> Option<MessageId> {
        let known = self.keys.get_mut(key)?;
        change(known);
        let next = known.pass_on();
        if known.is_unused() {
            self.keys.remove(key);
        }
        next
    }

    /// Nobody holds a key, or waits for one.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The message that others with this key wait for.
    pub(super) fn holder(&self, key: &Label) -> Option<MessageId> {
        self.keys.get(key)?.holder
    }

    /// A dead letter that others with this key wait for.
    pub(super) fn dead_letter(&self, key: &Label) -> Option<MessageId> {
        self.keys.get(key)?.dead_letters.first().copied()
    }
}

impl OrderingKeys {
    /// Whether it waits for the key.
    pub(super) fn awaits(&self, key: &Label, order: Position, id: MessageId) -> bool {
        let waiting = self.keys.get(key).map(|known| &known.waiting);
        waiting.is_some_and(|all| all.contains(&(order, id)) || all.contains(&(FIRST, id)))
    }

    /// # Panics
    /// If somebody has a part in a key who is not there, or a key that is free was not passed on.
    pub(super) fn check(
        &self,
        is_owed: impl Fn(MessageId, &Label) -> bool,
        is_dead_letter: impl Fn(MessageId, &Label) -> bool,
    ) {
        for (key, known) in &self.keys {
            assert!(!known.is_unused(), "{key} is forgotten");
            let is_held_up = known.holder.is_some() || !known.dead_letters.is_empty();
            assert!(is_held_up, "{key} is passed on");
            let waiting = known.waiting.iter().map(|(_, id)| *id);
            for id in waiting.chain(known.holder) {
                assert!(is_owed(id, key), "{id} with {key} is owed");
            }
            for id in &known.dead_letters {
                assert!(is_dead_letter(*id, key), "{id} holds {key}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples::id;

    fn key() -> Label {
        Label::parse("customer-7").unwrap()
    }

    /// Messages 1 to `count` have claimed the key, in order.
    fn claimed(count: u64) -> OrderingKeys {
        let mut keys = OrderingKeys::default();
        for order in 1..=count {
            let may_go = keys.claim(&key(), order, id(order.into()));
            assert_eq!(may_go, order == 1);
        }
        keys
    }

    #[test]
    fn the_key_goes_from_one_to_the_next() {
        let mut keys = claimed(3);
        assert_eq!(keys.release(&key(), 2, id(2)), None);
        assert_eq!(keys.release(&key(), 1, id(1)), Some(id(3)));
        assert!(keys.claim(&key(), 3, id(3)));
        assert_eq!(keys.release(&key(), 3, id(3)), None);
        assert!(keys.keys.is_empty());
    }

    #[test]
    fn a_dead_letter_holds_until_it_is_gone() {
        let mut keys = claimed(3);
        keys.hold(&key(), 1, id(1));
        assert_eq!(
            (keys.holder(&key()), keys.dead_letter(&key())),
            (None, Some(id(1)))
        );
        assert!(!keys.claim(&key(), 4, id(4)));
        assert_eq!(keys.let_go(&key(), id(1)), Some(id(2)));
        assert!(keys.claim(&key(), 2, id(2)));
    }

    #[test]
    fn a_dead_letter_sent_again_goes_first() {
        let mut keys = claimed(3);
        keys.hold(&key(), 1, id(1));
        keys.send_again(&key(), id(1));
        assert!(keys.claim(&key(), 9, id(1)));
        assert!(!keys.claim(&key(), 4, id(4)));
        assert_eq!(keys.release(&key(), 9, id(1)), Some(id(2)));
    }

    #[test]
    fn a_dead_letter_sent_again_while_another_is_on_its_way_is_the_next() {
        let mut keys = claimed(3);
        // It ran out of time while it waited for the first.
        keys.hold(&key(), 2, id(2));
        keys.send_again(&key(), id(2));
        assert!(!keys.claim(&key(), 9, id(2)));
        assert_eq!(keys.release(&key(), 1, id(1)), Some(id(2)));
        assert_eq!(keys.release(&key(), 9, id(2)), Some(id(3)));
    }

    #[test]
    fn of_two_dead_letters_each_is_waited_for() {
        let mut keys = claimed(3);
        keys.hold(&key(), 1, id(1));
        keys.hold(&key(), 2, id(2));
        assert_eq!(keys.let_go(&key(), id(1)), None);
        assert_eq!(keys.let_go(&key(), id(2)), Some(id(3)));
    }
}
