//! How far subscriptions are that nobody wrote down: past events none of which they want.
//!
//! What is owed goes elsewhere without events. A subscription must not wait there for events that
//! it was never to get.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::event::{Event, Sequence};
use crate::domain::fact::Fact;
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
}

struct Following {
    subscription: Arc<Subscription>,
    types: TypeFilter,
}

impl Lifting {
    /// Learns from the next record.
    pub fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Subscribed(subscription) => {
                self.reached(subscription.id, subscription.after);
                let following = Following {
                    subscription: subscription.clone(),
                    types: TypeFilter::new(&subscription.event_types),
                };
                self.following.insert(subscription.id, following);
            }
            Fact::Unsubscribed(gone) => {
                self.following.remove(&gone.id);
                self.positions.remove(&gone.id);
            }
            Fact::PositionAcked(acked) => self.reached(acked.id, acked.through),
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

    /// The subscription of this record, beginning where it is, if that is further.
    pub fn lifted(&self, fact: &Fact) -> Option<Fact> {
        let Fact::Subscribed(subscription) = fact else {
            return None;
        };
        let latest = &self.following.get(&subscription.id)?.subscription;
        let after = *self.positions.get(&subscription.id)?;
        if latest != subscription || after <= subscription.after {
            return None;
        }
        let lifted = Subscription {
            after,
            ..Subscription::clone(subscription)
        };
        Some(Fact::Subscribed(Arc::new(lifted)))
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
    use crate::domain::ids::Label;
    use crate::domain::pattern::Pattern;
    use crate::logic::wal::samples;

    fn subscribed(number: u128, types: &str) -> Arc<Subscription> {
        let Fact::Subscribed(subscription) = samples::subscribed(number) else {
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
        let fact = Fact::Subscribed(subscription.clone());
        lifting.note(&fact);
        lifting.reached(subscription.id, acked);
        for (sequence, event_type) in (4..).zip(types) {
            let mut event = samples::event(1, sequence);
            event.event_type = Label::parse(event_type).unwrap();
            lifting.pass(&event);
        }
        match lifting.lifted(&fact) {
            Some(Fact::Subscribed(lifted)) => lifted.after,
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
    fn what_lies_before_events_the_journal_no_longer_has_is_unknown() {
        let one = subscribed(1, "order.*");
        let mut lifting = Lifting::default();
        let fact = Fact::Subscribed(one);
        lifting.note(&fact);
        let mut event = samples::event(1, 9);
        event.event_type = Label::parse("user.new").unwrap();
        lifting.pass(&event);
        assert_eq!(lifting.lifted(&fact), None);
    }
}
