//! The dead letters of events that are sent again, and what they take in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;

use crate::domain::ids::MessageId;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{DeadEvent, SubscriptionId};

/// So many bytes of dead letters may be owed at once, those of all subscriptions together. They
/// stay in memory until they are settled, and are there again after a restart.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// What is owed as the journal says, and what was let through on its way there.
#[derive(Default)]
pub(super) struct OwedDeadEvents {
    owed: BTreeMap<SubscriptionId, BTreeMap<MessageId, Arc<DeadEvent>>>,
    /// Bytes of those that the journal will have in a moment.
    expected: AHashMap<MessageId, usize>,
    /// Of both.
    bytes: usize,
}

impl OwedDeadEvents {
    /// Makes room for a dead letter. One is let through whatever its size if nothing else is owed.
    ///
    /// # Errors
    /// [`Refusal::DeadEventsFull`]; nothing is counted then.
    pub(super) fn expect(&mut self, dead_event: &DeadEvent) -> Result<(), Refusal> {
        self.arrived(dead_event.id);
        let bytes = dead_event.bytes();
        if self.bytes > 0 && self.bytes + bytes > MOST_BYTES {
            return Err(Refusal::DeadEventsFull { limit: MOST_BYTES });
        }
        self.expected.insert(dead_event.id, bytes);
        self.bytes += bytes;
        Ok(())
    }

    /// The journal has it.
    pub(super) fn put(&mut self, dead_event: &Arc<DeadEvent>) {
        self.arrived(dead_event.id);
        self.bytes += dead_event.bytes();
        let dead_events = self.owed.entry(dead_event.subscription_id).or_default();
        if let Some(before) = dead_events.insert(dead_event.id, dead_event.clone()) {
            self.bytes -= before.bytes();
        }
    }

    fn arrived(&mut self, id: MessageId) {
        self.bytes -= self.expected.remove(&id).unwrap_or(0);
    }

    pub(super) fn end(&mut self, subscription: SubscriptionId, id: MessageId) {
        let Some(dead_events) = self.owed.get_mut(&subscription) else {
            return;
        };
        if let Some(ended) = dead_events.remove(&id) {
            self.bytes -= ended.bytes();
        }
        if dead_events.is_empty() {
            self.owed.remove(&subscription);
        }
    }

    pub(super) fn check(&self) -> usize {
        let owed = self.owed.values().flat_map(BTreeMap::values);
        let bytes: usize = owed.clone().map(|dead_event| dead_event.bytes()).sum();
        let expected: usize = self.expected.values().sum();
        assert_eq!(
            self.bytes,
            bytes + expected,
            "bytes of the dead events that are owed"
        );
        assert!(
            !self.owed.values().any(BTreeMap::is_empty),
            "who is owed nothing is forgotten"
        );
        owed.count() + self.expected.len()
    }

    pub(super) fn take(&mut self, subscription: SubscriptionId) -> Vec<Arc<DeadEvent>> {
        let taken = self.owed.remove(&subscription).unwrap_or_default();
        for dead_event in taken.values() {
            self.bytes -= dead_event.bytes();
        }
        taken.into_values().collect()
    }

    pub(super) fn of(&self, subscription: SubscriptionId) -> Vec<Arc<DeadEvent>> {
        let dead_events = self.owed.get(&subscription).into_iter();
        dead_events.flat_map(|all| all.values().cloned()).collect()
    }

    /// Those of the subscriptions that `is_meant` wants.
    pub(super) fn of_all(&self, is_meant: impl Fn(&SubscriptionId) -> bool) -> Vec<Arc<DeadEvent>> {
        let dead_events = self.owed.iter().filter(|(id, _)| is_meant(id));
        dead_events
            .flat_map(|(_, all)| all.values().cloned())
            .collect()
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
    fn dead_event(subscription: u128, number: u64, bytes: usize) -> Arc<DeadEvent> {
        let Fact::Subscription(SubscriptionFact::EventRedriven(dead_event)) =
            samples::event_redriven(subscription, number)
        else {
            panic!("a sample of something else");
        };
        let payload = format!("\"{}\"", "x".repeat(bytes));
        let event = Event {
            payload: JsonText::parse(&payload).unwrap(),
            ..Event::clone(&dead_event.event)
        };
        Arc::new(DeadEvent {
            event: Arc::new(event),
            ..DeadEvent::clone(&dead_event)
        })
    }

    const MEBIBYTE: usize = 1 << 20;

    #[test]
    fn dead_letters_of_all_subscriptions_share_the_room_from_when_they_are_let_through() {
        let mut dead_events = OwedDeadEvents::default();
        for number in 0..63 {
            let one = dead_event(number.into(), number, MEBIBYTE);
            assert_eq!(dead_events.expect(&one), Ok(()), "{number}");
            if number % 2 == 0 {
                dead_events.put(&one);
            }
        }
        let full = Err(Refusal::DeadEventsFull { limit: MOST_BYTES });
        assert_eq!(dead_events.expect(&dead_event(70, 70, MEBIBYTE)), full);
        assert_eq!(
            dead_events.expect(&dead_event(71, 71, 1)),
            Ok(()),
            "a small one"
        );
        let first = dead_event(0, 0, MEBIBYTE);
        dead_events.end(first.subscription_id, first.id);
        assert_eq!(dead_events.expect(&dead_event(70, 70, MEBIBYTE)), Ok(()));
    }

    #[test]
    fn one_dead_letter_is_let_through_whatever_its_size() {
        let mut dead_events = OwedDeadEvents::default();
        let giant = dead_event(1, 1, MOST_BYTES);
        assert_eq!(dead_events.expect(&giant), Ok(()));
        assert!(dead_events.expect(&dead_event(1, 2, 1)).is_err());
        dead_events.put(&giant);
        assert!(dead_events.expect(&dead_event(1, 2, 1)).is_err());
        dead_events.end(giant.subscription_id, giant.id);
        assert_eq!(dead_events.expect(&dead_event(1, 2, 1)), Ok(()));
    }

    #[test]
    fn nothing_is_counted_twice_or_for_ever() {
        let mut dead_events = OwedDeadEvents::default();
        let one = dead_event(1, 1, 9);
        for _ in 0..2 {
            dead_events.expect(&one).unwrap();
            dead_events.put(&one);
            dead_events.put(&one);
        }
        assert_eq!(dead_events.bytes, one.bytes());
        for _ in 0..2 {
            dead_events.end(one.subscription_id, one.id);
        }
        assert_eq!(dead_events.bytes, 0);
        dead_events.put(&one);
        assert_eq!(dead_events.take(one.subscription_id), [one]);
        assert_eq!(dead_events.bytes, 0);
    }
}
