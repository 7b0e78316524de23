//! Events that the archive lost: a subscription waits for them until somebody says otherwise.

use super::subscriptions::callback;
use super::*;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::subscription::{Channel, Subscription, SubscriptionId};
use crate::domain::timestamp::Timestamp;

const ID: SubscriptionId = SubscriptionId(Uuid::from_u128(5));
/// A little more than until the archive is asked again.
const RETRY: Duration = Duration::from_millis(1100);

/// The event 8 is in memory, those before are not; a subscription is owed all after 4.
async fn house_where(before: Option<Fact>, archived: Option<Sequence>) -> House {
    let mut house = house([status(200), status(200), status(200), status(200)]);
    let summary = CompactionSummary {
        last_sequence: 7,
        ..CompactionSummary::default()
    };
    house
        .commit(Fact::CompactionSummary(Arc::new(summary)))
        .await;
    house.publish([8]).await;
    if let Some(fact) = before {
        house.commit(fact).await;
    }
    if archived.is_some() {
        house.archive(archived).await;
    }
    house.begins_at(8).await;
    let subscription = Subscription {
        id: ID,
        service: service("billing"),
        event_types: Arc::new([Pattern::parse("character.*").unwrap()]),
        created_at: Timestamp::default(),
        changed_at: Timestamp::default(),
        after: 4,
        channel: Channel::Callback(callback()),
        paused: None,
    };
    house
        .commit(Fact::Subscription(SubscriptionFact::Subscribed(Arc::new(
            subscription,
        ))))
        .await;
    house.turn().await;
    house
}

impl House {
    async fn begins_at(&self, oldest: Sequence) {
        self.log.send(HistoryBegins { oldest }).await.unwrap();
        let begins = HistoryBegins { oldest };
        self.address.send(begins).await.unwrap();
    }

    async fn assert_waits(&self) {
        let view = self.view().await;
        let error = view.last_error.unwrap_or_default();
        assert!(error.contains("events 5 to 7 are gone"), "{error}");
        assert_eq!((view.position, self.pushed()), (4, Vec::new()));
    }
}

#[actix::test]
async fn what_was_lost_is_waited_for_until_it_is_restored() {
    let mut house = house_where(None, None).await;
    house.assert_waits().await;
    house.after(RETRY).await;
    house.assert_waits().await;
    house.archive(5..=8).await;
    house.begins_at(1).await;
    house.after(RETRY).await;
    let all = [(5, false), (6, false), (7, false), (8, false)];
    assert_eq!(house.pushed(), all);
    let view = house.view().await;
    assert_eq!((view.position, view.last_error), (8, None));
}

#[actix::test]
async fn who_pauses_and_resumes_it_gives_up_what_was_lost() {
    let mut house = house_where(None, Some(8)).await;
    house.switch(ID, true).await;
    house.after(RETRY).await;
    house.assert_waits().await;
    house.switch(ID, false).await;
    house.after(RETRY).await;
    assert_eq!(house.pushed(), [(8, false)]);
    let view = house.view().await;
    assert_eq!((view.position, view.last_error), (8, None));
}

#[actix::test]
async fn what_retention_removed_is_not_waited_for() {
    let house = house_where(Some(samples::events_removed(8)), Some(8)).await;
    assert_eq!(house.pushed(), [(8, false)]);
    assert_eq!(house.view().await.position, 8);
}
