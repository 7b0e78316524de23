//! What earlier versions wrote is read by this one: a journal with nearly every kind of record,
//! partly compacted, and its archive in SQLite, which lags behind, left by a kill. The second
//! directory is the first after another version had gone on with it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::place::Place;

/// Nothing that depends on when the test runs is removed.
const SETTINGS: [(&str, &str); 5] = [
    ("max_retry_attempts", "100"),
    ("event_retention_days", "0"),
    ("message_retention_days", "0"),
    ("instance_expiry", "1000000000"),
    ("wal_segment_bytes", "65536"),
];

fn place(name: &str) -> Place {
    let place = Place::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let archive = fixtures.join(name);
    std::fs::create_dir_all(place.data()).unwrap();
    let unpacked = Command::new("tar")
        .arg("--no-same-owner")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(place.data())
        .status()
        .unwrap();
    assert!(unpacked.success());
    place
}

/// The ids the messages and events were given.
fn id(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().unwrap()
}

#[test]
fn everything_of_the_first_version_is_found() {
    let hub = TestHub::at(place("data-0.1.0.tar.gz"), &SETTINGS);
    let expected = "26 open messages from 587 records in 3 segments";
    assert!(hub.recovered.starts_with(expected), "{}", hub.recovered);
    assert_eq!(hub.journal()[586]["position"], 1637);
    everything_is_found(hub);
}

#[test]
fn everything_another_version_added_is_found_too() {
    let hub = TestHub::at(place("data-2026-11-30.tar.gz"), &SETTINGS);
    let expected = "26 open messages from 607 records in 4 segments";
    assert!(hub.recovered.starts_with(expected), "{}", hub.recovered);
    assert_eq!(hub.message(&id(0x60))["state"], "cancelled");
    let stream = hub.get("/v1/streams/order-1/events").is(200);
    let ids: Vec<_> = list(&stream, "events")
        .iter()
        .map(|event| &event["id"])
        .collect();
    assert_eq!(
        ids,
        [0x3000, 0x3001, 0x3002]
            .map(|number| json!(id(number)))
            .iter()
            .collect::<Vec<_>>()
    );
    everything_is_found(hub);
}

fn everything_is_found(hub: TestHub) {
    messages(&hub);
    events(&hub);
    services(&hub);
    // What is written now goes on where the old version stopped.
    let again = hub.restart();
    messages(&again);
    events(&again);
    services(&again);
}

fn messages(hub: &TestHub) {
    let pending = hub.messages("status=pending&limit=1000").is(200);
    assert_eq!(list(&pending, "messages").len(), 26);
    for (number, state, attempts) in [
        (1, "dead", 1),
        (2, "delivered", 1),
        (3, "dead", 1),
        (9, "delivered", 1),
        (0x20, "delivered", 1),
        (0x21, "delivered", 2),
        (0x29, "cancelled", 0),
        (0x30, "expired", 0),
    ] {
        let message = hub.message(&id(number));
        let found = (&message["state"], &message["delivery_attempts"]);
        assert_eq!(found, (&json!(state), &json!(attempts)), "{number:x}");
    }
    for number in [0x22, 0x31, 0x33, 0x40, 0x50] {
        assert_eq!(hub.message(&id(number))["status"], "pending", "{number:x}");
    }
    assert_eq!(hub.message(&id(2))["payload"]["mended"], true);
    assert_eq!(hub.message(&id(0x50))["payload"], json!({"late": 0x50}));
    assert_eq!(hub.message(&id(0x33))["ordering_key"], "chair");
    let repeat = json!({"source": "shop", "destination": "billing", "id": id(0x50), "payload": {"late": 0x50}});
    assert_eq!(hub.send(&repeat).json()["duplicate"], true);

    let dead_letters = hub.get("/v1/dlq").is(200);
    let reasons = list(&dead_letters, "dead_letters").iter();
    let reasons: Vec<_> = reasons.map(|dead_letter| &dead_letter["reason"]).collect();
    assert_eq!(reasons.len(), 8);
    assert_eq!(reasons[0], "expired");
    assert!(reasons[1..].iter().all(|reason| *reason == "rejected"));
    let jobs = hub.get("/v1/dlq/redrive").is(200);
    let jobs = list(&jobs, "items").iter();
    let jobs: Vec<_> = jobs.map(|job| (&job["status"], &job["matched"])).collect();
    assert_eq!(
        jobs,
        [(&json!("paused"), &json!(6)), (&json!("done"), &json!(1))]
    );
    let conversation = hub.get("/v1/correlations/order-7").is(200);
    assert_eq!(list(&conversation, "items").len(), 10);
}

fn events(hub: &TestHub) {
    let events = hub.get("/v1/events?limit=1000").is(200);
    let old: Vec<_> = list(&events, "events").iter().take(24).collect();
    let sequences: Vec<_> = old
        .iter()
        .filter_map(|event| event["sequence"].as_u64())
        .collect();
    assert_eq!(sequences, (47..=70).collect::<Vec<_>>());
    assert_eq!(old[0]["event_type"], "character.died");
    assert_eq!(old[23]["event_type"], "late.happened");
    assert_eq!(old[23]["id"], id(0x2000));
    for (stream, version) in [("hero-0", 17), ("hero-1", 16)] {
        let found = hub.get(&format!("/v1/streams/{stream}")).is(200);
        assert_eq!(found["version"], version);
    }
    let state = hub.get("/v1/streams/hero-0/state").is(200);
    assert_eq!(state["state"], json!({"own": true, "late": true}));
    let state = hub.get("/v1/streams/hero-1/state").is(200);
    assert_eq!(
        (&state["state"]["step29"], &state["state"]["gold"]),
        (&json!(29), &json!(5))
    );

    let subscriptions = hub.get("/v1/subscriptions").is(200);
    let found = list(&subscriptions, "subscriptions").iter();
    let found: Vec<_> = found
        .map(|one| (&one["service"], &one["state"], &one["position"]))
        .collect();
    assert_eq!(found[0], (&json!("guild"), &json!("paused"), &json!(49)));
    assert_eq!((found.len(), found[1].0), (2, &json!("audit")));
}

fn services(hub: &TestHub) {
    let names: Vec<_> = {
        let services = hub.get("/v1/services").is(200);
        let names = list(&services, "services").iter();
        names
            .map(|one| one["service"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names, ["billing", "printer", "pull", "scanner"]);
    let printer = hub.get("/v1/services/printer").is(200);
    assert_eq!(printer["load_balancing_strategy"], "weighted");
    let instances = list(&printer, "instances");
    assert_eq!(instances.len(), 2);
    assert_eq!(instances[0]["out_of_rotation"], "draining");
    assert_eq!(instances[0]["weight"], 3);
    let queue = hub.get("/v1/queue/status?service=printer").is(200);
    assert_eq!(queue["status"], "paused");
    let quota = hub.get("/v1/quotas/newsletter").is(200);
    assert_eq!(
        (&quota["send_rate"], &quota["send_burst"]),
        (&json!(0.5), &json!(2))
    );
    assert_eq!(hub.circuit("billing")["reason"], "open for all");
}
