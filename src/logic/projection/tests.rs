use super::*;
use crate::domain::fact::service::{ServiceFact, ServiceSeen};
use crate::domain::ids::{MessageType, ServiceName};
use crate::domain::message::Priority;
use crate::domain::payload::Payload;
use crate::logic::journal::samples;

fn message() -> Arc<Message> {
    let service = ServiceName::parse("billing").unwrap();
    Arc::new(Message {
        id: MessageId(uuid::Uuid::from_u128(7)),
        destination: service.clone(),
        source: service,
        message_type: MessageType::parse("order").unwrap(),
        priority: Priority::Normal,
        accepted_at: Timestamp::default(),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse("1").unwrap(),
        extras: None,
    })
}

fn expired(message: &Message) -> Fact {
    Fact::Message(MessageFact::Expired(Settlement {
        id: message.id,
        at: Timestamp::from_millis(5),
        lane: message.lane(),
        attempt: None,
        reason: None,
        holds_key: false,
    }))
}

fn project(after: Position, facts: impl IntoIterator<Item = (Position, Fact)>) -> Projection {
    let mut projection = Projection::new(after);
    for (position, fact) in facts {
        projection.apply(&Recorded { position, fact });
    }
    projection
}

#[test]
fn a_message_is_one_change_and_its_payload_is_shared() {
    let message = message();
    let facts = [
        (4, Fact::Message(MessageFact::Accepted(message.clone()))),
        (5, expired(&message)),
    ];
    let mut projection = project(3, facts);
    assert_eq!(projection.len(), 1);

    let batch = projection.take().unwrap();
    assert_eq!((batch.after, batch.through), (3, 5));
    let change = &batch.changes[0];
    let end = change.end.unwrap();
    assert_eq!(end.state, State::Expired);
    assert_eq!(end.reason, Some(DeadReason::Expired));
    assert_eq!(change.dead_letter, Some(true));
    let Some(Opened::Accepted(shared)) = change.opening.as_ref().map(|o| &o.opened) else {
        panic!("{change:?}");
    };
    assert!(Arc::ptr_eq(shared, &message));
}

#[test]
fn of_a_deleted_message_nothing_is_written() {
    let facts = [
        (4, samples::accepted(1)),
        (5, samples::dead_lettered(1)),
        (6, samples::dead_letter_deleted(1)),
    ];
    let batch = project(3, facts.clone()).take().unwrap();
    let expected = MessageChange {
        is_deleted: true,
        ..MessageChange::none(samples::id(1))
    };
    assert_eq!(batch.changes, [expected]);
    let again = [(7, samples::accepted(1)), (8, samples::delivered(1))];
    let mut facts = Vec::from(facts);
    facts.extend(again);
    let batch = project(3, facts).take().unwrap();
    assert!(!batch.changes[0].is_deleted);
    assert!(batch.changes[0].opening.as_ref().is_some_and(|o| o.is_new));
}

#[test]
fn batches_join_without_a_gap() {
    let message = message();
    let mut projection = project(
        0,
        [(2, Fact::Message(MessageFact::Accepted(message.clone())))],
    );
    let first = projection.take().unwrap();
    assert_eq!(projection.take(), None);
    projection.apply(&Recorded {
        position: 6,
        fact: expired(&message),
    });
    let second = projection.take().unwrap();
    assert_eq!((second.after, second.through), (first.through, 6));
    assert_eq!(second.changes[0].opening, None);
}

#[test]
fn counts_the_bytes_of_what_it_holds() {
    let message = message();
    let published = samples::event_published(1, 1);
    let snapshot = samples::snapshot_taken(1, 1);
    let accepted = Fact::Message(MessageFact::Accepted(message.clone()));
    let expected = accepted.size_bytes() + published.size_bytes() + snapshot.size_bytes();
    let facts = [(4, accepted), (5, published), (6, snapshot)];
    let mut projection = project(3, facts);
    assert_eq!(projection.bytes(), expected);
    assert!(expected > message.bytes() as usize);
    projection.take();
    assert_eq!(projection.bytes(), 0);
}

#[test]
fn records_already_seen_change_nothing() {
    let message = message();
    let facts = [
        (3, Fact::Message(MessageFact::Accepted(message.clone()))),
        (2, expired(&message)),
    ];
    let mut projection = project(3, facts);
    assert!(projection.is_empty());
    assert_eq!(projection.bytes(), 0);
    assert_eq!(projection.take(), None);
}

#[test]
fn what_concerns_no_message_moves_on_without_a_change() {
    let seen = Fact::Service(ServiceFact::ServiceSeen(ServiceSeen {
        service: ServiceName::parse("billing").unwrap(),
        at: Timestamp::default(),
    }));
    let mut projection = project(1, [(9, seen)]);
    assert!(projection.is_empty());
    assert_eq!(projection.take().unwrap().through, 9);
}
