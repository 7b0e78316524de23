//! Tests of callbacks, which nothing else hears of.

use serde_json::Value;
use tokio::sync::oneshot;

use super::subscriptions::callback;
use super::*;
use crate::actors::messages::subscriptions::TestCallback;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::logic::callback_tests::CallbackTest;
use crate::logic::webhook::sign;

type Answer = oneshot::Receiver<Result<CallbackTest, Refusal>>;

impl House {
    fn test(&self, id: SubscriptionId) -> Answer {
        let (reply, answer) = oneshot::channel();
        let owner = None;
        self.address.do_send(TestCallback { id, owner, reply });
        answer
    }
}

#[actix::test]
async fn a_test_is_one_signed_call_past_the_circuit_that_changes_nothing() {
    let mut house = house((0..5).map(|_| status(500)).chain([status(204)]));
    let subscription = house.subscribe(None).await;
    // The circuit opens with the last attempt of the first, and the second waits for it.
    house.publish(1..=2).await;
    for _ in 0..5 {
        house.after(Duration::from_secs(5)).await;
    }
    assert!(house.view().await.is_circuit_open);
    let (view, circuits) = (house.view().await, house.circuits().await);
    let before = house.pushed().len();
    let answer = house.test(subscription.id).await.unwrap().unwrap();
    assert_eq!((answer.status_code, answer.error), (Some(204), None));
    assert!(answer.is_sent);
    assert_eq!(house.view().await, view);
    assert_eq!(house.circuits().await, circuits);
    assert!(house.turn().await.is_empty());

    let pushes = house.transport.pushed();
    let [call] = &pushes[before..] else {
        panic!("{} calls", pushes.len() - before);
    };
    let header = |name| {
        let found = call.headers.iter().find(|(key, _)| *key == name);
        found.unwrap().1.clone()
    };
    let seconds = header("webhook-timestamp").parse().unwrap();
    let signature = sign(
        &callback().secret,
        &header("webhook-id"),
        seconds,
        &call.body,
    );
    assert_eq!(header("webhook-signature"), signature);
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(body["event_type"], "message-hub.test");
    assert_eq!(body["sequence"], 0);
    let id = subscription.id.to_string();
    assert_eq!(body["payload"]["subscription_id"], id);
}

#[actix::test]
async fn one_test_is_under_way_and_the_stop_waits_for_none() {
    let mut house = house([Push::Hang]);
    let subscription = house.subscribe(None).await;
    let answer = house.test(subscription.id);
    let second = house.test(subscription.id).await.unwrap();
    assert!(matches!(second, Err(Refusal::Conflict(_))), "{second:?}");
    assert_eq!(house.transport.pushed().len(), 1);
    let (reply, drained) = oneshot::channel();
    house.drain(reply).await;
    assert_eq!(answer.await.unwrap(), Err(Refusal::Stopping));
    house.turn().await;
    drained.await.unwrap();
    let late = house.test(subscription.id).await.unwrap();
    assert_eq!(late, Err(Refusal::Stopping));
}
