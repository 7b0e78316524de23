//! A hub that stops: nothing new goes out, and nobody waits in vain.

use super::*;

#[actix::test]
async fn drained_once_every_push_has_ended_and_nothing_new_goes_out() {
    let mut desk = desk();
    let message = desk.message(1);
    desk.window(1);
    desk.commit(
        1,
        vec![accepted(message.clone()), accepted(desk.message(2))],
    );
    assert_eq!(desk.sent_out().await, [(id(1), 1)]);
    let (reply, mut drained) = oneshot::channel();
    desk.address.do_send(Drain { reply });
    settle().await;
    assert!(drained.try_recv().is_err());
    desk.commit(3, vec![delivered(&message)]);
    assert_eq!(desk.sent_out().await, []);
    drained.await.unwrap();
}

#[actix::test]
async fn pollers_get_their_empty_answer_at_once_when_it_drains() {
    let desk = desk();
    let now = desk.clock.now();
    let before = desk.receive(30 * SECOND);
    let (reply, drained) = oneshot::channel();
    desk.address.do_send(Drain { reply });
    assert_eq!(before.await.unwrap(), []);
    drained.await.unwrap();
    desk.commit(1, vec![accepted(desk.message(1))]);
    assert_eq!(desk.receive(30 * SECOND).await.unwrap(), []);
    assert_eq!(desk.clock.now(), now);
}

#[actix::test]
async fn who_waits_for_an_outcome_waits_no_longer_when_it_drains() {
    let desk = desk();
    desk.commit(1, vec![accepted(desk.message(1))]);
    let wait = || {
        let (reply, settled) = oneshot::channel();
        desk.address.do_send(AwaitSettled { id: id(1), reply });
        settled
    };
    let before = wait();
    let (reply, drained) = oneshot::channel();
    desk.address.do_send(Drain { reply });
    assert!(before.await.is_err());
    drained.await.unwrap();
    assert!(wait().await.is_err());
}
