//! How fast the archive takes in batches, and a page out of the middle of a million rows.
//!
//! One pass over a growing database instead of many over a small one: what matters is the
//! speed among a million rows. `ARCHIVE_BENCH_DIR` chooses the disk; `ARCHIVE_BENCH_URL` names an
//! empty PostgreSQL database to measure instead.
#![allow(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use message_hub::adapters::archive::{PostgresArchive, SqliteArchive};
use message_hub::adapters::tls::Trust;
use message_hub::domain::attempt::{Attempt, AttemptOutcome};
use message_hub::domain::event::{Event, EventId, Sequence, StreamPlace};
use message_hub::domain::fact::event::EventFact;
use message_hub::domain::fact::message::{MessageFact, Settlement};
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::domain::ids::{
    CorrelationId, EventType, InstanceId, MessageId, MessageType, Position, ServiceName, StreamId,
};
use message_hub::domain::message::{Message, Priority, State};
use message_hub::domain::pattern::Pattern;
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::event_query::EventQuery;
use message_hub::logic::projection::{Batch, Projection};
use message_hub::ports::archive::{Archive, MessageQuery};

const BATCH: u64 = 40_000;
const BATCHES: u64 = 10;
const PAGES: u32 = 200;

fn main() {
    let directory = env::var_os("ARCHIVE_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(directory).expect("a directory to write to");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if let Ok(url) = env::var("ARCHIVE_BENCH_URL") {
            measure(
                &PostgresArchive::open(&url, &Trust::default()).expect("a PostgreSQL database"),
            )
            .await;
            return;
        }
        let archive = SqliteArchive::open(directory.path().join("archive.db"));
        measure(&archive.await.expect("a new archive")).await;
    });
}

async fn measure(archive: &dyn Archive) {
    let mut bench = Bench {
        archive,
        projection: Projection::new(0),
        position: 0,
        fold: Duration::ZERO,
    };
    bench
        .run("open", 0, |n| {
            vec![Fact::Message(MessageFact::Accepted(message(n)))]
        })
        .await;
    bench.run("delivered", 0, |n| vec![delivered(n)]).await;
    let whole = |n| {
        vec![
            Fact::Message(MessageFact::Accepted(message(n))),
            delivered(n),
        ]
    };
    bench.run("open and delivered", 1, whole).await;
    bench.run("open and delivered", 2, whole).await;
    let published = |n| vec![Fact::Event(EventFact::EventPublished(event(n)))];
    bench.run("events", 0, published).await;
    bench.run("events", 1, published).await;
    let middle = Some(bench.position / 2);
    let (rows, events) = (3 * BATCH * BATCHES, 2 * BATCH * BATCHES);
    println!("{rows} messages, {events} events");
    for (name, query) in queries(middle) {
        let started = Instant::now();
        for _ in 0..PAGES {
            let page = archive.messages(query.clone()).await.expect("a page");
            assert!(page.items.len() <= query.limit);
        }
        println!("page of {name:<40} {:?}", started.elapsed() / PAGES);
    }
    measure_events(archive).await;
}

/// Pages of events, a few of the first and as many of the middle.
async fn measure_events(archive: &dyn Archive) {
    for (place, from) in [("beginning", 1), ("middle", BATCH * BATCHES)] {
        for (name, query) in event_queries(from) {
            let started = Instant::now();
            for _ in 0..PAGES {
                let page = archive.events(query.clone()).await.expect("a page");
                assert_eq!(page.items.len(), query.limit, "{name}");
            }
            println!(
                "page of {name:<28} {place:<11} {:?}",
                started.elapsed() / PAGES
            );
        }
    }
}

fn event_queries(from: Sequence) -> Vec<(&'static str, EventQuery)> {
    let all = EventQuery {
        from_sequence: Some(from),
        limit: 50,
        ..EventQuery::default()
    };
    let of_types = |pattern: &str| EventQuery {
        event_types: vec![Pattern::parse(pattern).expect("a pattern")],
        ..all.clone()
    };
    vec![
        ("all events", all.clone()),
        ("one type", of_types("rare.type-7")),
        ("20 types", of_types("rare.*")),
        ("100 types", of_types("*.*")),
        (
            "one source",
            EventQuery {
                source: Some(ServiceName::parse("client-3").expect("a name")),
                ..all.clone()
            },
        ),
        (
            "a stream",
            EventQuery {
                stream_id: Some(StreamId::parse("stream-7").expect("a label")),
                ..all.clone()
            },
        ),
        (
            "one conversation",
            EventQuery {
                correlation_id: Some("talk-7".to_owned()),
                ..all.clone()
            },
        ),
        (
            "a time",
            EventQuery {
                from_sequence: None,
                from_timestamp: Some(at(from)),
                ..all
            },
        ),
    ]
}

/// One of 100 types, 20 of them rare; in one of 1,000 streams and conversations.
fn event(number: u64) -> Arc<Event> {
    let event_type = match number % 1000 {
        0..20 => format!("rare.type-{}", number % 20),
        _ => format!("usual.type-{}", number % 80),
    };
    let (group, version) = (number % 1000, number / 1000 + 1);
    let name = |prefix: &str| format!("{prefix}-{group}");
    Arc::new(Event {
        id: EventId(id(number).0),
        sequence: number + 1,
        event_type: EventType::parse_interned(&event_type).expect("a label"),
        source: ServiceName::parse(&format!("client-{}", number % 10)).expect("a name"),
        published_at: at(number),
        stream: Some(StreamPlace {
            id: StreamId::parse(&name("stream")).expect("a label"),
            version,
        }),
        correlation_id: Some(CorrelationId::parse(&name("talk")).expect("a label")),
        causation_id: None,
        payload: message(number).payload.as_json().cloned().expect("JSON"),
        extras: None,
    })
}

fn queries(middle: Option<Position>) -> Vec<(&'static str, MessageQuery)> {
    let all = MessageQuery {
        before: middle,
        limit: 50,
        ..MessageQuery::default()
    };
    let destination = Some(ServiceName::parse("service-7").expect("a name"));
    let to_one = MessageQuery {
        destination,
        ..all.clone()
    };
    let in_states = |states: &[State], query: &MessageQuery| MessageQuery {
        states: states.to_vec(),
        before: None,
        ..query.clone()
    };
    let dead_letters = |query: &MessageQuery| MessageQuery {
        dead_letters: true,
        before: None,
        ..query.clone()
    };
    let failed = [State::Dead, State::Expired, State::Cancelled];
    vec![
        ("all", all.clone()),
        ("one destination", to_one.clone()),
        ("open ones (none)", in_states(&[State::Queued], &all)),
        (
            "open ones of a destination (none)",
            in_states(&[State::Queued], &to_one),
        ),
        ("failed ones (none)", in_states(&failed, &all)),
        (
            "failed ones of a destination (none)",
            in_states(&failed, &to_one),
        ),
        ("dead letters (none)", dead_letters(&all)),
        (
            "dead letters of a destination (none)",
            dead_letters(&to_one),
        ),
    ]
}

struct Bench<'a> {
    archive: &'a dyn Archive,
    projection: Projection,
    position: Position,
    fold: Duration,
}

impl Bench<'_> {
    /// Writes what `facts` says about message after message and reports the rows per second.
    async fn run(&mut self, name: &str, turn: u64, facts: impl Fn(u64) -> Vec<Fact>) {
        self.fold = Duration::ZERO;
        let mut busy = Duration::ZERO;
        let mut slowest = Duration::ZERO;
        for number in 0..BATCHES {
            let first = (turn * BATCHES + number) * BATCH;
            let batch = self.batch((first..first + BATCH).flat_map(&facts).collect());
            let started = Instant::now();
            self.archive
                .apply(Arc::new(batch))
                .await
                .expect("a written batch");
            busy += started.elapsed();
            slowest = slowest.max(started.elapsed());
        }
        let rows = (BATCH * BATCHES) as f64;
        println!(
            "{name:<20} {:>8.0} rows/s written, slowest batch {slowest:.0?}; {:>9.0} rows/s folded",
            rows / busy.as_secs_f64(),
            rows / self.fold.as_secs_f64(),
        );
    }

    fn batch(&mut self, facts: Vec<Fact>) -> Batch {
        let records: Vec<Recorded> = (self.position + 1..)
            .zip(facts)
            .map(|(position, fact)| Recorded { position, fact })
            .collect();
        self.position += records.len() as u64;
        let started = Instant::now();
        for record in &records {
            self.projection.apply(record);
        }
        let batch = self.projection.take().expect("new records");
        self.fold += started.elapsed();
        batch
    }
}

fn id(number: u64) -> MessageId {
    let random = (u128::from(number) * 0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let random = random[6..].try_into().expect("ten bytes");
    MessageId::generate(at(number), random)
}

fn at(number: u64) -> Timestamp {
    let millis = i64::try_from(number / 50).expect("small numbers");
    Timestamp::from_millis(1_767_225_600_000 + millis)
}

fn message(number: u64) -> Arc<Message> {
    let name = |prefix, count| ServiceName::parse(&format!("{prefix}-{}", number % count));
    let payload = format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(270));
    Arc::new(Message {
        id: id(number),
        destination: name("service", 20).expect("a name"),
        source: name("client", 10).expect("a name"),
        message_type: MessageType::parse_interned("order.placed").expect("a label"),
        priority: Priority::Normal,
        accepted_at: at(number),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(&payload).expect("JSON"),
        extras: None,
    })
}

fn delivered(number: u64) -> Fact {
    let message = message(number);
    Fact::Message(MessageFact::Delivered(Settlement {
        id: message.id,
        at: at(number),
        lane: message.lane(),
        attempt: Some(Attempt {
            number: 1,
            at: at(number),
            instance: Some(InstanceId::parse_interned("instance-1").expect("a label")),
            outcome: AttemptOutcome::Delivered,
            status_code: Some(200),
            duration_ms: 12,
            error: None,
        }),
        reason: None,
        holds_key: false,
    }))
}
