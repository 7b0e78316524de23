//! What clients ask of one dead letter, or of one settled message.

use super::*;

fn is_refused(answer: &Answer, expected: &Refusal) -> bool {
    matches!(answer, Err(ArchiveRefusal::Refused(refusal)) if refusal == expected)
}

fn is_taken(answer: &Answer) -> bool {
    matches!(
        answer,
        Err(ArchiveRefusal::Refused(Refusal::WrongState { .. }))
    )
}

#[actix::test]
async fn while_the_disk_is_almost_full_no_dead_letter_is_sent_again() {
    let mut office = office(1).await;
    office.metrics.status.intake.set(Some(disk_low()));
    let refused = office.reprocess(1).await.unwrap();
    assert!(matches!(
        refused,
        Err(ArchiveRefusal::Refused(Refusal::StorageFull(_)))
    ));
    office.metrics.status.intake.set(None);
    let answer = office.reprocess(1);
    let (_, record) = office.next_redrive().await;
    record.reply.unwrap().send(()).unwrap();
    assert!(answer.await.unwrap().is_ok());
}

#[actix::test]
async fn of_two_who_reprocess_one_dead_letter_one_wins() {
    let mut office = office(1).await;
    let first = office.reprocess(1);
    let mut second = office.reprocess(1);
    settle().await;
    assert!(is_taken(&second.try_recv().unwrap()));
    let (redrive, record) = office.next_redrive().await;
    assert_eq!(redrive.message.id, id(1));
    assert_eq!((redrive.times, redrive.from), (1, State::Dead));
    assert!(is_taken(&office.delete(1).await.unwrap()));
    office.archive(record.facts).await;
    record.reply.unwrap().send(()).unwrap();
    assert!(first.await.unwrap().is_ok());
    let gone = office.reprocess(1).await.unwrap();
    assert!(is_refused(&gone, &Refusal::NotFound), "{gone:?}");
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn a_journal_that_ends_leaves_the_answer_open_and_the_dead_letter_free() {
    let mut office = office(1).await;
    let first = office.reprocess(1);
    let (_, record) = office.next_redrive().await;
    drop(record);
    assert!(first.await.is_err());
    let _second = office.reprocess(1);
    office.next_redrive().await;
}

#[actix::test]
async fn an_archive_that_is_away_is_what_is_answered() {
    let office = office(1).await;
    office.archive.set_unavailable(true);
    let answer = office.delete(1).await.unwrap();
    assert!(matches!(answer, Err(ArchiveRefusal::Archive(_))));
}

#[actix::test]
async fn any_settled_message_can_be_deleted() {
    let mut office = office(1).await;
    let (message, open) = (office.message(2), office.message(3));
    let facts = vec![
        accepted(message.clone()),
        delivered(&message),
        accepted(open),
    ];
    office.archive(facts).await;
    for (number, is_dead_letter) in [(1, true), (2, false)] {
        let answer = office.delete_message(number);
        let record = office.recorded.recv().await;
        match &record.facts[..] {
            [Fact::Message(MessageFact::DeadLetterDeleted(gone))] => {
                assert!(is_dead_letter && gone.id == id(number));
            }
            [Fact::Message(MessageFact::MessageDeleted(gone))] => {
                assert!(!is_dead_letter && gone.id == id(number));
            }
            other => panic!("{other:?}"),
        }
        office.archive(record.facts).await;
        record.reply.unwrap().send(()).unwrap();
        assert!(answer.await.unwrap().is_ok());
    }
    for number in [1, 3, 9] {
        let answer = office.delete_message(number).await.unwrap();
        assert!(
            is_refused(&answer, &Refusal::NotFound),
            "{number}: {answer:?}"
        );
    }
}

#[actix::test]
async fn only_a_dead_letter_can_be_deleted_as_one() {
    let mut office = office(1).await;
    office.archive(vec![accepted(office.message(2))]).await;
    for number in [2, 3] {
        let answer = office.delete(number).await.unwrap();
        assert!(is_refused(&answer, &Refusal::NotFound), "{answer:?}");
    }
    let answer = office.delete(1);
    let record = office.recorded.recv().await;
    let [Fact::Message(MessageFact::DeadLetterDeleted(gone))] = &record.facts[..] else {
        panic!("{:?}", record.facts);
    };
    assert_eq!((gone.id, gone.job), (id(1), None));
    record.reply.unwrap().send(()).unwrap();
    assert!(answer.await.unwrap().is_ok());
    assert!(office.recorded.drain().await.is_empty());
}
