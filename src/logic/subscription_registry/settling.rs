//! What becomes of the events that sockets are sent by their named subscriptions: they are done
//! with, lost and sent again, or given up; and so are dead letters that are sent once more.

use std::sync::Arc;
use std::time::Duration;

use super::SubscriptionRegistry;
use super::named::Holding;
use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::{Event, Sequence};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{DeadEvent, EventDelivered, PositionAcked, Subscription};
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::Unsettled;
use crate::logic::losses::Losses;

/// Events of a named subscription that a client refused, or is lost with.
#[derive(Debug)]
pub struct LostEvents {
    /// Whose they are.
    pub held: Holding,
    /// The client is done with everything up to here.
    pub acked: Sequence,
    /// The last event that it had.
    pub sent: Sequence,
    /// What it said; `None`: it is lost.
    pub error: Option<String>,
}

impl SubscriptionRegistry {
    /// The subscriber says that it is done with everything up to here.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], and [`Refusal::Conflict`] to a socket that was displaced, and if no
    /// event has this sequence yet.
    pub fn acked(
        &mut self,
        held: Holding,
        through: Sequence,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.may_pass(held, through)?;
        self.lost.acked(held.id, through);
        self.positions.acked(held.id, through, now);
        Ok(())
    }

    /// The subscriber was sent nothing that it is not done with up to here: it only passed what it
    /// does not want.
    pub fn passed(&mut self, held: Holding, through: Sequence, now: Timestamp) {
        if self.may_pass(held, through).is_ok() {
            self.lost.acked(held.id, through);
            self.positions.moved(held.id, through, 0, now);
        }
    }

    fn may_pass(&self, held: Holding, through: Sequence) -> Result<(), Refusal> {
        self.wanted(held.id).ok_or(Refusal::NotFound)?;
        self.must_hold(held)?;
        match through > self.log.newest() {
            true => Err(Refusal::Conflict("sequence: no event has it yet")),
            false => Ok(()),
        }
    }

    fn held(&self, held: Holding) -> Result<&Arc<Subscription>, Refusal> {
        self.must_hold(held)?;
        self.wanted(held.id).ok_or(Refusal::NotFound)
    }

    /// Events are to be sent again, after the pause that follows from all that were lost; gives
    /// what the socket has to know of it.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] to a socket that was displaced, [`Refusal::NotFound`].
    pub fn lose(
        &mut self,
        lost: LostEvents,
        now: Timestamp,
        pause: impl FnOnce(&Losses) -> Duration,
    ) -> Result<Unsettled, Refusal> {
        self.held(lost.held)?;
        let id = lost.held.id;
        let loss = self.lost.entry(id, now);
        loss.losses.acked(lost.acked);
        loss.losses.add(lost.sent);
        loss.error = lost.error;
        loss.until = now.plus(pause(&loss.losses));
        self.positions.acked(id, lost.acked, now);
        Ok(self.lost.of(id, now))
    }

    /// The next event of the subscription, lost so often, becomes a dead letter, and the position
    /// passes it with that; gives what the journal has to have. Nothing, if the socket was displaced.
    pub fn give_up(
        &mut self,
        held: Holding,
        (event, losses): (Arc<Event>, &Losses),
        at: Timestamp,
    ) -> Vec<Fact> {
        let Ok(subscription) = self.held(held).cloned() else {
            return Vec::new();
        };
        let (id, through) = (held.id, event.sequence);
        let said = self.lost.forget(id);
        let dead_event = given_up(&subscription, event, (losses.count(), said), at);
        let dead_event = SubscriptionFact::EventDeadLettered(Arc::new(dead_event));
        let mut facts = vec![Fact::Subscription(dead_event)];
        if subscription.is_durable() {
            let acked = PositionAcked { id, at, through };
            facts.push(Fact::Subscription(SubscriptionFact::PositionAcked(acked)));
        }
        self.positions.learn(id, through);
        facts
    }

    /// A dead letter that was sent again arrived, or is one once more for the reason `error`; gives
    /// what the journal has to have. Nothing, if it is not owed any more.
    pub fn end_redelivery(
        &self,
        dead_event: &DeadEvent,
        error: Option<String>,
        at: Timestamp,
    ) -> Option<Fact> {
        let (id, subscription_id) = (dead_event.id, dead_event.subscription_id);
        let owed = self.dead_events_of(subscription_id);
        if !owed.iter().any(|one| one.id == id) {
            return None;
        }
        let number = dead_event.attempts.len() as u32 + 1;
        let fact = match error {
            None => SubscriptionFact::EventDelivered(EventDelivered {
                id,
                subscription_id,
                at,
                attempt: Attempt {
                    outcome: AttemptOutcome::Delivered,
                    error: None,
                    ..failed(number, at, String::new())
                },
            }),
            Some(error) => {
                let mut again = dead_event.clone();
                again.attempts.push(failed(number, at, error));
                (again.at, again.job) = (at, None);
                again.reason = DeadReason::AttemptsExhausted;
                SubscriptionFact::EventDeadLettered(Arc::new(again))
            }
        };
        Some(Fact::Subscription(fact))
    }
}

/// `said`: what the client said that was lost with it last.
fn given_up(
    subscription: &Subscription,
    event: Arc<Event>,
    (times, said): (u32, Option<String>),
    at: Timestamp,
) -> DeadEvent {
    let words =
        format!("sent {times} times in a row to clients that did not settle it (delivery_limit)");
    let words = match said {
        Some(said) => format!("{said}; {words}"),
        None => words,
    };
    DeadEvent {
        id: subscription.id.dead_event_id(&event),
        subscription_id: subscription.id,
        service: subscription.service.clone(),
        attempts: vec![failed(times, at, words)],
        event,
        at,
        reason: DeadReason::AttemptsExhausted,
        redriven: 0,
        job: None,
    }
}

fn failed(number: u32, at: Timestamp, error: String) -> Attempt {
    Attempt {
        number,
        at,
        instance: None,
        outcome: AttemptOutcome::Failed,
        status_code: None,
        duration_ms: 0,
        error: Some(error),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::fact::event::EventFact;
    use crate::domain::ids::{Label, ServiceName};
    use crate::domain::moment::Moment;
    use crate::domain::pattern::Pattern;
    use crate::logic::feed_news::FeedId;
    use crate::logic::journal::samples;
    use crate::logic::subscription_registry::named::Attachment;

    const SOCKET: FeedId = FeedId(Uuid::from_u128(1));

    fn now() -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000)
    }

    /// One subscription that a socket has from the first of five events on.
    fn registry() -> (SubscriptionRegistry, Holding) {
        let mut registry = SubscriptionRegistry::default();
        for sequence in 1..=5 {
            registry.learn(&samples::event_published(1, sequence));
        }
        let wanted = Attachment {
            socket: SOCKET,
            service: ServiceName::parse("billing").unwrap(),
            name: Label::parse("tail").unwrap(),
            event_types: [Pattern::parse("#").unwrap()].into(),
            from_sequence: Some(1),
        };
        let taken = registry.attach(&wanted, Moment::from(now()), [1; 10]);
        let held = Holding {
            socket: SOCKET,
            id: taken.unwrap().attached.id,
        };
        (registry, held)
    }

    fn event(sequence: Sequence) -> Arc<Event> {
        match samples::event_published(1, sequence) {
            Fact::Event(EventFact::EventPublished(event)) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_position_moves_by_the_word_of_whoever_has_the_subscription_up_to_the_newest_event() {
        let (mut registry, held) = registry();
        assert_eq!(registry.acked(held, 3, now()), Ok(()));
        assert_eq!(registry.positions.of(held.id), 3);
        let beyond = registry.acked(held, 6, now());
        assert!(matches!(beyond, Err(Refusal::Conflict(_))));
        let displaced = Holding {
            socket: FeedId(Uuid::from_u128(2)),
            ..held
        };
        assert!(registry.acked(displaced, 4, now()).is_err());
        registry.passed(displaced, 4, now());
        assert_eq!(registry.positions.of(held.id), 3);
        registry.passed(held, 5, now());
        assert_eq!(registry.positions.of(held.id), 5);
        registry.check();
        registry.intend_end(held.id, now());
        assert_eq!(registry.acked(held, 5, now()), Err(Refusal::NotFound));
    }

    #[test]
    fn what_was_lost_is_counted_until_it_is_acknowledged_or_given_up() {
        let (mut registry, held) = registry();
        let lost = |sent| LostEvents {
            held,
            acked: 0,
            sent,
            error: Some("no room".to_owned()),
        };
        let pause = |losses: &Losses| Duration::from_secs(losses.count().into());
        let first = registry.lose(lost(2), now(), pause).unwrap();
        assert_eq!(first.wait, Duration::from_secs(1));
        let second = registry.lose(lost(1), now(), pause).unwrap();
        assert_eq!(second.wait, Duration::from_secs(2));
        assert_eq!(second.losses.attempt(1), 3);
        assert_eq!(second.losses.attempt(2), 2);
        registry.check();
        let facts = registry.give_up(held, (event(1), &second.losses), now());
        let [
            Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event)),
            Fact::Subscription(SubscriptionFact::PositionAcked(acked)),
        ] = &facts[..]
        else {
            panic!("{facts:?}");
        };
        let error = dead_event.attempts[0].error.as_deref().unwrap();
        assert!(error.starts_with("no room; sent 2 times"), "{error}");
        assert_eq!((acked.through, registry.positions.of(held.id)), (1, 1));
        assert_eq!(registry.lost.of(held.id, now()), Unsettled::default());
        registry.leave(SOCKET);
        let displaced = registry.give_up(held, (event(2), &second.losses), now());
        assert_eq!(displaced, []);
    }

    #[test]
    fn a_dead_letter_that_is_sent_again_ends_once() {
        let (mut registry, _) = registry();
        let Fact::Subscription(SubscriptionFact::EventRedriven(dead_event)) =
            samples::event_redriven(1, 2)
        else {
            panic!("a sample of something else");
        };
        assert_eq!(registry.end_redelivery(&dead_event, None, now()), None);
        registry.learn(&samples::event_redriven(1, 2));
        let delivered = registry.end_redelivery(&dead_event, None, now()).unwrap();
        let is_delivered = matches!(
            &delivered,
            Fact::Subscription(SubscriptionFact::EventDelivered(one)) if one.id == dead_event.id
        );
        assert!(is_delivered, "{delivered:?}");
        let error = Some("refused".to_owned());
        let died = registry.end_redelivery(&dead_event, error, now()).unwrap();
        let Fact::Subscription(SubscriptionFact::EventDeadLettered(again)) = &died else {
            panic!("{died:?}");
        };
        assert_eq!(again.attempts.len(), dead_event.attempts.len() + 1);
        assert_eq!(again.job, None);
        registry.learn(&died);
        assert_eq!(registry.end_redelivery(&dead_event, None, now()), None);
    }
}
