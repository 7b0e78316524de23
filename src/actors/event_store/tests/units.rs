//! What survives together when the power goes between a write and its sync.

use super::*;
use crate::domain::fact::service::ServiceFact;
use std::collections::BTreeSet;

impl Writer {
    /// How many facts more than before are there after the power went, whatever the disk has of
    /// what `write` made the writer write in one batch.
    async fn survivors(&self, write: impl FnOnce(&Self)) -> Vec<usize> {
        self.survivors_of(async || write(self)).await
    }

    async fn survivors_of(&self, write: impl AsyncFnOnce()) -> Vec<usize> {
        let before = self.written().len();
        self.disk.fail_next_sync();
        write().await;
        settle().await;
        let unsynced = self.disk.unsynced_bytes();
        let after = |kept| {
            let torn = self.disk.copy();
            torn.lose_power(kept);
            let mut count = 0;
            torn.journal().replay(&mut |_| count += 1).unwrap();
            count - before
        };
        let counts: BTreeSet<usize> = (0..=unsynced).map(after).collect();
        counts.into_iter().collect()
    }
}

async fn survivors_of_a_batch(atomic: bool) -> Vec<usize> {
    let writer = writer();
    let slots = vec![
        writer.expecting("a", 0),
        writer.expecting("b", 0),
        writer.expecting("a", 1),
    ];
    let survivors = writer.survivors(|writer| drop(writer.publish(slots, atomic)));
    survivors.await
}

#[actix::test]
async fn an_atomic_batch_of_several_streams_is_there_whole_or_not_at_all() {
    assert_eq!(survivors_of_a_batch(true).await, [0, 3]);
}

#[actix::test]
async fn of_another_batch_any_part_may_be_there() {
    assert_eq!(survivors_of_a_batch(false).await, [0, 1, 2, 3]);
}

#[actix::test]
async fn a_fact_is_never_there_without_the_news_of_it() {
    let writer = writer();
    let fact = Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration("a"))));
    let survivors = writer.survivors(|writer| drop(writer.record(vec![fact])));
    assert_eq!(survivors.await, [0, 2]);
}

#[actix::test]
async fn facts_recorded_together_are_there_together() {
    let writer = writer();
    let message = writer.message(1);
    writer.offer(vec![message.clone()]).await.unwrap();
    let facts = vec![service_seen("mail"), dead(&message)];
    let survivors = writer.survivors(|writer| {
        drop(writer.record(facts));
        drop(writer.record(vec![service_seen("post")]));
    });
    assert_eq!(survivors.await, [0, 3, 4]);
}

#[actix::test]
async fn what_waited_for_a_full_disk_is_joined_as_before() {
    let writer = writer();
    let (one, two) = (writer.message(1), writer.message(2));
    writer.offer(vec![one.clone(), two.clone()]).await.unwrap();
    writer.disk.set_full(true);
    drop(writer.record(vec![service_seen("mail"), dead(&one)]));
    drop(writer.record(vec![delivered(&two)]));
    settle().await;
    writer.disk.set_full(false);
    let survivors = writer.survivors_of(async || tokio::time::advance(2 * DISK_CHECK).await);
    assert_eq!(survivors.await, [0, 3, 4]);
}

#[actix::test]
async fn a_list_longer_than_a_unit_may_be_is_cut_but_not_between_a_fact_and_its_news() {
    let writer = writer();
    let name = |number: usize| format!("service-{number}");
    let registered = |number| {
        Fact::Service(ServiceFact::ServiceRegistered(Arc::new(registration(
            &name(number),
        ))))
    };
    let facts: Vec<Fact> = std::iter::once(service_seen("mail"))
        .chain((0..5000).map(registered))
        .collect();
    writer.disk.fail_next_sync();
    drop(writer.record(facts));
    settle().await;
    let unsynced = writer.disk.unsynced_bytes();
    let mut counts = BTreeSet::new();
    for kept in [0, unsynced / 2, unsynced - 10, unsynced] {
        let torn = writer.disk.copy();
        torn.lose_power(kept);
        let mut count = 0;
        torn.journal().replay(&mut |_| count += 1).unwrap();
        counts.insert(count);
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [0, 9999, 10_001]);
}
