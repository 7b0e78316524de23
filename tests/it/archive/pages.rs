//! Pages end by number or by bytes, whichever comes first, and the next goes on from there.

use std::fmt::Debug;
use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::event::{Event, EventExtras};
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::{CorrelationId, StreamId};
use message_hub::domain::json_text::JsonText;
use message_hub::domain::pattern::Pattern;
use message_hub::domain::payload::Payload;
use message_hub::logic::event_query::EventQuery;
use message_hub::logic::page::{MOST_BYTES, Page};
use message_hub::ports::archive::{Archive, DeadEventQuery, MessageQuery};

use super::event_facts::{dead_event, event, event_died, in_stream, of_type, published};
use super::facts::{accepted, message};
use super::{apply, on_each};

const EVENTS: u64 = 60;
const LARGE: usize = 100_000;
/// Room for two large ones and one that goes beyond.
const ROOM: usize = 250_000;

fn text(length: usize) -> JsonText {
    JsonText::parse(&format!("\"{}\"", "ä".repeat(length / 2))).unwrap()
}

/// Every third is small; all are of one stream and one conversation, of three types.
fn large_event(number: u64) -> Event {
    let name = ["a.one", "a.two", "b", "a.one"][number as usize % 4];
    let mut event = in_stream(of_type(event(number), name), "stream", number);
    event.correlation_id = Some(CorrelationId::parse("talk").unwrap());
    if !number.is_multiple_of(3) {
        event.payload = text(LARGE);
    }
    event
}

fn queries() -> Vec<EventQuery> {
    let pattern = |text: &str| vec![Pattern::parse(text).unwrap()];
    let all = EventQuery {
        limit: 1000,
        most_bytes: Some(ROOM),
        ..EventQuery::default()
    };
    vec![
        EventQuery {
            event_types: pattern("a.*"),
            ..all.clone()
        },
        EventQuery {
            event_types: pattern("a.one"),
            ..all.clone()
        },
        EventQuery {
            correlation_id: Some("talk".to_owned()),
            ..all.clone()
        },
        EventQuery {
            stream_id: Some(StreamId::parse("stream").unwrap()),
            from_version: Some(1),
            ..all.clone()
        },
        EventQuery {
            limit: 2,
            ..all.clone()
        },
        all,
    ]
}

/// The pages of events one after the other, as their sequences.
async fn read_on(archive: &dyn Archive, mut query: EventQuery) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    loop {
        let page = archive.events(query.clone()).await.unwrap();
        pages.push(page.items.iter().map(|event| event.sequence).collect());
        let Some(next) = page.next else { return pages };
        if query.descending {
            query.to_sequence = Some(next.sequence);
        } else {
            query.from_sequence = Some(next.sequence);
        }
    }
}

#[test]
fn pages_of_large_events_follow_each_other_without_gap_or_repeat() {
    on_each(async |archive| {
        apply(archive, (1..=EVENTS).map(large_event).map(published)).await;
        for descending in [false, true] {
            for query in queries() {
                let query = EventQuery {
                    descending,
                    ..query
                };
                let mut expected: Vec<u64> = (1..=EVENTS).collect();
                expected.retain(|number| query.matches(&large_event(*number)));
                if descending {
                    expected.reverse();
                }
                let pages = read_on(archive, query.clone()).await;
                assert_eq!(pages.concat(), expected, "{query:?}");
                for page in &pages {
                    let large = page.iter().filter(|number| *number % 3 != 0);
                    assert!(large.count() <= 3, "{page:?} {query:?}");
                    assert!(page.len() <= query.limit, "{page:?} {query:?}");
                }
                // Only what is asked for has no bound in bytes.
                let whole = archive.sequences(query.clone()).await.unwrap();
                assert_eq!(
                    whole,
                    expected[..query.limit.min(expected.len())],
                    "{query:?}"
                );
            }
        }
    });
}

#[test]
fn what_is_larger_than_a_page_has_a_page_of_its_own() {
    on_each(async |archive| {
        apply(archive, (1..=4).map(large_event).map(published)).await;
        for most_bytes in [0, 1] {
            let query = EventQuery {
                limit: 9,
                most_bytes: Some(most_bytes),
                ..EventQuery::default()
            };
            let pages = read_on(archive, query).await;
            assert_eq!(pages, [[1], [2], [3], [4]]);
        }
    });
}

/// Neither all nor few are on it.
fn check_bounded<T: Debug>(page: &Page<T>) {
    let counts = 5..=MOST_BYTES / 900_000 + 1;
    assert!(counts.contains(&page.items.len()), "{}", page.items.len());
    assert!(!page.is_last());
}

#[test]
fn no_page_is_larger_than_a_few_mebibytes() {
    on_each(async |archive| {
        let events = (1..=12).map(|number| {
            let mut event = event(number);
            // What is carried beside the payload counts as well.
            event.extras = Some(Box::new(EventExtras {
                metadata: Some(text(900_000)),
                ..EventExtras::default()
            }));
            event
        });
        let dead_events = events.clone().map(|event| {
            let mut dead_event = dead_event(event.sequence, DeadReason::Rejected);
            dead_event.event = Arc::new(event);
            event_died(dead_event)
        });
        let messages = (1..=12).map(|number| {
            let mut message = message(number);
            message.payload = Payload::Json(text(900_000));
            Fact::Message(MessageFact::Accepted(Arc::new(message)))
        });
        let published = events.clone().map(published);
        apply(archive, published.chain(dead_events).chain(messages)).await;
        let limit = 1000;

        let query = EventQuery {
            limit,
            ..EventQuery::default()
        };
        check_bounded(&archive.events(query).await.unwrap());

        let mut query = DeadEventQuery {
            limit,
            ..DeadEventQuery::default()
        };
        let mut found = Vec::new();
        check_bounded(&archive.dead_events(query.clone()).await.unwrap());
        while query.before != Some(0) {
            let page = archive.dead_events(query.clone()).await.unwrap();
            query.before = Some(page.next.map_or(0, |next| next.position + 1));
            found.extend(page.items.iter().map(|one| one.dead_event.event.sequence));
        }
        assert_eq!(found, (1..=12).rev().collect::<Vec<_>>());

        let mut query = MessageQuery {
            limit,
            ..MessageQuery::default()
        };
        let mut found = Vec::new();
        check_bounded(&archive.messages(query.clone()).await.unwrap());
        while query.before != Some(0) {
            let page = archive.messages(query.clone()).await.unwrap();
            query.before = Some(page.next.map_or(0, |next| next.position + 1));
            found.extend(page.items.iter().map(|row| row.message.id));
        }
        assert_eq!(found, super::ids((1..=12).rev()));
    });
}

#[test]
fn a_page_that_ends_with_the_list_has_nothing_next() {
    on_each(async |archive| {
        apply(archive, (1..=4).map(|n| published(event(n)))).await;
        apply(archive, (1..=4).map(accepted)).await;
        for (limit, next) in [(3, Some(4)), (4, None), (5, None)] {
            let page = archive.events(EventQuery {
                limit,
                ..EventQuery::default()
            });
            let page = page.await.unwrap();
            assert_eq!(page.next.map(|event| event.sequence), next);
            let page = archive.messages(MessageQuery {
                limit,
                ..MessageQuery::default()
            });
            assert_eq!(page.await.unwrap().is_last(), next.is_none());
        }
    });
}
