mod draining;
mod forgetting;

use std::time::Duration;

use actix::Addr;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    accepted, assert_time, attempt_failed, committed, delivered, id, message, service, unwatched,
};
use crate::actors::messages::scheduler::{AwaitSettled, Cancel, EndLeases, Receive, ReturnLeases};
use crate::actors::probe::{Received, probe, settle};
use crate::domain::attempt::AttemptOutcome;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::{ServiceFact, ServiceSeen};
use crate::domain::message::{Message as HubMessage, Priority};
use crate::domain::refusal::Refusal;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::RetryPolicy;
use crate::logic::lanes::RankPolicy;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::leases::Leased;

const SECOND: Duration = Duration::from_secs(1);

/// A scheduler that is not open yet, and everything it says.
struct Desk {
    address: Addr<Scheduler>,
    clock: Clock,
    dispatched: Received<Dispatch>,
    unneeded: Received<Unneeded>,
    recorded: Received<Record>,
    polled: Received<Polled>,
}

fn closed_desk() -> Desk {
    tokio::time::pause();
    let (dispatcher, dispatched) = probe();
    let (unneeded, forgotten) = probe();
    let (event_store, recorded) = probe();
    let (registry, polled) = probe();
    let hops = Hops {
        dispatcher,
        unneeded,
        event_store,
        registry,
    };
    let policy = QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy::default(),
        quotas: Arc::default(),
    };
    let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
    let random = rand::SeedableRng::seed_from_u64(1);
    let scheduler = Scheduler::new(clock, random, metrics, policy, hops, unwatched());
    Desk {
        address: scheduler.start(),
        clock,
        dispatched,
        unneeded: forgotten,
        recorded,
        polled,
    }
}

/// It knows billing.
fn desk() -> Desk {
    let desk = closed_desk();
    desk.address.do_send(Open);
    desk.commit(0, vec![seen("billing")]);
    desk
}

fn seen(name: &str) -> Fact {
    let (service, at) = (service(name), Timestamp::default());
    Fact::Service(ServiceFact::ServiceSeen(ServiceSeen { service, at }))
}

#[actix::test]
async fn who_asks_for_messages_is_known_to_all_before_the_answer() {
    let mut desk = closed_desk();
    desk.address.do_send(Open);
    let mut answer = desk.receive(Duration::ZERO);
    let record = desk.recorded.recv().await;
    assert!(
        matches!(&record.facts[..], [Fact::Service(ServiceFact::ServiceSeen(one))] if one.service == service("billing"))
    );
    assert!(answer.try_recv().is_err());
    desk.commit(1, record.facts);
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap(), []);
    assert_eq!(desk.receive(Duration::ZERO).await.unwrap(), []);
    assert_eq!(desk.recorded.drain().await.len(), 0);
}

impl Desk {
    fn message(&self, number: u128) -> HubMessage {
        message(number, self.clock.now())
    }

    fn commit(&self, first: u64, facts: Vec<Fact>) {
        self.address.do_send(committed(first, facts));
    }

    fn window(&self, window: u32) {
        self.address.do_send(WindowChanged {
            service: service("billing"),
            window,
            outlook: Outlook::Ready,
            types: Arc::new([]),
        });
    }

    /// What was sent out since last asked: ids and attempts.
    async fn sent_out(&mut self) -> Vec<(MessageId, u32)> {
        let dispatches = self.dispatched.drain().await;
        let deliveries = dispatches
            .iter()
            .flat_map(|dispatch| dispatch.deliveries.iter());
        deliveries
            .map(|delivery| (delivery.message.id, delivery.attempt))
            .collect()
    }

    fn receive(&self, wait: Duration) -> oneshot::Receiver<Vec<Leased>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Receive {
            is_socket: false,
            service: service("billing"),
            max: 10,
            wait,
            lease: Some(10 * SECOND),
            reply,
        });
        answer
    }

    /// One message under a lease.
    async fn leased(&self) -> Leased {
        self.commit(1, vec![accepted(self.message(1))]);
        let mut leased = self.receive(Duration::ZERO).await.unwrap();
        assert_eq!(leased.len(), 1);
        leased.remove(0)
    }

    fn end(&self, token: LeaseToken, end: LeaseEnd) -> oneshot::Receiver<Result<(), Refusal>> {
        let (reply, answer) = oneshot::channel();
        let leases = vec![token];
        self.address.do_send(EndLeases {
            leases,
            owner: None,
            end,
            reply,
        });
        answer
    }
}

#[actix::test]
async fn sends_out_as_many_as_the_window_allows() {
    let mut desk = desk();
    let messages: Vec<_> = (1..=5).map(|number| desk.message(number)).collect();
    desk.commit(1, messages.iter().cloned().map(accepted).collect());
    assert_eq!(desk.sent_out().await, []);
    desk.window(2);
    assert_eq!(desk.sent_out().await, [(id(1), 1), (id(2), 1)]);
    desk.commit(6, vec![delivered(&messages[0])]);
    assert_eq!(desk.sent_out().await, [(id(3), 1)]);
}

#[actix::test]
async fn sends_nothing_out_before_it_is_opened() {
    let mut desk = closed_desk();
    desk.window(10);
    desk.commit(1, vec![accepted(desk.message(1))]);
    assert_eq!(desk.sent_out().await, []);
    desk.address.do_send(Open);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
}

#[actix::test]
async fn the_more_urgent_goes_first() {
    let mut desk = desk();
    let mut urgent = desk.message(2);
    urgent.priority = Priority::Critical;
    desk.commit(1, vec![accepted(desk.message(1)), accepted(urgent.clone())]);
    desk.window(1);
    assert_eq!(desk.sent_out().await, [(id(2), 1)]);
    desk.commit(3, vec![delivered(&urgent)]);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
}

#[actix::test]
async fn what_was_given_back_goes_out_again_as_the_same_attempt() {
    let mut desk = desk();
    desk.commit(1, vec![accepted(desk.message(1))]);
    desk.window(1);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
    desk.address.do_send(GiveBack { ids: vec![id(1)] });
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
    desk.window(0);
    desk.address.do_send(GiveBackAll {
        service: service("billing"),
    });
    assert_eq!(desk.sent_out().await, []);
    desk.window(1);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
}

#[actix::test]
async fn a_long_poll_is_answered_when_a_message_comes() {
    let mut desk = desk();
    let mut answer = desk.receive(30 * SECOND);
    assert_eq!(desk.polled.recv().await.service, service("billing"));
    settle().await;
    assert!(answer.try_recv().is_err());
    desk.commit(1, vec![accepted(desk.message(1))]);
    let leased = answer.await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].delivery.message.id, id(1));
}

#[actix::test]
async fn a_poller_that_went_away_takes_no_message_with_it() {
    let desk = desk();
    let gone = desk.receive(30 * SECOND);
    let there = desk.receive(30 * SECOND);
    settle().await;
    drop(gone);
    desk.commit(1, vec![accepted(desk.message(1))]);
    let leased = there.await.unwrap();
    assert_eq!(leased[0].delivery.message.id, id(1));
    assert_eq!(leased[0].delivery.attempt, 1);
}

#[actix::test]
async fn a_long_poll_ends_empty_when_its_wait_is_over() {
    let desk = desk();
    let until = desk.clock.now().plus(30 * SECOND);
    assert_eq!(desk.receive(30 * SECOND).await.unwrap(), []);
    assert_time(desk.clock.now(), until);
    assert_eq!(desk.receive(Duration::ZERO).await.unwrap(), []);
    assert_time(desk.clock.now(), until);
}

#[actix::test]
async fn a_lease_that_runs_out_is_a_failed_attempt() {
    let mut desk = desk();
    let leased = desk.leased().await;
    let end = desk.clock.now().plus(10 * SECOND);
    let record = desk.recorded.recv().await;
    let [Fact::Message(MessageFact::AttemptFailed(failed))] = &record.facts[..] else {
        panic!("one failed attempt expected, not {:?}", record.facts);
    };
    assert_eq!(failed.id, id(1));
    assert_eq!(failed.attempt.outcome, AttemptOutcome::LeaseExpired);
    assert_time(desk.clock.now(), end);
    let refused = desk.end(leased.token, LeaseEnd::Ack).await.unwrap();
    let stale = vec![leased.token];
    assert_eq!(refused, Err(Refusal::StaleLeases { stale }));
}

#[actix::test]
async fn an_ack_is_answered_once_the_delivery_is_in_the_journal() {
    let mut desk = desk();
    let leased = desk.leased().await;
    let mut answer = desk.end(leased.token, LeaseEnd::Ack);
    let record = desk.recorded.recv().await;
    assert!(
        matches!(&record.facts[..], [Fact::Message(MessageFact::Delivered(end))] if end.id == id(1))
    );
    settle().await;
    assert!(answer.try_recv().is_err());
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap(), Ok(()));
}

#[actix::test]
async fn a_nack_says_when_to_try_again() {
    let mut desk = desk();
    let leased = desk.leased().await;
    let nack = LeaseEnd::Nack {
        delay: Some(7 * SECOND),
        reason: Some("not now".to_owned()),
    };
    let _client = desk.end(leased.token, nack);
    let record = desk.recorded.recv().await;
    let [Fact::Message(MessageFact::AttemptFailed(failed))] = &record.facts[..] else {
        panic!("one failed attempt expected, not {:?}", record.facts);
    };
    assert_eq!(failed.retry_at, desk.clock.now().plus(7 * SECOND));
    assert_eq!(failed.attempt.error.as_deref(), Some("not now"));
}

#[actix::test]
async fn a_retrying_message_goes_out_again_when_it_is_due() {
    let mut desk = desk();
    let (message, retry_at) = (desk.message(1), desk.clock.now().plus(5 * SECOND));
    desk.window(1);
    desk.commit(1, vec![accepted(message.clone())]);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
    desk.commit(2, vec![attempt_failed(&message, retry_at)]);
    desk.address.do_send(Due {
        ids: vec![id(1)],
        at: desk.clock.moment(),
    });
    assert_eq!(desk.sent_out().await, []);
    tokio::time::advance(5 * SECOND).await;
    desk.address.do_send(Due {
        ids: vec![id(1)],
        at: desk.clock.moment(),
    });
    assert_eq!(desk.sent_out().await, [(id(1), 2)]);
}

#[actix::test]
async fn a_message_that_outlived_its_ttl_is_recorded_as_expired() {
    let mut desk = desk();
    let mut message = desk.message(1);
    message.expires_at = Some(desk.clock.now().plus(SECOND));
    desk.commit(1, vec![accepted(message)]);
    tokio::time::advance(SECOND).await;
    desk.address.do_send(Due {
        ids: vec![id(1)],
        at: desk.clock.moment(),
    });
    let record = desk.recorded.recv().await;
    assert!(
        matches!(&record.facts[..], [Fact::Message(MessageFact::Expired(end))] if end.id == id(1))
    );
}

#[actix::test]
async fn a_message_under_way_cannot_be_cancelled_and_a_waiting_one_can() {
    let mut desk = desk();
    desk.commit(
        1,
        vec![accepted(desk.message(1)), accepted(desk.message(2))],
    );
    desk.window(1);
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
    let cancel = |number| {
        let (reply, answer) = oneshot::channel();
        let id = id(number);
        desk.address.do_send(Cancel { id, reply });
        answer
    };
    let refused = cancel(1).await.unwrap();
    assert!(matches!(refused, Err(Refusal::WrongState { .. })));
    let answer = cancel(2);
    let record = desk.recorded.recv().await;
    assert!(
        matches!(&record.facts[..], [Fact::Message(MessageFact::Cancelled(end))] if end.id == id(2))
    );
    record.reply.unwrap().send(()).unwrap();
    assert_eq!(answer.await.unwrap(), Ok(()));
}

#[actix::test]
async fn tells_who_waits_how_a_message_ended() {
    let desk = desk();
    let message = desk.message(1);
    desk.commit(1, vec![accepted(message.clone())]);
    let (reply, mut settled) = oneshot::channel();
    desk.address.do_send(AwaitSettled { id: id(1), reply });
    settle().await;
    assert!(settled.try_recv().is_err());
    desk.commit(2, vec![delivered(&message)]);
    assert_eq!(settled.await.unwrap(), delivered(&message));
}

#[actix::test]
async fn a_socket_keeps_its_messages_until_it_is_gone_and_spends_no_attempt() {
    let mut desk = desk();
    desk.commit(1, vec![accepted(desk.message(1))]);
    let (reply, answer) = oneshot::channel();
    desk.address.do_send(Receive {
        is_socket: true,
        service: service("billing"),
        max: 10,
        wait: 30 * SECOND,
        lease: None,
        reply,
    });
    let leased = answer.await.unwrap();
    assert_eq!(leased[0].delivery.attempt, 1);
    assert_eq!(desk.polled.drain().await.len(), 0);
    // Far longer than any lease.
    assert_eq!(desk.receive(100_000 * SECOND).await.unwrap(), []);
    let stale = LeaseToken(uuid::Uuid::from_u128(7));
    desk.address.do_send(ReturnLeases {
        leases: vec![stale, leased[0].token],
        are_lost: true,
    });
    let again = desk.receive(Duration::ZERO).await.unwrap();
    assert_eq!(again[0].delivery.message.id, id(1));
    assert_eq!(again[0].delivery.attempt, 1);
    assert_eq!(desk.recorded.drain().await.len(), 0);
}
