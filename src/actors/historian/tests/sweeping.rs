use super::*;
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact};

impl Desk {
    /// Messages with these numbers, of which the even ones are delivered and the odd ones die.
    fn settle_messages(&mut self, numbers: RangeInclusive<u128>) {
        let now = self.clock.now();
        let messages = numbers.map(|number| (number, message(number, now)));
        let facts = messages.flat_map(|(number, message)| {
            let end = if number % 2 == 0 {
                delivered(&message)
            } else {
                dead(&message)
            };
            [accepted(message), end]
        });
        self.commit(facts.collect());
    }

    async fn has(&self, number: u128) -> bool {
        self.archive.message(id(number)).await.unwrap().is_some()
    }
}

#[actix::test]
async fn old_messages_go_and_dead_letters_later() {
    let mut desk = desk();
    desk.settle_messages(1..=2);
    desk.pass(DAY - HOUR / 2).await;
    desk.settle_messages(3..=4);
    desk.commit(vec![accepted(message(5, desk.clock.now()))]);
    desk.nothing_recorded().await;
    desk.pass(HOUR).await;
    let facts = desk.commit_next().await;
    assert!(
        matches!(&facts[..], [Fact::Message(MessageFact::MessagesRemoved(_))]),
        "{facts:?}"
    );
    desk.nothing_recorded().await;
    assert!(!desk.has(2).await);
    for number in [1, 3, 4, 5] {
        assert!(desk.has(number).await, "{number}");
    }
    desk.pass(DAY).await;
    let facts = desk.commit_next().await;
    assert!(
        matches!(&facts[..], [Fact::Message(MessageFact::MessagesRemoved(_))]),
        "{facts:?}"
    );
    desk.serve().await;
    let facts = desk.commit_next().await;
    let [Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted { id: gone, .. }))] =
        &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert_eq!(*gone, id(1));
    desk.nothing_recorded().await;
    assert!(!desk.has(1).await && !desk.has(4).await);
    assert!(desk.has(3).await && desk.has(5).await);
}

#[actix::test]
async fn many_old_messages_go_in_steps() {
    let mut desk = desk();
    for step in 0..5 {
        let numbers = (step * 500 + 1..=step * 500 + 500).map(|number| number * 2);
        for number in numbers {
            desk.settle_messages(number..=number);
        }
    }
    desk.pass(DAY * 2).await;
    for _ in 0..3 {
        let facts = desk.commit_next().await;
        assert!(
            matches!(&facts[..], [Fact::Message(MessageFact::MessagesRemoved(_))]),
            "{facts:?}"
        );
        desk.serve().await;
    }
    desk.nothing_recorded().await;
    assert!(desk.archive.ages_after(0, 10).await.unwrap().is_empty());
}

#[actix::test]
async fn what_is_old_waits_for_the_archive() {
    let mut desk = desk();
    desk.settle_messages(2..=2);
    desk.serve().await;
    desk.pass_unread(DAY + HOUR).await;
    desk.archive_all().await;
    for flush in desk.flushed.drain().await {
        let error = ArchiveError::Unavailable("down".to_owned());
        flush.reply.send(Err(error)).unwrap();
    }
    desk.nothing_recorded().await;
    desk.pass(RETRY).await;
    let facts = desk.commit_next().await;
    assert!(
        matches!(&facts[..], [Fact::Message(MessageFact::MessagesRemoved(_))]),
        "{facts:?}"
    );
}
