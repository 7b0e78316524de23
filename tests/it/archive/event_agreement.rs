//! Whatever was published and whatever is asked, the archives agree about events.

use crate::adapters::archive_memory::MemoryArchive;
use message_hub::domain::event::Event;
use message_hub::domain::fact::Fact;
use message_hub::domain::ids::{CorrelationId, ServiceName, StreamId};
use message_hub::domain::pattern::Pattern;
use message_hub::domain::timestamp::Timestamp;
use message_hub::logic::event_query::EventQuery;
use message_hub::logic::name_query::NameQuery;
use message_hub::ports::archive::{EventArchive, StreamArchive};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::event_facts::{event, event_id, events_removed, in_stream, of_type, published};
use super::{Databases, apply, block_on};

const MOST: u64 = 24;
const TYPES: [&str; 5] = ["a", "a.b", "a.b.c", "b.c", "ab"];
const PATTERNS: [&str; 9] = ["a", "a.b", "a.*", "a.#", "#.c", "*", "#", "x", "*.c"];
const SOURCES: [&str; 2] = ["orders", "shop"];
const STREAMS: [&str; 2] = ["one", "two"];

#[derive(Clone, Debug)]
struct Step {
    event_type: &'static str,
    source: &'static str,
    stream: Option<&'static str>,
    correlation: Option<String>,
    /// Since the event before.
    seconds: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        select(&TYPES),
        select(&SOURCES),
        option::of(select(&STREAMS)),
        option::of(correlation()),
        0..3_i64,
    );
    let step = step.prop_map(|(event_type, source, stream, correlation, seconds)| Step {
        event_type,
        source,
        stream,
        correlation,
        seconds,
    });
    prop::collection::vec(step, 1..MOST as usize)
}

/// Of a conversation, or the id of an event that began one.
fn correlation() -> impl Strategy<Value = String> {
    let ids = (1..MOST).prop_map(|number| event_id(number).to_string());
    prop_oneof![Just("talk".to_owned()), ids]
}

prop_compose! {
    fn query()(
        event_types in prop::collection::vec(select(&PATTERNS), 0..3),
        source in option::weighted(0.3, select(&SOURCES)),
        stream in option::weighted(0.3, select(&STREAMS)),
        correlation_id in option::weighted(0.3, correlation()),
        sequences in (option::of(0..MOST), option::of(0..MOST)),
        times in (option::weighted(0.3, 0..MOST as i64), option::weighted(0.3, 0..MOST as i64)),
        versions in (option::weighted(0.3, 0..5_u64), option::weighted(0.3, 0..5_u64)),
        descending in any::<bool>(),
        limit in 1..8_usize,
    ) -> EventQuery {
        let seconds = |count: i64| Timestamp::from_millis(count * 1000);
        let pattern = |text: &&str| Pattern::parse(text).unwrap();
        EventQuery {
            event_types: event_types.iter().map(pattern).collect(),
            source: source.map(|name| ServiceName::parse(name).unwrap()),
            stream_id: stream.map(|name| StreamId::parse(name).unwrap()),
            correlation_id,
            from_sequence: sequences.0,
            to_sequence: sequences.1,
            from_timestamp: times.0.map(seconds),
            to_timestamp: times.1.map(seconds),
            from_version: versions.0,
            to_version: versions.1,
            descending,
            limit,
            most_bytes: None,
        }
    }
}

prop_compose! {
    fn name_query()(
        prefix in select(&["", "a", "a.", "ab", "o", "x"]),
        after in option::of(select(&["a", "a.b", "ab", "one", "two", "x"])),
        limit in 1..4_usize,
    ) -> NameQuery {
        NameQuery {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
        }
    }
}

/// The events of `steps` with the sequences and versions that the writer gives.
fn events(steps: &[Step]) -> Vec<Event> {
    let mut versions = [0; STREAMS.len()];
    let mut at = 0;
    let mut events = Vec::new();
    for (number, step) in (1..).zip(steps) {
        at += step.seconds;
        let mut event = of_type(event(number), step.event_type);
        event.source = ServiceName::parse(step.source).unwrap();
        event.published_at = Timestamp::from_millis(at * 1000);
        let correlation = step.correlation.as_deref();
        event.correlation_id = correlation.map(|text| CorrelationId::parse(text).unwrap());
        if let Some(place) = STREAMS.iter().position(|name| Some(*name) == step.stream) {
            versions[place] += 1;
            event = in_stream(event, STREAMS[place], versions[place]);
        }
        events.push(event);
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn all_agree_about_events(
        steps in steps(),
        queries in prop::collection::vec(query(), 30),
        names in prop::collection::vec(name_query(), 10),
        removed in option::of(1..MOST),
    ) {
        let databases = Databases::new();
        block_on(async {
            let facts = || -> Vec<Fact> {
                let events = events(&steps).into_iter().map(published);
                events.chain(removed.map(events_removed)).collect()
            };
            let memory = MemoryArchive::default();
            apply(&memory, facts()).await;
            for archive in databases.empty().await {
                apply(&*archive, facts()).await;
                for query in &queries {
                    let found = archive.events(query.clone()).await.unwrap();
                    let expected = memory.events(query.clone()).await.unwrap();
                    prop_assert_eq!(found, expected, "{:?}", query);
                    let found = archive.sequences(query.clone()).await;
                    let expected = memory.sequences(query.clone()).await;
                    prop_assert_eq!(found, expected, "{:?}", query);
                }
                for stream in STREAMS.map(|name| StreamId::parse(name).unwrap()) {
                    let found = archive.stream(stream.clone()).await;
                    prop_assert_eq!(found, memory.stream(stream).await);
                }
                for query in &names {
                    let found = archive.streams(query.clone()).await;
                    prop_assert_eq!(found, memory.streams(query.clone()).await, "{:?}", query);
                    let found = archive.event_types(query.clone()).await;
                    prop_assert_eq!(found, memory.event_types(query.clone()).await, "{:?}", query);
                }
                let found = archive.streams_before(MOST / 2).await;
                prop_assert_eq!(found, memory.streams_before(MOST / 2).await);
            }
            Ok(())
        })?;
    }
}
