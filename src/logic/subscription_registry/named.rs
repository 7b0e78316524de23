//! Named subscriptions: a socket takes one over, has it made if there is none, and leaves it.

use std::sync::Arc;

use super::SubscriptionRegistry;
use crate::domain::event::Sequence;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::pattern::Pattern;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{Channel, Subscription, SubscriptionId};
use crate::logic::feed_news::{AttachChange, Attached, FeedId};

/// The named subscription that a socket wants.
pub struct Attachment {
    /// Which socket.
    pub socket: FeedId,
    /// Whose subscription.
    pub service: ServiceName,
    /// Its name.
    pub name: Label,
    /// The events it wants from now on.
    pub event_types: Arc<[Pattern]>,
    /// Where one begins that is new; `None`: with what is published from now on.
    pub from_sequence: Option<Sequence>,
}

/// A named subscription, as it is this socket's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Which socket says so.
    pub socket: FeedId,
    /// Which subscription.
    pub id: SubscriptionId,
}

/// What comes of it that a socket has a subscription now.
#[derive(Debug)]
pub struct TakenOver {
    /// What the journal has to have before the socket hears of it; `None`: it is as it was.
    pub version: Option<Arc<Subscription>>,
    /// The socket that had it until now.
    pub displaced: Option<FeedId>,
    /// What the socket is told.
    pub attached: Attached,
}

impl SubscriptionRegistry {
    /// Gives a socket the subscription of this name. `random` is for the id of one that is new.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`], or [`Refusal::EventsGone`]; nothing has changed then.
    pub fn attach(
        &mut self,
        wanted: &Attachment,
        now: Moment,
        random: [u8; 10],
    ) -> Result<TakenOver, Refusal> {
        let (id, version, change) = match self.named(&wanted.service, &wanted.name) {
            None => {
                let new = self.new_named(wanted, now, random)?;
                (new.id, Some(new), AttachChange::Made)
            }
            Some(known) => match self.changed_named(known, wanted, now)? {
                Some(changed) => (known.id, Some(changed), AttachChange::Changed),
                None => (known.id, None, AttachChange::None),
            },
        };
        let version = version.map(Arc::new);
        let displaced = self.holders.take_over(id, wanted.socket);
        if let Some(version) = &version {
            self.positions.learn(id, version.after);
            self.intend(version.clone());
        }
        let attached = Attached {
            id,
            from: self.positions.of(id) + 1,
            unsettled: self.lost.of(id, now.hub),
            change,
            dead_events: self.dead_events_of(id),
        };
        Ok(TakenOver {
            version,
            displaced,
            attached,
        })
    }

    fn new_named(
        &self,
        wanted: &Attachment,
        now: Moment,
        random: [u8; 10],
    ) -> Result<Subscription, Refusal> {
        self.may_subscribe(&wanted.service, wanted.event_types.len())?;
        Ok(Subscription {
            id: SubscriptionId::generate(now.wall, random),
            service: wanted.service.clone(),
            event_types: wanted.event_types.clone(),
            created_at: now.wall,
            changed_at: now.wall,
            after: self.begin_after(wanted.from_sequence)?,
            channel: Channel::Socket {
                name: wanted.name.clone(),
            },
            paused: None,
        })
    }

    /// `None`: it is so already.
    fn changed_named(
        &self,
        known: &Subscription,
        wanted: &Attachment,
        now: Moment,
    ) -> Result<Option<Subscription>, Refusal> {
        let (before, after) = (&known.event_types, &wanted.event_types);
        self.may_change(&wanted.service, before.len(), after.len())?;
        Ok((before != after).then(|| Subscription {
            event_types: after.clone(),
            changed_at: now.wall,
            ..known.clone()
        }))
    }

    /// The socket that has this subscription.
    pub fn holder(&self, id: SubscriptionId) -> Option<FeedId> {
        self.holders.socket_of(id)
    }

    /// A socket is closed.
    pub fn leave(&mut self, socket: FeedId) {
        self.holders.leave(socket);
    }

    /// # Errors
    /// [`Refusal::Conflict`] if another socket has the subscription by now.
    pub(super) fn must_hold(&self, held: Holding) -> Result<(), Refusal> {
        match self.holder(held.id) == Some(held.socket) {
            true => Ok(()),
            false => Err(Refusal::Conflict("another socket has the subscription now")),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::fact::Fact;
    use crate::domain::fact::subscription::SubscriptionFact;
    use crate::domain::timestamp::Timestamp;
    use crate::logic::journal::samples;
    use crate::logic::limits::{Limit, Limits};

    const FIRST: FeedId = FeedId(Uuid::from_u128(1));
    const SECOND: FeedId = FeedId(Uuid::from_u128(2));

    fn wanted(socket: FeedId, name: &str, types: &str, from: Option<Sequence>) -> Attachment {
        Attachment {
            socket,
            service: ServiceName::parse("billing").unwrap(),
            name: Label::parse(name).unwrap(),
            event_types: [Pattern::parse(types).unwrap()].into(),
            from_sequence: from,
        }
    }

    fn registry(events: Sequence) -> SubscriptionRegistry {
        let mut limits = Limits::default();
        limits.set(Limit::SubscriptionsPerService, 2);
        let mut registry = SubscriptionRegistry::new(limits);
        for sequence in 1..=events {
            registry.learn(&samples::event_published(1, sequence));
        }
        registry
    }

    fn attach(
        registry: &mut SubscriptionRegistry,
        wanted: &Attachment,
    ) -> Result<TakenOver, Refusal> {
        let now = Moment::from(Timestamp::from_millis(1_780_000_000_000));
        // Another for each name here.
        let random = [wanted.name.as_str().as_bytes()[1]; 10];
        let taken = registry.attach(wanted, now, random);
        registry.check();
        taken
    }

    #[test]
    fn it_is_made_once_and_then_only_what_it_wants_changes() {
        let mut registry = registry(5);
        let made = attach(&mut registry, &wanted(FIRST, "tail", "a", Some(3))).unwrap();
        assert_eq!(made.attached.change, AttachChange::Made);
        assert_eq!((made.attached.from, made.displaced), (3, None));
        let version = made.version.unwrap();
        registry.learn(&Fact::Subscription(SubscriptionFact::Subscribed(version)));
        let same = attach(&mut registry, &wanted(FIRST, "tail", "a", None)).unwrap();
        assert_eq!(same.attached.change, AttachChange::None);
        assert_eq!((same.version, same.displaced), (None, None));
        let other = attach(&mut registry, &wanted(SECOND, "tail", "b", Some(1))).unwrap();
        assert_eq!(other.attached.change, AttachChange::Changed);
        assert_eq!((other.attached.from, other.displaced), (3, Some(FIRST)));
        assert_eq!(other.attached.id, same.attached.id);
        let held = |socket| Holding {
            socket,
            id: same.attached.id,
        };
        assert!(registry.must_hold(held(FIRST)).is_err());
        assert_eq!(registry.must_hold(held(SECOND)), Ok(()));
        registry.leave(SECOND);
        assert_eq!(registry.holder(same.attached.id), None);
    }

    #[test]
    fn who_may_not_have_one_more_displaces_nobody_and_makes_none() {
        let mut registry = registry(5);
        for name in ["one", "two"] {
            attach(&mut registry, &wanted(FIRST, name, "a", None)).unwrap();
        }
        let full = attach(&mut registry, &wanted(SECOND, "three", "a", None));
        assert!(matches!(full, Err(Refusal::LimitReached { most: 2, .. })));
        registry.learn(&samples::events_removed(4));
        let gone = attach(&mut registry, &wanted(SECOND, "one", "a", Some(2)));
        assert!(gone.is_ok(), "where it is counts, not where it would begin");
        registry.limits = Limits::default();
        let gone = attach(&mut registry, &wanted(SECOND, "four", "a", Some(2)));
        assert_eq!(gone.unwrap_err(), Refusal::EventsGone { oldest: 4 });
        assert_eq!(
            registry
                .usage(&wanted(FIRST, "one", "a", None).service)
                .subscriptions,
            2
        );
    }
}
