use super::super::line::{AT_ONCE, MOST_WAITING};
use super::*;

fn ask(desk: &Desk) -> oneshot::Receiver<Result<BuiltState, ArchiveRefusal>> {
    let (reply, answer) = oneshot::channel();
    desk.address.do_send(ReadState {
        stream: stream("hero"),
        version: None,
        reply,
    });
    answer
}

#[actix::test]
async fn few_states_are_in_memory_at_once_and_the_others_wait() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    let mut asked: Vec<_> = (0..AT_ONCE + 3).map(|_| ask(&desk)).collect();
    desk.serve().await;
    let mut held: Vec<_> = asked
        .iter_mut()
        .filter_map(|answer| answer.try_recv().ok())
        .map(|built| built.unwrap())
        .collect();
    assert_eq!(held.len(), AT_ONCE);
    let mut waiting = asked.split_off(AT_ONCE);
    // Who does not wait any more has no turn.
    waiting.remove(0);
    held.pop();
    settle().await;
    let third = waiting[0].try_recv().unwrap().unwrap();
    assert_eq!(third.version, 2);
    assert!(waiting[1].try_recv().is_err());
    drop(held);
    drop(third);
    settle().await;
    assert!(waiting[1].try_recv().unwrap().is_ok());
}

#[actix::test]
async fn who_finds_too_many_waiting_is_refused() {
    let mut desk = desk();
    desk.publish("hero", 1..=2);
    let waiting: Vec<_> = (0..AT_ONCE + MOST_WAITING).map(|_| ask(&desk)).collect();
    assert!(matches!(
        ask(&desk).await.unwrap(),
        Err(ArchiveRefusal::Refused(Refusal::TooManyStates))
    ));
    // A state that is given needs no turn.
    let given = desk.take("{}", None);
    desk.commit_next().await;
    assert!(given.await.unwrap().is_ok());
    desk.serve().await;
    for answer in waiting {
        assert!(answer.await.unwrap().is_ok());
    }
    assert!(desk.state("hero", None).await.is_ok());
}
