use super::states::MOST_STATE_BYTES;
use super::*;

/// Events of a stream that add up to more than a state may have.
fn publish_too_much(desk: &mut Desk, name: &str) -> u64 {
    let member = "x".repeat(1 << 20);
    // So that a snapshot of the last is due.
    let versions = 18;
    let payload = |version| format!(r#"{{"v{version}":"{member}"}}"#);
    let facts = (1..=versions).map(|version| desk.published(name, version, &payload(version)));
    let facts = facts.collect();
    desk.commit(facts);
    versions
}

#[actix::test]
async fn a_state_that_is_too_large_is_refused_and_never_written() {
    let mut desk = desk();
    let last = publish_too_much(&mut desk, "hero");
    // The automatic one was due, and is no more.
    desk.nothing_recorded().await;
    assert_eq!(desk.flushed.drain().await.len(), 0);
    let limit = MOST_STATE_BYTES;
    let too_large = Refusal::StateTooLarge { limit };
    let refused = desk.state("hero", None).await.unwrap_err();
    assert!(matches!(refused, ArchiveRefusal::Refused(refusal) if refusal == too_large));
    assert!(desk.state("hero", Some(last - 3)).await.is_ok());

    let given = desk.take(r#"{"a":1}"#, None);
    desk.commit_next().await;
    given.await.unwrap().unwrap();
    assert_eq!(desk.state("hero", None).await.unwrap(), r#"{"a":1}"#);
}

#[actix::test]
async fn a_stream_too_large_for_a_snapshot_holds_no_other_events_back() {
    let mut desk = desk();
    let last = publish_too_much(&mut desk, "hero");
    desk.publish("town", 1..=1);
    desk.pass(DAY + HOUR).await;
    let facts = desk.commit_next().await;
    let gone = (vec![("town".to_owned(), 1)], Some(last + 2));
    assert_eq!(removal(&facts), gone);
    desk.nothing_recorded().await;
    assert_eq!(desk.left().await, Vec::<Sequence>::new());
    let answer = desk.state("hero", None).await;
    assert!(
        matches!(
            answer,
            Err(ArchiveRefusal::Refused(Refusal::EventsGone { .. }))
        ),
        "{answer:?}"
    );
}
