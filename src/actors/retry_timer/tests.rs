use std::time::Duration;

use actix::Addr;

use super::*;
use crate::actors::fixtures::{
    accepted, assert_time, attempt_failed, committed, delivered, id, message, unwatched,
};
use crate::actors::probe::{Received, probe};
use crate::domain::message::Extras;

fn timer() -> (Addr<RetryTimer>, Clock, Received<Due>) {
    tokio::time::pause();
    let (scheduler, due) = probe();
    let clock = Clock::start();
    let timer = RetryTimer::new(clock, scheduler, unwatched());
    (timer.start(), clock, due)
}

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[actix::test]
async fn fires_at_the_time_of_the_next_attempt_and_once() {
    let (timer, clock, mut due) = timer();
    let (message, retry_at) = (message(1, clock.now()), clock.now().plus(30 * SECOND));
    timer.do_send(Open);
    timer.do_send(committed(1, vec![attempt_failed(&message, retry_at)]));
    assert_eq!(due.recv().await.ids, [id(1)]);
    assert_time(clock.now(), retry_at);
    tokio::time::advance(MINUTE).await;
    assert!(due.drain().await.is_empty());
}

#[actix::test]
async fn fires_for_a_delayed_message_and_again_for_its_end() {
    let (timer, clock, mut due) = timer();
    let (deliver_at, expires_at) = (clock.now().plus(10 * SECOND), clock.now().plus(20 * SECOND));
    let mut message = message(1, clock.now());
    message.expires_at = Some(expires_at);
    message.extras = Some(Box::new(Extras {
        deliver_at: Some(deliver_at),
        ..Extras::default()
    }));
    timer.do_send(Open);
    timer.do_send(committed(1, vec![accepted(message)]));
    assert_eq!(due.recv().await.ids, [id(1)]);
    assert_time(clock.now(), deliver_at);
    assert_eq!(due.recv().await.ids, [id(1)]);
    assert_time(clock.now(), expires_at);
}

#[actix::test]
async fn keeps_still_until_it_is_opened() {
    let (timer, clock, mut due) = timer();
    let fact = attempt_failed(&message(1, clock.now()), clock.now().plus(SECOND));
    timer.do_send(committed(1, vec![fact]));
    assert!(due.drain().await.is_empty());
    tokio::time::advance(MINUTE).await;
    assert!(due.drain().await.is_empty());
    timer.do_send(Open);
    assert_eq!(due.drain().await[0].ids, [id(1)]);
}

#[actix::test]
async fn forgets_what_is_settled() {
    let (timer, clock, mut due) = timer();
    let mut message = message(1, clock.now());
    message.expires_at = Some(clock.now().plus(20 * SECOND));
    let failed = attempt_failed(&message, clock.now().plus(10 * SECOND));
    timer.do_send(Open);
    timer.do_send(committed(1, vec![accepted(message.clone()), failed]));
    assert!(due.drain().await.is_empty());
    timer.do_send(committed(3, vec![delivered(&message)]));
    assert!(due.drain().await.is_empty());
    tokio::time::advance(MINUTE).await;
    assert!(due.drain().await.is_empty());
}

#[actix::test]
async fn an_earlier_time_goes_before_the_one_it_slept_for() {
    let (timer, clock, mut due) = timer();
    let (late, soon) = (clock.now().plus(30 * SECOND), clock.now().plus(5 * SECOND));
    timer.do_send(Open);
    timer.do_send(committed(1, vec![attempt_failed(&message(1, soon), late)]));
    assert!(due.drain().await.is_empty());
    timer.do_send(committed(2, vec![attempt_failed(&message(2, soon), soon)]));
    assert_eq!(due.recv().await.ids, [id(2)]);
    assert_time(clock.now(), soon);
    assert_eq!(due.recv().await.ids, [id(1)]);
    assert_time(clock.now(), late);
}
