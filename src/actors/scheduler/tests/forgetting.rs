//! Destinations of which nothing is left.

use super::*;
use crate::actors::messages::scheduler::InspectQueues;

impl Desk {
    fn left(&self) {
        self.address.do_send(WindowChanged {
            service: service("billing"),
            window: 0,
            outlook: Outlook::Left,
            types: Arc::new([]),
        });
    }

    async fn forgotten(&mut self) -> usize {
        self.unneeded.drain().await.len()
    }

    async fn report(&self) -> QueueReport {
        let asked = InspectQueues { service: None };
        self.address.send(asked).await.unwrap()
    }
}

#[actix::test]
async fn a_destination_goes_with_the_last_message_of_a_service_that_left() {
    let mut desk = desk();
    let message = desk.message(1);
    desk.commit(1, vec![accepted(message.clone())]);
    desk.left();
    assert_eq!(desk.forgotten().await, 0);
    desk.commit(2, vec![delivered(&message)]);
    assert_eq!(desk.forgotten().await, 1);
    let report = desk.report().await;
    assert!(report.services.is_empty());
    let counted = report.total.statistics;
    assert_eq!((counted.enqueued, counted.dequeued), (1, 1));
}

#[actix::test]
async fn a_message_after_that_waits_as_any_and_is_delivered() {
    let mut desk = desk();
    desk.left();
    desk.commit(1, vec![accepted(desk.message(1))]);
    assert_eq!(desk.forgotten().await, 0, "it came before anybody looked");
    desk.commit(2, vec![delivered(&desk.message(1))]);
    assert_eq!(desk.forgotten().await, 1);
    desk.commit(3, vec![accepted(desk.message(2))]);
    assert_eq!(
        (desk.forgotten().await, desk.sent_out().await.len()),
        (0, 0)
    );
    desk.window(1);
    assert_eq!(desk.sent_out().await, [(id(2), 1)]);
    desk.commit(4, vec![delivered(&desk.message(2))]);
    assert_eq!(desk.forgotten().await, 0, "it is there");
}

#[actix::test]
async fn who_waits_for_messages_is_waited_for() {
    let mut desk = desk();
    let answer = desk.receive(20 * SECOND);
    desk.left();
    assert_eq!(desk.forgotten().await, 0);
    desk.commit(1, vec![accepted(desk.message(1))]);
    let leased = answer.await.unwrap();
    assert_eq!(leased.len(), 1);
    drop(desk.end(leased[0].token, LeaseEnd::Ack));
    desk.commit(2, vec![delivered(&desk.message(1))]);
    assert_eq!(desk.forgotten().await, 1);
    let nothing = desk.receive(2 * SECOND);
    let record = desk.recorded.drain().await.pop().unwrap();
    desk.commit(3, record.facts);
    record.reply.unwrap().send(()).unwrap();
    settle().await;
    desk.left();
    assert_eq!(desk.forgotten().await, 0);
    assert!(nothing.await.unwrap().is_empty());
    assert_eq!(desk.forgotten().await, 1, "his wait is over");
}

#[actix::test]
async fn what_a_replay_left_behind_goes_unless_somebody_is_there() {
    let mut desk = closed_desk();
    let other = HubMessage {
        destination: service("mail"),
        ..desk.message(1)
    };
    desk.commit(0, vec![seen("billing"), seen("stock"), accepted(other)]);
    desk.window(3);
    desk.address.do_send(Open);
    let gone = desk.unneeded.drain().await;
    let gone: Vec<_> = gone.into_iter().map(|one| one.service).collect();
    assert_eq!(gone, [service("stock")]);
    let left = desk.report().await.services;
    let left: Vec<_> = left.into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, [service("billing"), service("mail")]);
}
