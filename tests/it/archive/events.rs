//! Events and snapshots.

use std::sync::Arc;

use message_hub::domain::compaction_summary::StreamHead;
use message_hub::domain::event::{Event, EventExtras, EventId};
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::event::EventFact;
use message_hub::domain::ids::{CorrelationId, Label, ServiceName, StreamId};
use message_hub::domain::json_text::JsonText;
use message_hub::domain::pattern::Pattern;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::event_query::EventQuery;
use message_hub::ports::archive::Archive;

use super::event_facts::{
    event, event_id, events_removed, in_stream, of_type, published, snapshot, snapshot_taken,
};
use super::{apply, on_each};

async fn sequences(archive: &dyn Archive, query: EventQuery) -> Vec<u64> {
    let limit = if query.limit == 0 { 100 } else { query.limit };
    let page = archive.events(EventQuery { limit, ..query }).await.unwrap();
    page.items.iter().map(|event| event.sequence).collect()
}

fn types(patterns: &[&str]) -> EventQuery {
    let patterns = patterns.iter().map(|text| Pattern::parse(text).unwrap());
    EventQuery {
        event_types: patterns.collect(),
        ..EventQuery::default()
    }
}

fn talk(text: &str) -> CorrelationId {
    CorrelationId::parse(text).unwrap()
}

fn stream_id(text: &str) -> StreamId {
    StreamId::parse(text).unwrap()
}

#[test]
fn an_event_comes_back_as_it_was_published() {
    on_each(async |archive| {
        let mut plain = event(1);
        plain.payload = JsonText::parse(r#"{"a": 1e400, "a":"\u0000\u00e4ä"}"#).unwrap();
        let mut rich = in_stream(event(2), "order 7", 3);
        rich.correlation_id = Some(talk("cörrelation"));
        rich.causation_id = Some(Label::parse("cause").unwrap());
        rich.extras = Some(Box::new(EventExtras {
            metadata: Some(JsonText::parse(r#"{"b":  [1]}"#).unwrap()),
            timestamp: Some(Timestamp::from_millis(-5)),
            ..EventExtras::default()
        }));
        apply(archive, [published(plain.clone()), published(rich.clone())]).await;

        let page = archive.events(EventQuery {
            limit: 9,
            ..EventQuery::default()
        });
        assert_eq!(page.await.unwrap().items, [plain, rich]);
    });
}

#[test]
fn events_are_found_by_id_in_the_order_asked_for() {
    on_each(async |archive| {
        apply(archive, (1..=4).map(|n| published(event(n)))).await;
        let ids = [3, 9, 1].map(event_id).to_vec();
        assert_eq!(
            archive.events_by_id(ids).await.unwrap(),
            [event(3), event(1)]
        );
        assert!(archive.events_by_id(vec![]).await.unwrap().is_empty());
    });
}

#[test]
fn pages_of_events_go_either_way() {
    on_each(async |archive| {
        apply(archive, (1..=5).map(|n| published(event(n)))).await;
        let page = |from, to, descending| EventQuery {
            from_sequence: from,
            to_sequence: to,
            descending,
            limit: 2,
            ..EventQuery::default()
        };
        assert_eq!(sequences(archive, page(None, None, false)).await, [1, 2]);
        assert_eq!(sequences(archive, page(Some(3), None, false)).await, [3, 4]);
        assert_eq!(sequences(archive, page(None, Some(4), true)).await, [4, 3]);
        assert!(
            sequences(archive, page(Some(5), Some(4), true))
                .await
                .is_empty()
        );
        let beyond = page(Some(u64::MAX), None, false);
        assert!(sequences(archive, beyond).await.is_empty());
        assert_eq!(
            sequences(archive, page(None, Some(u64::MAX), true)).await,
            [5, 4]
        );
    });
}

#[test]
fn patterns_choose_event_types() {
    on_each(async |archive| {
        let names = ["a", "a.b", "a.c", "a.b.c", "ab.c", "b", "a.b"];
        let events = (1..)
            .zip(names)
            .map(|(n, name)| published(of_type(event(n), name)));
        apply(archive, events).await;
        for (patterns, expected) in [
            (&["a.b"][..], vec![2, 7]),
            (&["a.*"], vec![2, 3, 7]),
            (&["a.#"], vec![1, 2, 3, 4, 7]),
            (&["*.c"], vec![3, 5]),
            (&["#.c"], vec![3, 4, 5]),
            (&["b", "a.c"], vec![3, 6]),
            (&["b", "#"], vec![1, 2, 3, 4, 5, 6, 7]),
            (&["a.x", "x.*"], vec![]),
        ] {
            assert_eq!(
                sequences(archive, types(patterns)).await,
                expected,
                "{patterns:?}"
            );
            let newest = EventQuery {
                descending: true,
                limit: 2,
                ..types(patterns)
            };
            let last: Vec<_> = expected.iter().rev().take(2).copied().collect();
            assert_eq!(sequences(archive, newest).await, last, "{patterns:?}");
        }
    });
}

#[test]
fn any_number_of_types_may_match() {
    on_each(async |archive| {
        let name = |n| format!("many.t{}", n % 40);
        let events = (1..=80).map(|n| published(of_type(event(n), &name(n))));
        apply(archive, events).await;
        let all = sequences(archive, types(&["many.*"])).await;
        assert_eq!(all, (1..=80).collect::<Vec<_>>());
        let exact: Vec<String> = (0..35).map(name).collect();
        let exact: Vec<&str> = exact.iter().map(String::as_str).collect();
        let page = EventQuery {
            from_sequence: Some(30),
            limit: 7,
            ..types(&exact)
        };
        assert_eq!(sequences(archive, page).await, [30, 31, 32, 33, 34, 40, 41]);
    });
}

#[test]
fn filters_of_events_add_up() {
    on_each(async |archive| {
        let mut events: Vec<Event> = (1..=8).map(event).collect();
        for (index, event) in events.iter_mut().enumerate() {
            if index % 2 == 1 {
                event.source = ServiceName::parse("shop").unwrap();
            }
            if index >= 4 {
                event.correlation_id = Some(talk("talk"));
            }
            if index % 4 < 2 {
                *event = of_type(event.clone(), "other.type");
            }
        }
        apply(archive, events.clone().into_iter().map(published)).await;
        let shop = ServiceName::parse("shop").ok();
        let talk = Some("talk".to_owned());
        for query in [
            EventQuery {
                source: shop.clone(),
                ..EventQuery::default()
            },
            EventQuery {
                source: shop.clone(),
                ..types(&["other.*"])
            },
            EventQuery {
                correlation_id: talk.clone(),
                ..EventQuery::default()
            },
            EventQuery {
                correlation_id: talk.clone(),
                source: shop,
                ..types(&["other.*"])
            },
            EventQuery {
                correlation_id: talk,
                descending: true,
                ..types(&["other.type", "x"])
            },
        ] {
            let mut expected: Vec<u64> = events
                .iter()
                .filter(|event| query.matches(event))
                .map(|event| event.sequence)
                .collect();
            if query.descending {
                expected.reverse();
            }
            assert!(!expected.is_empty());
            assert_eq!(
                sequences(archive, query.clone()).await,
                expected,
                "{query:?}"
            );
        }
    });
}

#[test]
fn an_event_belongs_to_the_conversation_it_began() {
    on_each(async |archive| {
        let own = event_id(1).to_string();
        let mut answer = event(2);
        answer.correlation_id = Some(talk(&own));
        let mut taken = event(3);
        taken.correlation_id = Some(talk("elsewhere"));
        apply(archive, [event(1), answer, taken].map(published)).await;
        let correlated = |text: String| EventQuery {
            correlation_id: Some(text),
            ..EventQuery::default()
        };
        assert_eq!(sequences(archive, correlated(own)).await, [1, 2]);
        let not_its_own = correlated(event_id(3).to_string());
        assert!(sequences(archive, not_its_own).await.is_empty());
    });
}

#[test]
fn times_of_events_are_inclusive() {
    on_each(async |archive| {
        // Published at 10, 20, 20 and 30 ms.
        let mut events = [1, 2, 3, 4].map(event);
        for (event, at) in events.iter_mut().zip([10, 20, 20, 30]) {
            event.published_at = Timestamp::from_millis(at);
        }
        apply(archive, events.map(published)).await;
        for (from, to, expected) in [
            (Some(20), None, vec![2, 3, 4]),
            (Some(21), None, vec![4]),
            (Some(31), None, vec![]),
            (None, Some(20), vec![1, 2, 3]),
            (None, Some(9), vec![]),
            (Some(11), Some(29), vec![2, 3]),
            (Some(21), Some(29), vec![]),
        ] {
            let query = EventQuery {
                from_timestamp: from.map(Timestamp::from_millis),
                to_timestamp: to.map(Timestamp::from_millis),
                ..EventQuery::default()
            };
            assert_eq!(sequences(archive, query).await, expected, "{from:?} {to:?}");
        }
    });
}

#[test]
fn a_stream_is_read_by_version_and_by_sequence() {
    on_each(async |archive| {
        let in_one = |n, version| published(in_stream(event(n), "one", version));
        let other = published(in_stream(event(2), "two", 1));
        apply(
            archive,
            [
                in_one(1, 1),
                other,
                in_one(3, 2),
                published(event(4)),
                in_one(5, 3),
            ],
        )
        .await;
        let one = EventQuery {
            stream_id: Some(stream_id("one")),
            ..EventQuery::default()
        };
        assert_eq!(sequences(archive, one.clone()).await, [1, 3, 5]);
        let later = EventQuery {
            from_version: Some(2),
            ..one.clone()
        };
        assert_eq!(sequences(archive, later).await, [3, 5]);
        let earlier = EventQuery {
            to_version: Some(2),
            descending: true,
            ..one.clone()
        };
        assert_eq!(sequences(archive, earlier).await, [3, 1]);
        let after = EventQuery {
            from_sequence: Some(3),
            limit: 1,
            ..one
        };
        assert_eq!(sequences(archive, after).await, [3]);
        let of_any = EventQuery {
            from_version: Some(2),
            ..EventQuery::default()
        };
        assert_eq!(sequences(archive, of_any).await, [3, 5]);
    });
}

#[test]
fn a_stream_tells_its_version_count_and_times() {
    on_each(async |archive| {
        assert_eq!(archive.stream(stream_id("one")).await.unwrap(), None);
        let in_one = |n, version| published(in_stream(event(n), "one", version));
        apply(archive, [in_one(1, 1), published(event(2)), in_one(3, 2)]).await;
        let found = archive.stream(stream_id("one")).await.unwrap().unwrap();
        assert_eq!((found.version, found.count), (2, 2));
        assert_eq!(found.first_at, Some(event(1).published_at));
        assert_eq!(found.last_at, Some(event(3).published_at));

        apply(archive, [snapshot_taken("one", 2), events_removed(4)]).await;
        let found = archive.stream(stream_id("one")).await.unwrap().unwrap();
        assert_eq!((found.version, found.count), (2, 0));
        assert_eq!((found.first_at, found.last_at), (None, None));
    });
}

#[test]
fn the_newest_snapshot_up_to_a_version_is_found() {
    on_each(async |archive| {
        let events = (1..=5).map(|n| published(in_stream(event(n), "one", n)));
        let taken = [2, 5].map(|version| snapshot_taken("one", version));
        apply(archive, events.chain(taken)).await;
        let newest = async |version| archive.snapshot(stream_id("one"), version).await.unwrap();
        assert_eq!(newest(1).await, None);
        assert_eq!(newest(4).await, Some(snapshot("one", 2)));
        assert_eq!(newest(u64::MAX).await, Some(snapshot("one", 5)));
        assert_eq!(archive.snapshot(stream_id("two"), 9).await.unwrap(), None);
    });
}

#[test]
fn of_two_snapshots_at_one_version_the_later_one_counts() {
    on_each(async |archive| {
        let again = |state| {
            let mut again = snapshot("one", 2);
            again.state = JsonText::parse(state).unwrap();
            Arc::new(again)
        };
        let states = [r#"{"a":1}"#, r#"{"a":2}"#].map(again);
        apply(
            archive,
            states
                .clone()
                .map(|content| Fact::Event(EventFact::SnapshotTaken(content))),
        )
        .await;
        let found = archive.snapshot(stream_id("one"), 2).await.unwrap();
        assert_eq!(found.as_ref(), Some(&*states[1]));
        let third = again(r#"{"a":3}"#);
        apply(
            archive,
            [Fact::Event(EventFact::SnapshotTaken(third.clone()))],
        )
        .await;
        let found = archive.snapshot(stream_id("one"), 2).await.unwrap();
        assert_eq!(found.as_ref(), Some(&*third));
    });
}

#[test]
fn removed_events_are_gone_and_their_streams_known_before() {
    on_each(async |archive| {
        let events = [
            in_stream(event(1), "one", 1),
            in_stream(event(2), "two", 1),
            in_stream(event(3), "one", 2),
            event(4),
            in_stream(event(5), "one", 3),
        ];
        apply(archive, events.map(published)).await;
        let head = |id, version| StreamHead {
            id: stream_id(id),
            version,
        };
        let before = archive.streams_before(5).await.unwrap();
        assert_eq!(before, [head("one", 2), head("two", 1)]);
        assert_eq!(archive.streams_before(1).await.unwrap(), []);

        apply(archive, [published(event(6)), events_removed(5)]).await;
        assert_eq!(sequences(archive, EventQuery::default()).await, [5, 6]);
        let gone: Vec<EventId> = [1, 5].map(event_id).to_vec();
        assert_eq!(archive.events_by_id(gone).await.unwrap().len(), 1);
    });
}

#[test]
fn of_the_snapshots_before_the_first_event_that_is_kept_only_the_newest_stays() {
    on_each(async |archive| {
        let events = (1..=6).map(|n| published(in_stream(event(n), "s", n)));
        apply(archive, events).await;
        apply(archive, [snapshot_taken("s", 2), snapshot_taken("t", 1)]).await;
        apply(archive, [snapshot_taken("s", 4), snapshot_taken("t", 3)]).await;
        let newest = async |stream, version| {
            let found = archive.snapshot(stream_id(stream), version).await.unwrap();
            found.map(|snapshot| snapshot.version)
        };
        // All of its events are there, so that a state may begin with either.
        assert_eq!(newest("s", 3).await, Some(2));
        // Of the other there are none.
        assert_eq!(
            (newest("t", 2).await, newest("t", 9).await),
            (None, Some(3))
        );

        apply(archive, [events_removed(4)]).await;
        apply(archive, [snapshot_taken("s", 5)]).await;
        assert_eq!(newest("s", 3).await, Some(2));
        assert_eq!(newest("s", 4).await, Some(4));
        apply(archive, [snapshot_taken("s", 6), events_removed(6)]).await;
        assert_eq!(newest("s", 4).await, None);
        assert_eq!(
            (newest("s", 5).await, newest("s", 6).await),
            (Some(5), Some(6))
        );
        apply(archive, [snapshot_taken("s", 6), events_removed(7)]).await;
        assert_eq!(
            (newest("s", 5).await, newest("s", 9).await),
            (None, Some(6))
        );
        assert_eq!(newest("t", 9).await, Some(3));
        let stream = archive.stream(stream_id("s")).await.unwrap().unwrap();
        assert_eq!((stream.version, stream.count), (6, 0));
    });
}
