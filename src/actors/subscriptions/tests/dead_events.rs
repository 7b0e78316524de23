//! Dead letters that are sent again.

use tokio::sync::oneshot;

use super::subscriptions::callback;
use super::*;
use crate::actors::messages::subscriptions::{RedeliverEvent, Unsubscribe};
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::Event;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::MessageId;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{Callback, DeadEvent, SubscriptionId};

type Redelivered = oneshot::Receiver<Result<MessageId, Refusal>>;

impl House {
    /// Event `sequence`, which did not arrive.
    fn dead_event(&self, subscription_id: SubscriptionId, sequence: Sequence) -> Arc<DeadEvent> {
        let event = Arc::new(samples::event(1, sequence));
        Arc::new(DeadEvent {
            id: subscription_id.dead_event_id(&event),
            subscription_id,
            service: service("billing"),
            event,
            at: self.clock.now(),
            reason: DeadReason::Rejected,
            attempts: Vec::new(),
            redriven: 1,
            job: None,
        })
    }

    fn redeliver(&self, dead_event: &Arc<DeadEvent>) -> Redelivered {
        let (reply, answer) = oneshot::channel();
        let dead_event = dead_event.clone();
        self.address.do_send(RedeliverEvent { dead_event, reply });
        answer
    }

    /// Sequence of each push.
    fn sent(&self) -> Vec<Sequence> {
        let pushed = self.pushed().into_iter();
        pushed.map(|(sequence, _)| sequence).collect()
    }
}

#[actix::test]
async fn a_dead_letter_is_sent_again_once() {
    let mut house = house([status(200)]);
    let subscription = house.subscribe(None).await;
    let stranger = house.dead_event(SubscriptionId(Uuid::nil()), 1);
    assert!(house.redeliver(&stranger).await.unwrap().is_err());
    let own = house.dead_event(subscription.id, 1);
    let answer = house.redeliver(&own);
    let written = house.turn().await;
    assert_eq!(answer.await.unwrap(), Ok(own.id));
    assert!(
        matches!(&written[..], [Fact::Subscription(SubscriptionFact::EventRedriven(_)), Fact::Subscription(SubscriptionFact::EventDelivered(delivered))]
            if delivered.id == own.id),
        "{written:?}"
    );
    assert_eq!(house.pushed(), [(1, false)]);
}

#[actix::test]
async fn what_is_owed_is_bounded_from_when_it_is_asked_for() {
    let mut house = house([late(200), status(200)]);
    let subscription = house.subscribe(None).await;
    let large = |sequence| {
        let dead_event = house.dead_event(subscription.id, sequence);
        let payload = format!("\"{}\"", "x".repeat(40 << 20));
        let event = Event {
            payload: JsonText::parse(&payload).unwrap(),
            ..Event::clone(&dead_event.event)
        };
        Arc::new(DeadEvent {
            event: Arc::new(event),
            ..DeadEvent::clone(&dead_event)
        })
    };
    let (first, second) = (large(1), large(2));
    let owed = house.redeliver(&first);
    let is_full = |answer| matches!(answer, Err(Refusal::DeadEventsFull { .. }));
    assert!(is_full(house.redeliver(&second).await.unwrap()));
    house.turn().await;
    assert_eq!(owed.await.unwrap(), Ok(first.id));
    assert!(is_full(house.redeliver(&second).await.unwrap()));
    house.after(Duration::from_secs(6)).await;
    let owed = house.redeliver(&second);
    house.turn().await;
    assert_eq!(owed.await.unwrap(), Ok(second.id));
    assert_eq!(house.sent(), [1, 2]);
}

#[actix::test]
async fn as_many_dead_letters_are_under_way_as_events_may_be() {
    let mut house = house([late(200), late(200), late(200), status(200)]);
    let callback = Callback {
        max_in_flight: 3,
        ..callback()
    };
    let subscription = house.subscribe_callback(None, callback).await;
    for sequence in [9, 2, 5, 1] {
        drop(house.redeliver(&house.dead_event(subscription.id, sequence)));
    }
    house.turn().await;
    assert_eq!(house.sent(), [9, 2, 5]);
    let written = house.after(Duration::from_secs(6)).await;
    let delivered = |fact: &&Fact| {
        matches!(
            fact,
            Fact::Subscription(SubscriptionFact::EventDelivered(_))
        )
    };
    assert_eq!(written.iter().filter(delivered).count(), 4);
    assert_eq!(house.sent(), [9, 2, 5, 1]);
}

#[actix::test]
async fn dead_letters_and_live_events_share_what_may_be_under_way() {
    let mut house = house((0..20).map(|_| late(200)));
    let callback = Callback {
        max_in_flight: 4,
        ..callback()
    };
    let subscription = house.subscribe_callback(None, callback).await;
    for sequence in 101..=112 {
        drop(house.redeliver(&house.dead_event(subscription.id, sequence)));
    }
    house.turn().await;
    assert_eq!(house.sent(), [101, 102, 103, 104]);
    house.publish(1..=8).await;
    house.turn().await;
    assert_eq!(house.sent()[4..], [1], "one live event at least");
    let mut rounds = 0;
    let mut most = house.view().await.in_flight;
    while house.view().await.in_flight > 0 {
        house.after(Duration::from_secs(5)).await;
        most = most.max(house.view().await.in_flight);
        rounds += 1;
        assert!(rounds < 20, "{:?}", house.sent());
    }
    assert_eq!(most, 5);
    let sent = house.sent();
    let mut each_once = sent.clone();
    each_once.sort_unstable();
    let expected: Vec<_> = (1..=8).chain(101..=112).collect();
    assert_eq!(each_once, expected);
    let last_live = sent.iter().rposition(|sequence| *sequence < 100);
    assert!(last_live < Some(15), "dead events go after: {sent:?}");
}

#[actix::test]
async fn a_dead_letter_that_is_tried_again_holds_up_no_other() {
    let mut house = house([500, 200, 200, 200].map(status));
    let callback = Callback {
        max_in_flight: 2,
        ..callback()
    };
    let subscription = house.subscribe_callback(None, callback).await;
    for sequence in [9, 2, 5] {
        drop(house.redeliver(&house.dead_event(subscription.id, sequence)));
        house.turn().await;
    }
    assert_eq!(house.sent(), [9, 2, 5]);
    house.after(Duration::from_millis(1200)).await;
    assert_eq!(house.sent(), [9, 2, 5, 9]);
}

#[actix::test]
async fn a_dead_letter_on_its_way_when_its_subscription_ends_goes_back() {
    goes_back_at_the_end(true).await;
}

#[actix::test]
async fn so_does_one_of_a_subscription_that_was_to_end_with_the_hub() {
    goes_back_at_the_end(false).await;
}

async fn goes_back_at_the_end(durable: bool) {
    let mut house = house([late(200)]);
    let callback = Callback {
        durable,
        ..callback()
    };
    let subscription = house.subscribe_callback(None, callback).await;
    let dead_event = house.dead_event(subscription.id, 1);
    drop(house.redeliver(&dead_event));
    let (reply, ended) = oneshot::channel();
    house.address.do_send(Unsubscribe {
        id: subscription.id,
        owner: None,
        reply,
    });
    let written = house.turn().await;
    assert_eq!(ended.await.unwrap(), Ok(()));
    let dead = written.iter().filter(|fact| match fact {
        Fact::Subscription(SubscriptionFact::EventDeadLettered(dead)) => dead.id == dead_event.id,
        _ => false,
    });
    assert_eq!(dead.count(), 1, "{written:?}");
}
