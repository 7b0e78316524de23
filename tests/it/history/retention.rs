use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{numbers, publish_some};
use crate::support::verbs::array;
use crate::support::{Client, TestHub, eventually};

/// Events are old within a second, and go at once.
const SHORT: [(&str, &str); 2] = [
    ("event_retention_days", "0.00001"),
    ("compaction_interval", "0.02"),
];
/// Nothing more goes.
const LONG: [(&str, &str); 1] = [("event_retention_days", "30")];

/// A hub on the same data, after all that was published before is gone.
fn without_events(hub: TestHub) -> TestHub {
    let hub = hub.restart_with(&SHORT);
    eventually("all events are gone", || {
        hub.get("/v1/events").is(200)["count"] == 0
    });
    hub.restart_with(&LONG)
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    let hub = TestHub::start();
    publish_some(&hub, 1..=5);
    let hub = without_events(hub);
    publish_some(&hub, 6..=8);
    let all = hub.get("/v1/events").is(200);
    assert_eq!(numbers(&all), [6, 7, 8]);
    assert_eq!(all["events"][0]["sequence"], 6);
    let beginning = hub.get("/v1/events/replay?mode=from_beginning").is(200);
    assert_eq!(numbers(&beginning), [6, 7, 8]);
    assert_eq!(
        numbers(&hub.get("/v1/events?from_sequence=6").is(200)),
        [6, 7, 8]
    );
    assert_eq!(
        numbers(&hub.get("/v1/events?order=desc&cursor=6").is(200)),
        [6]
    );
    for query in [
        "/v1/events?from_sequence=1",
        "/v1/events?from_sequence=5&order=desc",
        "/v1/events?cursor=5",
        "/v1/events/replay?mode=from_sequence&from_sequence=5",
        "/v1/events/replay?mode=from_beginning&cursor=5",
    ] {
        assert_eq!(
            hub.get(query).refuses(410, "GONE")["oldest_sequence"],
            6,
            "{query}"
        );
    }
}

#[test]
fn a_stream_answers_with_a_snapshot_for_what_is_gone() {
    let hub = TestHub::start();
    // Together, so that they go together.
    let publish = |hub: &Client, versions: std::ops::RangeInclusive<u64>| {
        let event = |v| {
            json!({"event_type": "e", "stream_id": "s",
                   "payload": {"n": v, format!("v{v}"): true}})
        };
        let events: Vec<_> = versions.map(event).collect();
        hub.publish_batch(&json!(events)).is(202);
    };
    publish(&hub, 1..=3);
    let before = hub.get("/v1/streams/s/state").is(200)["state"].clone();
    let events =
        |hub: &Client, query: &str| hub.get(&format!("/v1/streams/s/events?{query}")).is(200);
    assert_eq!(events(&hub, "").get("snapshot"), None);

    let hub = without_events(hub);
    let page = events(&hub, "");
    assert_eq!((numbers(&page), &page["version"]), (vec![], &json!(3)));
    assert_eq!(page["snapshot"]["version"], 3);
    assert_eq!(page["snapshot"]["state"], before);
    assert_eq!(hub.get("/v1/streams/s/state").is(200)["state"], before);
    hub.get("/v1/streams/s/state?at_version=2")
        .refuses(410, "GONE");

    publish(&hub, 4..=6);
    for (query, snapshot, expected) in [
        ("", Some(3), &[4, 5, 6][..]),
        ("from_version=3&limit=2", Some(3), &[4, 5]),
        ("from_version=4", None, &[4, 5, 6]),
        ("from_version=7", None, &[]),
        ("from_version=1&cursor=6", None, &[6]),
    ] {
        let page = events(&hub, query);
        assert_eq!(page["snapshot"]["version"].as_u64(), snapshot, "{query}");
        assert_eq!(numbers(&page), expected, "{query}");
    }
    assert_eq!(events(&hub, "limit=2")["next_cursor"], "6");
    let state = hub.get("/v1/streams/s/state?at_version=5").is(200)["state"].clone();
    let expected = json!({"n": 5, "v1": true, "v2": true, "v3": true, "v4": true, "v5": true});
    assert_eq!(state, expected);
    let stream = hub.get("/v1/streams/s").is(200);
    assert_eq!(
        (&stream["version"], &stream["count"]),
        (&json!(6), &json!(3))
    );
}

/// What each stream should add up to.
fn assert_states(hub: &Client, expected: &BTreeMap<String, Value>) {
    for (stream, state) in expected {
        let answer = hub.get(&format!("/v1/streams/{stream}/state"));
        assert_eq!(answer.is(200)["state"], *state, "{stream}");
    }
}

#[test]
fn no_state_is_lost_by_kills_in_the_middle_of_retention() {
    let mut settings = SHORT.to_vec();
    settings.extend([("snapshot_interval", "3"), ("wal_segment_bytes", "65536")]);
    let mut hub = TestHub::with(&settings);
    let mut expected = BTreeMap::<String, Value>::new();
    let mut newest = 0;
    for round in 0..8 {
        let events: Vec<_> = (0..60)
            .map(|n| {
                let (stream, key) = (format!("s{}", n % 20), format!("k{}", n % 4));
                let state = expected.entry(stream.clone()).or_insert_with(|| json!({}));
                state[&key] = json!([round, n]);
                json!({"event_type": "e", "stream_id": stream, "payload": {key: [round, n]}})
            })
            .collect();
        let answer = hub.publish_batch(&json!(events)).is(202);
        for result in array(&answer["results"]) {
            let sequence = result["sequence"].as_u64().unwrap();
            assert_eq!(sequence, newest + 1);
            newest = sequence;
        }
        // Events of earlier rounds are going now.
        hub.kill9();
        hub = hub.restart();
        assert_states(&hub, &expected);
    }
    eventually("all events are gone", || {
        hub.get("/v1/events").is(200)["count"] == 0
    });
    assert_states(&hub, &expected);
    let hub = hub.restart();
    assert_states(&hub, &expected);
    let next = hub
        .publish(&json!({"event_type": "e", "payload": 1}))
        .is(201);
    assert_eq!(next["sequence"], newest + 1);
    let gone = hub.get("/v1/events?from_sequence=1").refuses(410, "GONE");
    assert_eq!(gone["oldest_sequence"], newest + 1);
}
