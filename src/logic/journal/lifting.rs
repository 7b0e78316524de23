//! Which events go elsewhere with what is owed, and where subscriptions begin there.
//!
//! A subscription must not wait there for events that it was never to get, nor for those that are
//! no longer in the journal: nobody could give it these. All events go along from the first one
//! that somebody has not got yet, since a history with gaps would count as lost up to the last of
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::event::{Event, Sequence};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::subscription::{Subscription, SubscriptionId};
use crate::logic::type_filter::TypeFilter;

/// First what the journal says of subscriptions, all of it; then the events again, in order.
#[derive(Default)]
pub struct Lifting {
    following: BTreeMap<SubscriptionId, Following>,
    /// Apart, since a compaction may leave a position before its subscription.
    positions: BTreeMap<SubscriptionId, Sequence>,
    /// Who is done with everything up to there and no further; `None` before the events.
    at: Option<BTreeMap<Sequence, Vec<SubscriptionId>>>,
    /// Of the last event there was, whether the journal still has it or not.
    newest: Sequence,
    /// The first and the last of the latest events that are there without a gap.
    there: Option<(Sequence, Sequence)>,
}

/// Events that a subscription may want, and that are not there to go along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftBehind {
    /// Who may want them.
    pub subscription: SubscriptionId,
    /// The first of them.
    pub first: Sequence,
    /// The last of them, itself included.
    pub last: Sequence,
}

struct Following {
    subscription: Arc<Subscription>,
    types: TypeFilter,
}

impl Lifting {
    /// Learns from the next record.
    pub fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Subscription(SubscriptionFact::Subscribed(subscription)) => {
                self.reached(subscription.id, subscription.after);
                let following = Following {
                    subscription: subscription.clone(),
                    types: TypeFilter::new(&subscription.event_types),
                };
                self.following.insert(subscription.id, following);
            }
            Fact::Subscription(SubscriptionFact::Unsubscribed(gone)) => {
                self.following.remove(&gone.id);
                self.positions.remove(&gone.id);
            }
            Fact::Subscription(SubscriptionFact::PositionAcked(acked)) => {
                self.reached(acked.id, acked.through);
            }
            Fact::CompactionSummary(summary) => {
                self.newest = self.newest.max(summary.last_sequence);
            }
            _ => {}
        }
    }

    fn reached(&mut self, id: SubscriptionId, through: Sequence) {
        let position = self.positions.entry(id).or_default();
        *position = through.max(*position);
    }

    /// The next event. Who stands just before it and does not want it is past it.
    pub fn pass(&mut self, event: &Event) {
        let (following, positions) = (&mut self.following, &mut self.positions);
        self.newest = self.newest.max(event.sequence);
        self.there = match self.there {
            Some((first, last)) if last + 1 == event.sequence => Some((first, event.sequence)),
            _ => Some((event.sequence, event.sequence)),
        };
        let at = self.at.get_or_insert_with(|| by_position(positions));
        let Some(before) = event.sequence.checked_sub(1) else {
            return;
        };
        let past = at.remove(&before).into_iter().flatten().filter(|id| {
            let following = following.get_mut(id);
            following.is_some_and(|one| !one.types.wants(&event.event_type))
        });
        for id in past {
            positions.insert(id, event.sequence);
            at.entry(event.sequence).or_default().push(id);
        }
    }

    /// The first event that goes along, and all that come after it; the next one to come, if none
    /// does.
    pub fn first_event(&self) -> Sequence {
        let next = self.newest + 1;
        let first = match self.there {
            Some((first, last)) if last == self.newest => first,
            _ => next,
        };
        let owed = self.next_of_each().map(|(_, owed)| owed);
        owed.min().unwrap_or(next).clamp(first, next)
    }

    /// What those who are owed it will not get.
    pub fn left_behind(&self) -> Vec<LeftBehind> {
        let last = self.first_event() - 1;
        let late = self.next_of_each().filter(|(_, owed)| *owed <= last);
        late.map(|(subscription, first)| LeftBehind {
            subscription,
            first,
            last,
        })
        .collect()
    }

    /// The event that each subscription comes to next.
    fn next_of_each(&self) -> impl Iterator<Item = (SubscriptionId, Sequence)> {
        let known = self.following.keys();
        known.map(|id| (*id, self.positions.get(id).copied().unwrap_or(0) + 1))
    }

    /// The subscription of this record, beginning where it is, if that is further; `first_event` is
    /// [`Lifting::first_event`], which looks at all subscriptions.
    pub fn lifted(&self, fact: &Fact, first_event: Sequence) -> Option<Fact> {
        let Fact::Subscription(SubscriptionFact::Subscribed(subscription)) = fact else {
            return None;
        };
        let latest = &self.following.get(&subscription.id)?.subscription;
        let after = *self.positions.get(&subscription.id)?;
        let after = after.max(first_event - 1);
        if latest != subscription || after <= subscription.after {
            return None;
        }
        let lifted = Subscription {
            after,
            ..Subscription::clone(subscription)
        };
        Some(Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(
            lifted,
        ))))
    }
}

fn by_position(
    positions: &BTreeMap<SubscriptionId, Sequence>,
) -> BTreeMap<Sequence, Vec<SubscriptionId>> {
    let mut at = BTreeMap::<_, Vec<_>>::new();
    for (id, position) in positions {
        at.entry(*position).or_default().push(*id);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::compaction_summary::CompactionSummary;
    use crate::domain::ids::EventType;
    use crate::domain::pattern::Pattern;
    use crate::logic::journal::samples;

    fn subscribed(number: u128, types: &str) -> Arc<Subscription> {
        let Fact::Subscription(SubscriptionFact::Subscribed(subscription)) =
            samples::subscribed(number)
        else {
            panic!("a sample is what it is a sample of");
        };
        Arc::new(Subscription {
            event_types: Arc::new([Pattern::parse(types).unwrap()]),
            after: 3,
            ..Subscription::clone(&subscription)
        })
    }

    /// Where it begins after events of these types, of which the first has sequence 4.
    fn after(subscription: &Arc<Subscription>, acked: Sequence, types: &[&str]) -> Sequence {
        let mut lifting = Lifting::default();
        let fact = Fact::Subscription(SubscriptionFact::Subscribed(subscription.clone()));
        lifting.note(&fact);
        lifting.reached(subscription.id, acked);
        for (sequence, event_type) in (4..).zip(types) {
            let mut event = samples::event(1, sequence);
            event.event_type = EventType::parse(event_type).unwrap();
            lifting.pass(&event);
        }
        match lifting.lifted(&fact, lifting.first_event()) {
            Some(Fact::Subscription(SubscriptionFact::Subscribed(lifted))) => lifted.after,
            Some(other) => panic!("{other:?}"),
            None => subscription.after,
        }
    }

    #[test]
    fn a_subscription_is_past_what_it_does_not_want_up_to_what_it_is_owed() {
        let one = subscribed(1, "order.*");
        assert_eq!(after(&one, 0, &["user.new", "user.left"]), 5);
        assert_eq!(after(&one, 0, &["user.new", "order.new", "user.left"]), 4);
        assert_eq!(after(&one, 5, &["user.new", "order.new", "user.left"]), 6);
        assert_eq!(after(&one, 0, &[]), 3);
        let all = subscribed(2, "#");
        assert_eq!(after(&all, 0, &["user.new"]), 3);
    }

    #[test]
    fn nobody_waits_for_events_the_journal_no_longer_has() {
        let one = subscribed(1, "order.*");
        let id = one.id;
        let fact = Fact::Subscription(SubscriptionFact::Subscribed(one));
        let left_behind = |last| {
            let subscription = id;
            vec![LeftBehind {
                subscription,
                first: 4,
                last,
            }]
        };
        let mut lifting = Lifting::default();
        lifting.note(&fact);
        assert_eq!((lifting.first_event(), lifting.left_behind().len()), (1, 0));
        for (sequence, first) in [(7, 7), (9, 9), (10, 9)] {
            lifting.pass(&samples::event(1, sequence));
            assert_eq!(lifting.first_event(), first);
            assert_eq!(lifting.left_behind(), left_behind(first - 1));
            let Some(Fact::Subscription(SubscriptionFact::Subscribed(lifted))) =
                lifting.lifted(&fact, lifting.first_event())
            else {
                panic!("it waits for event 4");
            };
            assert_eq!(lifted.after, first - 1);
        }
        // The last ones are gone themselves.
        let summary = CompactionSummary {
            last_sequence: 12,
            ..CompactionSummary::default()
        };
        lifting.note(&Fact::CompactionSummary(summary.into()));
        assert_eq!(lifting.first_event(), 13);
        assert_eq!(lifting.left_behind(), left_behind(12));
    }

    #[test]
    fn all_events_go_along_from_the_first_that_somebody_has_not_got() {
        let (one, all) = (subscribed(1, "order.*"), subscribed(2, "#"));
        for (acked, first) in [([0, 0], 4), ([5, 6], 6), ([9, 7], 8), ([9, 9], 10)] {
            let mut lifting = Lifting::default();
            for (subscription, through) in [&one, &all].into_iter().zip(acked) {
                lifting.note(&Fact::Subscription(SubscriptionFact::Subscribed(
                    subscription.clone(),
                )));
                lifting.reached(subscription.id, through);
            }
            for sequence in 2..10 {
                let mut event = samples::event(1, sequence);
                event.event_type = EventType::parse("order.new").unwrap();
                lifting.pass(&event);
            }
            assert_eq!(lifting.first_event(), first, "{acked:?}");
            assert_eq!(lifting.left_behind(), []);
        }
    }
}
