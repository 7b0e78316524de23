//! The dead letters of events that are sent again, and what they take in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;

use crate::domain::ids::MessageId;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{EventLetter, SubscriptionId};

/// So many bytes of letters may be owed at once, those of all subscriptions together. They stay in
/// memory until they are settled, and are there again after a restart.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// What is owed as the journal says, and what was let through on its way there.
#[derive(Default)]
pub(super) struct Letters {
    owed: BTreeMap<SubscriptionId, BTreeMap<MessageId, Arc<EventLetter>>>,
    /// Bytes of those that the journal will have in a moment.
    expected: AHashMap<MessageId, usize>,
    /// Of both.
    bytes: usize,
}

impl Letters {
    /// Makes room for a letter. One is let through whatever its size if nothing else is owed.
    ///
    /// # Errors
    /// [`Refusal::LettersFull`]; nothing is counted then.
    pub(super) fn expect(&mut self, letter: &EventLetter) -> Result<(), Refusal> {
        self.arrived(letter.id);
        let bytes = letter.bytes();
        if self.bytes > 0 && self.bytes + bytes > MOST_BYTES {
            return Err(Refusal::LettersFull { limit: MOST_BYTES });
        }
        self.expected.insert(letter.id, bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// The journal has it.
    pub(super) fn put(&mut self, letter: &Arc<EventLetter>) {
        self.arrived(letter.id);
        self.bytes += letter.bytes();
        let letters = self.owed.entry(letter.subscription_id).or_default();
        if let Some(before) = letters.insert(letter.id, letter.clone()) {
            self.bytes -= before.bytes();
        }
    }

    fn arrived(&mut self, id: MessageId) {
        self.bytes -= self.expected.remove(&id).unwrap_or(0);
    }

    pub(super) fn end(&mut self, subscription: SubscriptionId, id: MessageId) {
        let Some(letters) = self.owed.get_mut(&subscription) else {
            return;
        };
        if let Some(ended) = letters.remove(&id) {
            self.bytes -= ended.bytes();
        }
        if letters.is_empty() {
            self.owed.remove(&subscription);
        }
    }

    pub(super) fn check(&self) -> usize {
        let owed = self.owed.values().flat_map(BTreeMap::values);
        let bytes: usize = owed.clone().map(|letter| letter.bytes()).sum();
        let expected: usize = self.expected.values().sum();
        assert_eq!(
            self.bytes,
            bytes + expected,
            "bytes of the letters that are owed"
        );
        assert!(
            !self.owed.values().any(BTreeMap::is_empty),
            "who is owed nothing is forgotten"
        );
        owed.count() + self.expected.len()
    }

    pub(super) fn take(&mut self, subscription: SubscriptionId) -> Vec<Arc<EventLetter>> {
        let taken = self.owed.remove(&subscription).unwrap_or_default();
        for letter in taken.values() {
            self.bytes -= letter.bytes();
        }
        taken.into_values().collect()
    }

    pub(super) fn of(&self, subscription: SubscriptionId) -> Vec<Arc<EventLetter>> {
        let letters = self.owed.get(&subscription).into_iter();
        letters.flat_map(|all| all.values().cloned()).collect()
    }

    /// Those of the subscriptions that `is_meant` wants.
    pub(super) fn of_all(
        &self,
        is_meant: impl Fn(&SubscriptionId) -> bool,
    ) -> Vec<Arc<EventLetter>> {
        let letters = self.owed.iter().filter(|(id, _)| is_meant(id));
        letters.flat_map(|(_, all)| all.values().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Event;
    use crate::domain::fact::Fact;
    use crate::domain::fact::subscription::SubscriptionFact;
    use crate::domain::json_text::JsonText;
    use crate::logic::journal::samples;

    /// Of some bytes more than `bytes`.
    fn letter(subscription: u128, number: u64, bytes: usize) -> Arc<EventLetter> {
        let Fact::Subscription(SubscriptionFact::EventRedriven(letter)) =
            samples::event_redriven(subscription, number)
        else {
            panic!("a sample of something else");
        };
        let payload = format!("\"{}\"", "x".repeat(bytes));
        let event = Event {
            payload: JsonText::parse(&payload).unwrap(),
            ..Event::clone(&letter.event)
        };
        Arc::new(EventLetter {
            event: Arc::new(event),
            ..EventLetter::clone(&letter)
        })
    }

    const MEBIBYTE: usize = 1 << 20;

    #[test]
    fn letters_of_all_subscriptions_share_the_room_from_when_they_are_let_through() {
        let mut letters = Letters::default();
        for number in 0..63 {
            let one = letter(number.into(), number, MEBIBYTE);
            assert_eq!(letters.expect(&one), Ok(()), "{number}");
            if number % 2 == 0 {
                letters.put(&one);
            }
        }
        let full = Err(Refusal::LettersFull { limit: MOST_BYTES });
        assert_eq!(letters.expect(&letter(70, 70, MEBIBYTE)), full);
        assert_eq!(letters.expect(&letter(71, 71, 1)), Ok(()), "a small one");
        let first = letter(0, 0, MEBIBYTE);
        letters.end(first.subscription_id, first.id);
        assert_eq!(letters.expect(&letter(70, 70, MEBIBYTE)), Ok(()));
    }

    #[test]
    fn one_letter_is_let_through_whatever_its_size() {
        let mut letters = Letters::default();
        let giant = letter(1, 1, MOST_BYTES);
        assert_eq!(letters.expect(&giant), Ok(()));
        assert!(letters.expect(&letter(1, 2, 1)).is_err());
        letters.put(&giant);
        assert!(letters.expect(&letter(1, 2, 1)).is_err());
        letters.end(giant.subscription_id, giant.id);
        assert_eq!(letters.expect(&letter(1, 2, 1)), Ok(()));
    }

    #[test]
    fn nothing_is_counted_twice_or_for_ever() {
        let mut letters = Letters::default();
        let one = letter(1, 1, 9);
        for _ in 0..2 {
            letters.expect(&one).unwrap();
            letters.put(&one);
            letters.put(&one);
        }
        assert_eq!(letters.bytes, one.bytes());
        for _ in 0..2 {
            letters.end(one.subscription_id, one.id);
        }
        assert_eq!(letters.bytes, 0);
        letters.put(&one);
        assert_eq!(letters.take(one.subscription_id), [one]);
        assert_eq!(letters.bytes, 0);
    }
}
