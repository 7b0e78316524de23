use super::*;
use crate::domain::fact::subscription::SubscriptionFact;

#[actix::test]
async fn old_events_go_after_a_snapshot_of_each_of_their_streams() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.publish("town", 1..=1);
    desk.pass(DAY - HOUR / 2).await;
    desk.publish("hero", 3..=3);
    desk.commit_snapshot().await;
    desk.pass(HOUR).await;
    let facts = desk.commit_next().await;
    // Of hero there is a newer one.
    assert_eq!(removal(&facts), (vec![("town".to_owned(), 1)], Some(4)));
    desk.nothing_recorded().await;
    assert_eq!(desk.left().await, [4]);

    let town = desk.state("town", None).await.unwrap();
    assert_eq!(town, r#"{"v1":1,"last":1}"#);
    let gone = desk.state("hero", Some(2)).await;
    assert!(
        matches!(
            gone,
            Err(ArchiveRefusal::Refused(Refusal::EventsGone { oldest: 4 }))
        ),
        "{gone:?}"
    );
}

#[actix::test]
async fn a_subscription_holds_events_back_until_it_is_done_with_them_or_gone() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.publish("town", 1..=2);
    let facts = vec![desk.subscribed(1, 0), desk.subscribed(2, 3)];
    desk.commit(facts);
    desk.pass(DAY - HOUR / 2).await;
    let signs = vec![desk.acked(1, 0), desk.acked(2, 3)];
    desk.commit(signs);
    desk.pass(HOUR).await;
    desk.nothing_recorded().await;

    let acked = desk.acked(1, 2);
    desk.commit(vec![acked]);
    desk.pass(HOUR).await;
    assert_eq!(removal(&desk.commit_next().await).1, Some(3));
    desk.nothing_recorded().await;

    let gone = Fact::Subscription(SubscriptionFact::Unsubscribed(Unsubscribed {
        id: SubscriptionId(Uuid::from_u128(1)),
        at: desk.clock.now(),
    }));
    desk.commit(vec![gone]);
    desk.pass(HOUR).await;
    assert_eq!(removal(&desk.commit_next().await).1, Some(4));
    desk.nothing_recorded().await;
    assert_eq!(desk.left().await, [4]);

    // The other one says nothing for a day.
    desk.pass(DAY - HOUR * 4).await;
    desk.nothing_recorded().await;
    desk.pass(HOUR * 2).await;
    assert_eq!(removal(&desk.commit_next().await).1, Some(5));
}

#[actix::test]
async fn who_subscribes_to_the_past_during_a_removal_still_finds_it() {
    let mut desk = desk();
    // So large that its snapshot is recorded before anything else is looked at.
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
    let large = desk.published("hero", 1, &payload);
    desk.commit(vec![large]);
    desk.publish("town", 1..=1);
    desk.pass(DAY + HOUR).await;
    let chunk = desk.recorded().await;
    assert_eq!(removal(&chunk.facts), (vec![("hero".to_owned(), 1)], None));
    let reader = desk.subscribed(1, 1);
    desk.commit([chunk.facts, vec![reader]].concat());
    chunk.reply.unwrap().send(()).unwrap();
    let facts = desk.commit_next().await;
    assert_eq!(removal(&facts), (vec![("town".to_owned(), 1)], None));
    desk.serve().await;
    assert_eq!(removal(&desk.commit_next().await), (vec![], Some(2)));
}

#[actix::test]
async fn a_removal_that_was_cut_short_is_repeated_after_a_restart() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.pass(DAY + HOUR).await;
    let lost = desk.recorded().await;
    let expected = (vec![("hero".to_owned(), 2)], Some(3));
    assert_eq!(removal(&lost.facts), expected);
    // The journal has the snapshot alone, as if more of them had come before the removal.
    desk.commit(lost.facts[..1].to_vec());
    desk.restart();
    assert_eq!(desk.left().await, [1, 2]);
    desk.pass(HOUR).await;
    let facts = desk.commit_next().await;
    assert_eq!(removal(&facts), (vec![], Some(3)));
    assert_eq!(desk.left().await, Vec::<Sequence>::new());

    desk.restart();
    desk.pass(HOUR).await;
    desk.nothing_recorded().await;
    let state = desk.state("hero", None).await.unwrap();
    assert_eq!(state, r#"{"v1":1,"last":2,"v2":2}"#);
}

#[actix::test]
async fn what_the_archive_lost_is_not_taken_for_old() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.lose_archive().await;
    // They may be young, and come back.
    desk.pass(DAY - HOUR / 2).await;
    desk.nothing_recorded().await;
    desk.publish("hero", 3..=3);
    desk.pass(HOUR).await;
    desk.nothing_recorded().await;
    // Older ones than an old one are old.
    desk.pass(DAY).await;
    assert_eq!(removal(&desk.commit_next().await).1, Some(4));
}

#[actix::test]
async fn a_removal_waits_for_the_archive() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    desk.archive_all().await;
    desk.archive.set_unavailable(true);
    desk.pass_unread(DAY + HOUR).await;
    let flush = desk.flushed.recv().await;
    flush.reply.send(Ok(())).unwrap();
    desk.nothing_recorded().await;
    desk.archive.set_unavailable(false);
    desk.pass(RETRY).await;
    assert_eq!(removal(&desk.commit_next().await).1, Some(3));
}
