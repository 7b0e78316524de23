//! The hot paths of the logic, alone: `cargo bench --bench logic`.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use message_hub::adapters::journal_memory::MemoryDisk;
use message_hub::domain::fact::Fact;
use message_hub::domain::ids::{Label, MessageId, ServiceName};
use message_hub::domain::message::{Message, Payload, Priority};
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::wal::{codec, frame};
use message_hub::ports::journal::Journal;

/// Facts in one append of the journal.
const BATCH: usize = 64;

fn accepted() -> Fact {
    let now = Timestamp::from_millis(1_780_000_000_123);
    let text = "x".repeat(289);
    Fact::Accepted(Arc::new(Message {
        id: MessageId::mint(now, [7; 10]),
        destination: ServiceName::parse("billing").expect("a name"),
        source: ServiceName::parse("orders").expect("a name"),
        kind: Label::parse("service_message").expect("a label"),
        priority: Priority::Normal,
        accepted_at: now,
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(&format!(r#"{{"text":"{text}"}}"#)).expect("JSON"),
        extras: None,
    }))
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
        bencher.iter(|| codec::decode(codec::Kind::Accepted as u8, codec::VERSION, &body));
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

criterion_group!(benches, journal_codec, journal_append);
criterion_main!(benches);
