//! What is asked for one service is found by an index: nothing is looked through that is others'.

use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use message_hub::adapters::archive::{PostgresArchive, Question, SqliteArchive};
use message_hub::adapters::tls::Trust;
use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::ids::ServiceName;
use message_hub::domain::message::State;
use message_hub::domain::subscription::SubscriptionId;
use message_hub::domain::timestamp::Timestamp;
use message_hub::ports::archive::{ArchiveReader, DeadEventQuery, MessageArchive, MessageQuery};
use uuid::Uuid;

use super::{block_on, message};
use crate::support::postgres::{Client, database};

/// A service with a few of many messages, which come and go; `busy` has a good part of them.
const FEW: &str = "gamma";
const MANY: &str = "busy";

/// So many messages and dead letters, in the words of both databases. `numbers` is a table `n`.
fn filling(numbers: &str, id: &str) -> Vec<String> {
    let ends = format!(
        "CASE WHEN n % 4000 = 7 THEN '{FEW}' WHEN n % 3 = 0 THEN '{MANY}' ELSE 'd' || n % 4 END, \
         CASE WHEN n % 4000 = 8 THEN '{FEW}' WHEN n % 3 = 1 THEN '{MANY}' ELSE 's' || n % 4 END"
    );
    let text = format!("\"{}\"", "x".repeat(600));
    vec![
        format!(
            "INSERT INTO messages (position, id, destination, source, kind, priority, \
             correlation_id, payload, accepted_at, state, settled_at, reason, dead_letter) \
             SELECT n, {id}, {ends}, 'k', 'NORMAL', CASE WHEN n % 2 = 0 THEN 'c' || n % 900 END, \
             '{text}', n, \
             CASE n % 3 WHEN 0 THEN 'dead' WHEN 1 THEN 'delivered' ELSE 'queued' END, n, \
             CASE WHEN n % 3 = 0 THEN 'rejected' END, n % 3 = 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO event_letters (position, id, service, source, correlation_id, reason, \
             died_at, letter) SELECT n, {id}, {ends}, 'c' || n % 900, 'rejected', n, '{text}' \
             FROM {numbers}"
        ),
        "ANALYZE".to_owned(),
    ]
}

/// Every combination of what a list may be narrowed by.
fn message_queries(me: &str) -> Vec<MessageQuery> {
    let name = |text: &str| ServiceName::parse(text).ok();
    let failed = vec![State::Dead, State::Expired, State::Cancelled];
    let mut queries = Vec::new();
    for (source, destination) in [(None, None), (name(MANY), None), (None, name(MANY))] {
        // What is owed is listed from memory.
        for states in [vec![], vec![State::Delivered], failed.clone()] {
            for dead_letters in [false, true] {
                for before in [None, Some(15_000)] {
                    let query = MessageQuery {
                        source: source.clone(),
                        destination: destination.clone(),
                        party: name(me),
                        states: states.clone(),
                        dead_letters,
                        before,
                        limit: 100,
                        ..MessageQuery::default()
                    };
                    let own = message(1).id.to_string();
                    for correlation_id in [None, Some("c12".to_owned()), Some(own)] {
                        queries.push(MessageQuery {
                            correlation_id,
                            ..query.clone()
                        });
                    }
                    let narrowed = MessageQuery {
                        reason: dead_letters.then_some(DeadReason::Rejected),
                        since: Some(Timestamp::from_millis(5_000)),
                        until: Some(Timestamp::from_millis(19_000)),
                        ..query
                    };
                    queries.push(narrowed);
                }
            }
        }
    }
    queries
}

fn dead_event_queries(me: &str) -> Vec<DeadEventQuery> {
    let name = |text: &str| ServiceName::parse(text).ok();
    let mut queries = Vec::new();
    for (source, service) in [(None, None), (name(MANY), None), (None, name(MANY))] {
        for before in [None, Some(15_000)] {
            let query = DeadEventQuery {
                source: source.clone(),
                service: service.clone(),
                party: name(me),
                before,
                limit: 100,
                ..DeadEventQuery::default()
            };
            queries.push(DeadEventQuery {
                subscription_id: Some(SubscriptionId(Uuid::from_u128(7))),
                ..query.clone()
            });
            queries.push(DeadEventQuery {
                correlation_id: Some("c12".to_owned()),
                ..query.clone()
            });
            queries.push(DeadEventQuery {
                reason: Some(DeadReason::Rejected),
                since: Some(Timestamp::from_millis(5_000)),
                until: Some(Timestamp::from_millis(19_000)),
                ..query.clone()
            });
            queries.push(query);
        }
    }
    queries
}

/// All that somebody who is no operator may ask.
fn questions(me: &str) -> Vec<Question> {
    let pages = message_queries(me).into_iter().map(Question::Messages);
    let conversations = message_queries(me).into_iter();
    let conversations = conversations.filter(|query| query.correlation_id.is_some());
    let conversations = conversations.map(|query| Question::IdsAfter(query, 3_000));
    let dead_letters = dead_event_queries(me).into_iter().map(Question::DeadEvents);
    pages.chain(conversations).chain(dead_letters).collect()
}

#[test]
fn sqlite_finds_what_is_a_services_own_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("archive.db");
    block_on(async {
        let archive = SqliteArchive::open(&path).await.unwrap();
        let mut filler = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let numbers = "(WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM \
            counted WHERE n < 2000) SELECT n FROM counted) AS numbers";
        for statement in filling(numbers, "randomblob(16)") {
            // The hub asks for no statistics; without them the plans are the same for all.
            if statement != "ANALYZE" {
                filler.batch_execute(&statement).unwrap();
            }
        }
        for question in questions(FEW) {
            let steps = archive.plan(&question).await.unwrap();
            let scans = |step: &String| {
                step.starts_with("SCAN messages") || step.starts_with("SCAN event_letters")
            };
            assert!(!steps.iter().any(scans), "{question:?}\n{steps:#?}");
        }
    });
}

#[test]
fn postgres_finds_what_is_a_services_own_by_an_index() {
    let Some(url) = database() else { return };
    block_on(async {
        let archive = PostgresArchive::open(&url, &Trust::default()).unwrap();
        archive.standing().await.unwrap();
        let filler = Client::connect(&url).await;
        let numbers = "generate_series(1, 20000) AS n";
        for statement in filling(numbers, "decode(md5(n::text), 'hex')") {
            filler.execute(&statement).await;
        }
        for question in questions(FEW) {
            let steps = archive.plan(&question).await.unwrap();
            let plan = steps.join("\n");
            assert!(!plan.contains("Seq Scan"), "{question:?}\n{plan}");
            for (step, next) in steps.iter().zip(&steps[1..]) {
                let walks =
                    step.contains("_pkey") && !next.contains("Index Cond: (\"position\" = ");
                assert!(!walks, "{question:?}\n{plan}");
            }
        }
        // Where there are many the next are soon found in the order of all.
        for question in questions(MANY) {
            let plan = archive.plan(&question).await.unwrap().join("\n");
            assert!(!plan.contains("Seq Scan"), "{question:?}\n{plan}");
        }
    });
}

/// Rows of messages that were looked at, as far as the server has been told by now.
const LOOKED_AT: &str = "SELECT (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint \
    FROM pg_stat_user_tables WHERE relname = 'messages'";

#[test]
fn postgres_plans_for_the_service_that_is_asked_for() {
    let Some(url) = database() else { return };
    block_on(async {
        let archive = PostgresArchive::open(&url, &Trust::default()).unwrap();
        archive.standing().await.unwrap();
        let other = Client::connect(&url).await;
        let numbers = "generate_series(1, 20000) AS n";
        for statement in filling(numbers, "decode(md5(n::text), 'hex')") {
            other.execute(&statement).await;
        }
        let list = async |of: &str| {
            let query = MessageQuery {
                source: ServiceName::parse(of).ok(),
                limit: 1000,
                ..MessageQuery::default()
            };
            archive.messages(query).await.unwrap().items.len()
        };
        // Who has many is found soon in the order of all: that is no plan for who has few.
        for _ in 0..8 {
            assert_eq!(list(MANY).await, 1000);
        }
        let before = other.number(LOOKED_AT).await;
        let began = Instant::now();
        let mut lists = 0;
        while other.number(LOOKED_AT).await == before || lists < 20 {
            assert_eq!(list(FEW).await, 5);
            lists += 1;
            assert!(began.elapsed() < Duration::from_secs(60));
        }
        let looked_at = other.number(LOOKED_AT).await - before;
        // Some 3,000 for each of the first lists, which may be told of late.
        assert!(looked_at < 40_000 + 10 * lists, "{looked_at} {lists}");
    });
}
