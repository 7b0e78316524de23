//! What one service sent or is to receive: every list of it, whole and page by page.

use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::{CorrelationId, MessageId, ServiceName};
use message_hub::domain::message::State;
use message_hub::ports::archive::{
    Archive, ArchivedDeadEvent, ArchivedMessage, DeadEventQuery, MessageQuery,
};

use super::event_facts::{dead_event, event_died};
use super::facts::{cancelled, dead, delivered, id, message};
use super::{apply, on_each};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn name(text: &str) -> ServiceName {
    ServiceName::parse(text).unwrap()
}

/// `None` and every name.
fn anybody() -> Vec<Option<ServiceName>> {
    let names = NAMES.map(|text| Some(name(text)));
    [None].into_iter().chain(names).collect()
}

/// Between every two of them, four messages that end differently, and two dead events.
async fn fill(archive: &dyn Archive) {
    let mut number = 0;
    for from in NAMES {
        for to in NAMES {
            for end in 0..4_u8 {
                number += 1;
                let mut message = message(number);
                message.source = name(from);
                message.destination = name(to);
                if end % 2 == 0 {
                    let talk = CorrelationId::parse(&id(1).to_string()).unwrap();
                    message.correlation_id = Some(talk);
                }
                let accepted = Fact::Message(MessageFact::Accepted(Arc::new(message)));
                let ending = match end {
                    0 => Some(delivered(number, 1)),
                    1 => Some(dead(number, 1, DeadReason::Rejected)),
                    2 => Some(cancelled(number)),
                    _ => None,
                };
                apply(archive, [accepted].into_iter().chain(ending)).await;
            }
            for reason in [DeadReason::Rejected, DeadReason::Expired] {
                number += 1;
                let mut dead_event = dead_event(number.into(), reason);
                let mut event = (*dead_event.event).clone();
                event.source = name(from);
                if number % 2 == 0 {
                    event.correlation_id = Some(CorrelationId::parse("talk").unwrap());
                }
                dead_event.event = Arc::new(event);
                dead_event.service = name(to);
                apply(archive, [event_died(dead_event)]).await;
            }
        }
    }
}

fn message_queries() -> Vec<MessageQuery> {
    let mut queries = Vec::new();
    for source in anybody() {
        for destination in anybody() {
            for party in anybody() {
                let query = MessageQuery {
                    source: source.clone(),
                    destination: destination.clone(),
                    party,
                    limit: 1000,
                    ..MessageQuery::default()
                };
                queries.push(MessageQuery {
                    correlation_id: Some(id(1).to_string()),
                    ..query.clone()
                });
                queries.push(MessageQuery {
                    states: vec![State::Dead, State::Queued],
                    ..query.clone()
                });
                queries.push(MessageQuery {
                    dead_letters: true,
                    ..query.clone()
                });
                queries.push(query);
            }
        }
    }
    queries
}

fn dead_event_queries() -> Vec<DeadEventQuery> {
    let of = |query: MessageQuery| DeadEventQuery {
        source: query.source,
        service: query.destination,
        party: query.party,
        correlation_id: query.correlation_id.map(|_| "talk".to_owned()),
        reason: query.dead_letters.then_some(DeadReason::Expired),
        limit: query.limit,
        ..DeadEventQuery::default()
    };
    message_queries().into_iter().map(of).collect()
}

async fn all_messages(archive: &dyn Archive) -> Vec<ArchivedMessage> {
    let query = MessageQuery {
        limit: 1000,
        ..MessageQuery::default()
    };
    archive.messages(query).await.unwrap().items
}

async fn all_dead_events(archive: &dyn Archive) -> Vec<ArchivedDeadEvent> {
    let query = DeadEventQuery {
        limit: 1000,
        ..DeadEventQuery::default()
    };
    archive.dead_events(query).await.unwrap().items
}

#[test]
fn messages_are_listed_whole_and_page_by_page() {
    on_each(async |archive| {
        fill(archive).await;
        let all = all_messages(archive).await;
        assert_eq!(all.len(), 9 * 4);
        for query in message_queries() {
            let meant = all.iter().filter(|row| query.matches(row));
            let expected: Vec<MessageId> = meant.map(|row| row.message.id).collect();
            let mut found = Vec::new();
            let mut page = MessageQuery {
                limit: 3,
                ..query.clone()
            };
            loop {
                let rows = archive.messages(page.clone()).await.unwrap();
                page.before = rows.items.last().map(|row| row.position);
                found.extend(rows.items.iter().map(|row| row.message.id));
                if rows.is_last() {
                    break;
                }
            }
            assert_eq!(found, expected, "{query:?}");
            let mut oldest_first = archive.ids_after(query.clone(), 0).await.unwrap();
            oldest_first.reverse();
            let found: Vec<_> = oldest_first.into_iter().map(|(_, id)| id).collect();
            assert_eq!(found, expected, "{query:?}");
        }
    });
}

#[test]
fn dead_letters_of_subscriptions_are_listed_whole_and_page_by_page() {
    on_each(async |archive| {
        fill(archive).await;
        let all = all_dead_events(archive).await;
        assert_eq!(all.len(), 9 * 2);
        for query in dead_event_queries() {
            let meant = all.iter().filter(|archived| query.matches(archived));
            let expected: Vec<_> = meant.map(|archived| archived.position).collect();
            let mut found = Vec::new();
            let mut page = DeadEventQuery {
                limit: 2,
                ..query.clone()
            };
            loop {
                let rows = archive.dead_events(page.clone()).await.unwrap();
                page.before = rows.items.last().map(|row| row.position);
                found.extend(rows.items.iter().map(|row| row.position));
                if rows.is_last() {
                    break;
                }
            }
            assert_eq!(found, expected, "{query:?}");
        }
    });
}
