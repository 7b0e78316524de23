//! The hot paths of the logic, alone: `cargo bench --bench logic`.

use std::sync::Arc;

use crate::adapters::journal_memory::MemoryDisk;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::{MessageId, MessageType, ServiceName};
use message_hub::domain::message::{Message, Priority};
use message_hub::domain::pattern::Pattern;
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::journal::records::Kind;
use message_hub::logic::journal::{codec, frame};
use message_hub::logic::topics::Topics;
use message_hub::ports::journal::Journal;

/// The journal in memory, which is no part of the hub.
#[path = "../src/adapters"]
mod adapters {
    #![allow(dead_code, reason = "tests need more of it")]

    pub(crate) mod journal_memory;
}

// As what is in it names it.
use message_hub::{domain, logic, ports};

/// Facts in one append of the journal.
const BATCH: usize = 64;

fn accepted() -> Fact {
    let now = Timestamp::from_millis(1_780_000_000_123);
    let text = "x".repeat(289);
    Fact::Message(MessageFact::Accepted(Arc::new(Message {
        id: MessageId::generate(now, [7; 10]),
        destination: ServiceName::parse("billing").expect("a name"),
        source: ServiceName::parse("orders").expect("a name"),
        message_type: MessageType::parse("service_message").expect("a label"),
        priority: Priority::Normal,
        accepted_at: now,
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(&format!(r#"{{"text":"{text}"}}"#)).expect("JSON"),
        extras: None,
    })))
}

fn journal_codec(criterion: &mut Criterion) {
    let fact = accepted();
    let mut group = criterion.benchmark_group("accepted fact, 300-byte payload");
    group.throughput(Throughput::Elements(1));
    let mut buffer = Vec::with_capacity(1 << 20);
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            frame::encode(&mut buffer, 1, 0, &fact);
            buffer.len()
        });
    });
    let mut body = Vec::new();
    codec::encode_body(&mut body, &fact);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| codec::decode(Kind::Accepted as u8, codec::VERSION, &body));
    });
    group.finish();
}

fn journal_append(criterion: &mut Criterion) {
    let facts = vec![accepted(); BATCH];
    let mut group = criterion.benchmark_group("journal in memory");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("append 64 and sync", |bencher| {
        bencher.iter_batched_ref(
            || MemoryDisk::default().journal(),
            |journal| {
                journal.append(&facts).expect("the disk is not full");
                journal.sync()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// 10,000 subscriptions with 1,000 patterns each, of 20,000 different ones.
fn subscriptions() -> Topics<usize> {
    let mut patterns = Vec::new();
    for n in 0..20_000 {
        let text = match n % 4 {
            0 => format!("order.{n}.*"),
            1 => format!("order.{n}.#"),
            2 => format!("#.{n}.created"),
            _ => format!("order.*.{n}.#.paid"),
        };
        patterns.push(Pattern::parse(&text).expect("a pattern"));
    }
    let mut topics = Topics::default();
    for subscription in 0..10_000 {
        for n in 0..1000 {
            let pattern = &patterns[(subscription * 31 + n * 17) % patterns.len()];
            topics.insert(pattern, subscription);
        }
    }
    topics
}

fn topics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("who wants an event");
    let wide = subscriptions();
    group.bench_function("10,000 subscriptions of 1,000 patterns", |bencher| {
        bencher.iter(|| wide.matching("order.8.created").len());
    });
    let mut hostile = Topics::default();
    for n in 0..500usize {
        let word = |at: usize| match (n >> (at % 9)) & 1 {
            _ if at % 13 == 5 => "#",
            0 => "a",
            _ => "*",
        };
        let words: Vec<_> = (0..100).map(word).collect();
        let pattern = Pattern::parse(&words.join(".")).expect("a pattern");
        hostile.insert(&pattern, n);
    }
    let long = ["a"; 100].join(".");
    group.bench_function(
        "500 patterns of 100 wildcards, a type of 100 words",
        |bencher| {
            bencher.iter(|| hostile.matching(&long).len());
        },
    );
    group.finish();
}

criterion_group!(benches, journal_codec, journal_append, topics);
criterion_main!(benches);
