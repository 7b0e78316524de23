//! What a subscription keeps in memory, and what it may begin.

use std::sync::Weak;

use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::dispatcher::ForceCircuit;
use crate::actors::messages::subscriptions::ChangeSubscription;
use crate::domain::circuit::{CircuitName, CircuitState, Origin};
use crate::domain::event::Event;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::EventType;
use crate::domain::subscription::{PauseReason, Subscription, SubscriptionId};
use crate::logic::subscription_registry::changes::WantedChange;

fn event(sequence: Sequence, event_type: &str) -> Arc<Event> {
    Arc::new(Event {
        event_type: EventType::parse(event_type).unwrap(),
        ..samples::event(1, sequence)
    })
}

impl House {
    fn send(&self, facts: Vec<Fact>) {
        let records = facts.into_iter().map(|fact| Recorded { position: 1, fact });
        let committed = Committed {
            at: crate::domain::moment::Moment::default(),
            records: records.collect(),
            replay: false,
            set_since: 0,
        };
        self.address.do_send(committed.clone());
        self.log.do_send(committed);
    }

    /// Publishes it, and forgets it where the newest events are.
    async fn publish_and_forget(&mut self, sequence: Sequence) -> Weak<Event> {
        let event = event(sequence, "character.created");
        let seen = Arc::downgrade(&event);
        self.commit(Fact::Event(EventFact::EventPublished(event)))
            .await;
        self.turn().await;
        self.commit(samples::events_removed(sequence + 1)).await;
        self.turn().await;
        seen
    }

    pub(super) async fn switch(&mut self, id: SubscriptionId, paused: bool) {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(ChangeSubscription {
            id,
            owner: None,
            change: WantedChange::Paused(paused.then_some(PauseReason::Asked)),
            reply,
        });
        self.turn().await;
        answer.await.unwrap().unwrap();
    }

    async fn force(&mut self, state: CircuitState) {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(ForceCircuit {
            circuit: CircuitName::Callback(Origin::of("http://a/events")),
            state,
            reason: "test".to_owned(),
            by: Some(service("operator")),
            reset_timeout: None,
            reply,
        });
        self.turn().await;
        answer.await.unwrap().unwrap();
    }
}

#[actix::test]
async fn events_that_only_the_new_types_want_are_not_passed_over() {
    let mut house = house([status(200), status(200)]);
    let subscription = house.subscribe(None).await;
    let types = ["character.*", "other.*"].map(|text| Pattern::parse(text).unwrap());
    let changed = Subscription {
        event_types: types.into(),
        ..Subscription::clone(&subscription)
    };
    house.send(vec![Fact::Subscription(SubscriptionFact::Subscribed(
        Arc::new(changed),
    ))]);
    let events = [event(1, "other.x"), event(2, "character.created")];
    house.send(
        events
            .map(|event| Fact::Event(EventFact::EventPublished(event)))
            .into(),
    );
    house.turn().await;
    assert_eq!(house.pushed(), [(1, false), (2, false)]);
}

#[actix::test]
async fn a_paused_subscription_keeps_no_events_and_loses_none() {
    let mut house = house([status(200), status(200)]);
    let subscription = house.subscribe(None).await;
    house.switch(subscription.id, true).await;
    house.archive(1..=2).await;
    for sequence in 1..=2 {
        let seen = house.publish_and_forget(sequence).await;
        assert!(seen.upgrade().is_none(), "event {sequence} is kept");
    }
    house.switch(subscription.id, false).await;
    assert_eq!(house.pushed(), [(1, false), (2, false)]);
}

#[actix::test]
async fn behind_an_open_circuit_only_what_has_begun_is_kept() {
    let mut house = house((0..3).map(|_| status(200)));
    house.subscribe(None).await;
    house.force(CircuitState::Open).await;
    house.archive(1..=3).await;
    let mut kept = Vec::new();
    for sequence in 1..=3 {
        let seen = house.publish_and_forget(sequence).await;
        kept.push(seen.upgrade().is_some());
    }
    assert_eq!(kept, [true, false, false]);
    assert!(house.pushed().is_empty());
    house.force(CircuitState::Closed).await;
    let pushed: Vec<_> = (1..=3).map(|sequence| (sequence, false)).collect();
    assert_eq!(house.pushed(), pushed);
}

#[actix::test]
async fn nobody_takes_over_while_the_hub_stops() {
    let mut house = house([status(200)]);
    let id = house.subscribe(None).await.id;
    // The circuit began first.
    let generation = 2;
    let died = ChildDied {
        key: id,
        generation,
    };
    house.address.do_send(died);
    let (reply, _drained) = oneshot::channel();
    house.drain(reply).await;
    house.publish([1]).await;
    house.after(Duration::from_millis(50)).await;
    assert!(house.pushed().is_empty());
}

#[actix::test]
async fn nothing_begins_before_the_last_dead_letter_is_written() {
    let mut house = house([status(400), status(200)]);
    house.subscribe(None).await;
    for sequence in 1..=2 {
        house.publish([sequence]).await;
    }
    let unanswered = house.recorded.drain().await;
    assert_eq!(unanswered.len(), 1);
    assert_eq!(house.pushed(), [(1, false)]);
    for record in unanswered {
        let _ = record.reply.expect("it waits for its dead letter").send(());
    }
    settle().await;
    assert_eq!(house.pushed(), [(1, false), (2, false)]);
}
