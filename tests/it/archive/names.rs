//! Which streams and types of events there are.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use message_hub::adapters::archive::{PostgresArchive, Question, SqliteArchive};
use message_hub::adapters::tls::Trust;
use message_hub::domain::event_lists::{EventTypeEntry, MOST_OF_A_TYPE, StreamEntry};
use message_hub::domain::ids::{EventType, StreamId};
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::name_query::NameQuery;
use message_hub::logic::page::Page;
use message_hub::ports::archive::{Archive, ArchiveReader, StreamArchive};

use super::event_facts::{event, events_removed, in_stream, of_type, published, snapshot_taken};
use super::{apply, block_on, on_each};
use crate::support::postgres::{Client, database};

fn names(prefix: &str, after: Option<&str>, limit: usize) -> NameQuery {
    NameQuery {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
        limit,
    }
}

fn stream(id: &str, version: u64, count: u64, second: i64) -> StreamEntry {
    StreamEntry {
        id: StreamId::parse(id).unwrap(),
        version,
        count,
        last_at: Timestamp::from_millis(second * 1000),
    }
}

fn event_type(name: &str, count: u64, second: i64) -> EventTypeEntry {
    EventTypeEntry {
        event_type: EventType::parse(name).unwrap(),
        count,
        last_at: Timestamp::from_millis(second * 1000),
    }
}

async fn stream_names(archive: &dyn Archive, query: NameQuery) -> Vec<String> {
    let page = archive.streams(query).await.unwrap();
    let names = page.items.iter().map(|entry| entry.id.to_string());
    names.collect()
}

async fn page_by_page(archive: &dyn Archive, limit: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let query = names("", found.last().map(String::as_str), limit);
        let page = archive.streams(query).await.unwrap();
        found.extend(page.items.iter().map(|entry| entry.id.to_string()));
        if page.is_last() {
            return found;
        }
        assert_eq!(page.items.len(), limit);
    }
}

#[test]
fn streams_are_those_with_events_that_are_kept() {
    on_each(async |archive| {
        let events = [
            in_stream(event(1), "gone", 1),
            in_stream(event(2), "one", 1),
            event(3),
            in_stream(event(4), "one", 2),
            in_stream(event(5), "two", 1),
            in_stream(event(6), "one", 3),
        ];
        apply(archive, events.map(published)).await;
        let all = names("", None, 10);
        let found = archive.streams(all.clone()).await.unwrap();
        let expected = [
            stream("gone", 1, 1, 1),
            stream("one", 3, 3, 6),
            stream("two", 1, 1, 5),
        ];
        assert_eq!((&found.items[..], found.is_last()), (&expected[..], true));
        apply(archive, [snapshot_taken("gone", 1), events_removed(3)]).await;
        let found = archive.streams(all).await.unwrap().items;
        assert_eq!(found, [stream("one", 3, 2, 6), stream("two", 1, 1, 5)]);
    });
}

#[test]
fn names_are_in_the_order_of_their_bytes_whatever_the_language() {
    // Of which every database with a language makes another order, and some that are like each other.
    let sorted = [
        "A",
        "B",
        "Z-1",
        "Z-10",
        "Z-2",
        "a",
        "a b",
        "a-b",
        "aB",
        "a_",
        "ab",
        "b",
        "z",
        "ä",
        "é",
        "\u{10000}",
    ];
    on_each(async |archive| {
        let events = (1..).zip(sorted.iter().rev());
        let events = events
            .map(|(number, name)| published(of_type(in_stream(event(number), name, 1), name)));
        apply(archive, events).await;
        assert_eq!(stream_names(archive, names("", None, 100)).await, sorted);
        let types = archive.event_types(names("", None, 100)).await.unwrap();
        let types: Vec<_> = types
            .items
            .iter()
            .map(|one| one.event_type.as_str())
            .collect();
        assert_eq!(types, sorted);
        assert_eq!(
            stream_names(archive, names("a", None, 100)).await,
            ["a", "a b", "a-b", "aB", "a_", "ab"]
        );
        assert_eq!(
            stream_names(archive, names("a", Some("aB"), 100)).await,
            ["a_", "ab"]
        );
        assert_eq!(stream_names(archive, names("a", Some("B"), 1)).await, ["a"]);
        assert_eq!(
            stream_names(archive, names("a", Some("b"), 9)).await,
            [""; 0]
        );
        let found = page_by_page(archive, 3).await;
        assert_eq!(found, sorted);
    });
}

#[test]
fn types_are_counted_no_further_than_a_list_can_afford() {
    on_each(async |archive| {
        let events = (1..=MOST_OF_A_TYPE + 2).map(|number| {
            published(match number {
                1 => of_type(event(1), "gone"),
                2 => of_type(event(2), "few"),
                _ => of_type(event(number), "many"),
            })
        });
        apply(archive, events).await;
        let last = i64::try_from(MOST_OF_A_TYPE).unwrap() + 2;
        let all = names("", None, 10);
        let found = archive.event_types(all.clone()).await.unwrap();
        let expected = [
            event_type("few", 1, 2),
            event_type("gone", 1, 1),
            event_type("many", MOST_OF_A_TYPE, last),
        ];
        assert_eq!(found.items, expected);
        apply(archive, [events_removed(5)]).await;
        let found: Page<_> = archive.event_types(all).await.unwrap();
        assert_eq!(found.items, [event_type("many", MOST_OF_A_TYPE - 2, last)]);
    });
}

/// A stream and a type with many events, and one of each with few, of which nobody would think so
/// by the average.
const FILLING: [&str; 2] = [
    "INSERT INTO events (sequence, id, type_id, source, published_at, stream_id, stream_version, \
     payload) SELECT n, CAST('0123456789abcdef' AS ID), CASE WHEN n < 5 THEN 1 ELSE 2 END, \
     's', n, CASE WHEN n < 5 THEN 'a' ELSE 'b' END, n, '1' FROM NUMBERS",
    "INSERT INTO event_types (name) VALUES ('x'), ('y')",
];

fn questions() -> [Question; 4] {
    [
        Question::Streams(names("", None, 100)),
        Question::Streams(names("a", Some("aa"), 100)),
        Question::EventTypes(names("", None, 100)),
        Question::EventTypes(names("a", Some("aa"), 100)),
    ]
}

#[test]
fn sqlite_passes_over_the_events_of_a_stream() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("archive.db");
    block_on(async {
        let archive = SqliteArchive::open(&path).await.unwrap();
        let mut filler = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let numbers = "(WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM \
            counted WHERE n < 2000) SELECT n FROM counted)";
        for statement in FILLING {
            let statement = statement.replace("NUMBERS", numbers).replace("ID", "BLOB");
            filler.batch_execute(&statement).unwrap();
        }
        for question in questions() {
            let steps = archive.plan(&question).await.unwrap();
            let walks = |step: &String| step.starts_with("SCAN events") || step.contains("B-TREE");
            assert!(!steps.iter().any(walks), "{question:?}\n{steps:#?}");
        }
    });
}

#[test]
fn postgres_passes_over_the_events_of_a_stream() {
    let Some(url) = database() else { return };
    block_on(async {
        let archive = PostgresArchive::open(&url, &Trust::default()).unwrap();
        archive.standing().await.unwrap();
        let filler = Client::connect(&url).await;
        for statement in FILLING {
            let numbers = "generate_series(1, 20000) AS n";
            let statement = statement.replace("NUMBERS", numbers).replace("ID", "BYTEA");
            filler.execute(&statement).await;
        }
        filler.execute("ANALYZE").await;
        for question in questions() {
            let plan = archive.plan(&question).await.unwrap().join("\n");
            for walk in ["Seq Scan on events", "Sort Key: events", "events_pkey"] {
                assert!(!plan.contains(walk), "{question:?}\n{plan}");
            }
        }
        let streams = archive.streams(names("", None, 10)).await.unwrap();
        assert_eq!(streams.items.len(), 2);
    });
}
