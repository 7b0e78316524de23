//! Past events for one subscription beside its live ones: replays that clients start, and dead
//! letters sent again; and what becomes of them when the subscription ends.

use std::sync::Arc;

use super::SubscriptionRegistry;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{DeadEvent, Replay, ReplayFilter, SubscriptionId};
use crate::domain::timestamp::Timestamp;

/// Past events that a subscription is to be sent.
#[derive(Debug)]
pub struct WantedReplay {
    /// Which subscription.
    pub subscription_id: SubscriptionId,
    /// Only if it is this service's; `None`: whosever it is.
    pub owner: Option<ServiceName>,
    /// Which events.
    pub filter: ReplayFilter,
    /// The first that is meant.
    pub from: Sequence,
    /// The last; `None`: the newest of now.
    pub to: Option<Sequence>,
    /// At most so many; `None`: all.
    pub limit: Option<u64>,
    /// Events per second; `None`: as fast as they are taken.
    pub rate: Option<f64>,
}

impl SubscriptionRegistry {
    /// The replay that there is to be, which counts from now on. `random` is for its id.
    ///
    /// # Errors
    /// As for [`SubscriptionRegistry::callback_of`], [`Refusal::LimitReached`], or
    /// [`Refusal::EventsGone`].
    pub fn new_replay(
        &mut self,
        wanted: WantedReplay,
        at: Timestamp,
        random: [u8; 10],
    ) -> Result<Replay, Refusal> {
        let subscription = self.callback_of(wanted.subscription_id, wanted.owner.as_ref())?;
        self.may_replay(subscription.id)?;
        let oldest = self.log.oldest();
        if wanted.from < oldest {
            return Err(Refusal::EventsGone { oldest });
        }
        let mut filter = wanted.filter;
        if filter.event_types.is_empty() {
            filter.event_types = subscription.event_types.to_vec();
        }
        let newest = self.log.newest();
        let replay = Replay {
            id: JobId::generate(at, random),
            subscription_id: subscription.id,
            started_at: at,
            at,
            filter,
            next: wanted.from,
            to: wanted.to.map_or(newest, |to| to.min(newest)),
            left: wanted.limit,
            rate: wanted.rate,
            done: false,
        };
        self.replays.expect(&replay);
        Ok(replay)
    }

    /// How many replays of this subscription run, or will once the journal has them.
    pub fn count_replays(&self, id: SubscriptionId) -> usize {
        self.replays.count(id)
    }

    /// The replays to a subscription that run.
    pub fn replays_of(&self, id: SubscriptionId) -> Vec<Arc<Replay>> {
        self.replays.of(id)
    }

    /// A dead letter's event will be owed again once the journal has it.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] if the subscription is no more, or [`Refusal::DeadEventsFull`].
    pub fn redeliver(&mut self, dead_event: &DeadEvent) -> Result<(), Refusal> {
        if self.wanted(dead_event.subscription_id).is_none() {
            let problem = "the subscription is no more; nobody can be sent this event again";
            return Err(Refusal::Conflict(problem));
        }
        self.dead_events.expect(dead_event)
    }

    /// The dead letters whose events a subscription is owed again.
    pub fn dead_events_of(&self, id: SubscriptionId) -> Vec<Arc<DeadEvent>> {
        self.dead_events.of(id)
    }

    /// The facts by which what is owed to subscriptions that are no more goes back to where it came
    /// from.
    pub fn give_up_orphans(&self, at: Timestamp) -> Vec<Fact> {
        let is_gone = |id: &SubscriptionId| !self.entries.contains_key(id);
        let dead_events = self.dead_events.of_all(is_gone);
        ended(dead_events, self.replays.of_all(is_gone), at)
    }

    /// As [`SubscriptionRegistry::give_up_orphans`], of dead letters that were on their way to the
    /// journal when their subscription ended.
    pub fn give_up_dead_events(&mut self, id: SubscriptionId, at: Timestamp) -> Vec<Fact> {
        ended(self.dead_events.take(id), Vec::new(), at)
    }

    /// The subscription will be no more once the journal has it; gives the facts that end what it
    /// is owed beside live events.
    pub fn intend_end(&mut self, id: SubscriptionId, at: Timestamp) -> Vec<Fact> {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_leaving = true;
            self.sought.remove(&entry.wanted);
        }
        ended(self.dead_events.take(id), self.replays.of(id), at)
    }
}

fn ended(dead_events: Vec<Arc<DeadEvent>>, replays: Vec<Arc<Replay>>, at: Timestamp) -> Vec<Fact> {
    let dead_events = dead_events.into_iter().map(|dead_event| {
        let again = DeadEvent {
            at,
            ..DeadEvent::clone(&dead_event)
        };
        SubscriptionFact::EventDeadLettered(Arc::new(again))
    });
    let replays = replays.into_iter().map(|replay| {
        let done = Replay {
            at,
            done: true,
            ..Replay::clone(&replay)
        };
        SubscriptionFact::ReplayAdvanced(Arc::new(done))
    });
    dead_events.chain(replays).map(Fact::Subscription).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;
    use crate::logic::limits::{Limit, Limits};

    fn at() -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }

    /// A subscription of a callback, and five events of which the first is gone.
    fn registry() -> (SubscriptionRegistry, SubscriptionId) {
        let mut limits = Limits::default();
        limits.set(Limit::ReplaysPerSubscription, 1);
        let mut registry = SubscriptionRegistry::new(limits);
        registry.learn(&samples::subscribed(1));
        for sequence in 1..=5 {
            registry.learn(&samples::event_published(1, sequence));
        }
        registry.learn(&samples::events_removed(2));
        let id = registry.all().next().unwrap().id;
        (registry, id)
    }

    fn wanted(subscription_id: SubscriptionId, from: Sequence) -> WantedReplay {
        WantedReplay {
            subscription_id,
            owner: None,
            filter: ReplayFilter::default(),
            from,
            to: Some(9),
            limit: None,
            rate: None,
        }
    }

    #[test]
    fn a_replay_goes_as_far_as_there_are_events_and_counts_before_it_is_written() {
        let (mut registry, id) = registry();
        let gone = registry.new_replay(wanted(id, 1), at(), [1; 10]);
        assert_eq!(gone.unwrap_err(), Refusal::EventsGone { oldest: 2 });
        let replay = registry.new_replay(wanted(id, 2), at(), [1; 10]).unwrap();
        assert_eq!((replay.next, replay.to), (2, 5));
        let types = &registry.present(id).unwrap().event_types;
        assert_eq!(replay.filter.event_types, types.to_vec());
        let full = registry.new_replay(wanted(id, 2), at(), [2; 10]);
        assert!(matches!(full, Err(Refusal::LimitReached { most: 1, .. })));
        registry.learn(&Fact::Subscription(SubscriptionFact::ReplayAdvanced(
            Arc::new(replay),
        )));
        let ended = registry.intend_end(id, at());
        let [Fact::Subscription(SubscriptionFact::ReplayAdvanced(done))] = &ended[..] else {
            panic!("{ended:?}");
        };
        assert!(done.done);
    }

    #[test]
    fn what_is_owed_to_nobody_is_a_dead_letter_again() {
        let (mut registry, _) = registry();
        let Fact::Subscription(SubscriptionFact::EventRedriven(dead_event)) =
            samples::event_redriven(7, 2)
        else {
            panic!("a sample of something else");
        };
        let refused = registry.redeliver(&dead_event);
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        registry.learn(&samples::event_redriven(7, 2));
        let back = registry.give_up_orphans(at());
        let [Fact::Subscription(SubscriptionFact::EventDeadLettered(again))] = &back[..] else {
            panic!("{back:?}");
        };
        assert_eq!((again.id, again.at), (dead_event.id, at()));
        assert_eq!(
            registry
                .give_up_dead_events(dead_event.subscription_id, at())
                .len(),
            1
        );
        assert!(registry.give_up_orphans(at()).is_empty());
    }
}
