//! What is owed goes on elsewhere, with `wal export --owed` and `wal import`.

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::fake_service::{Received, Reply};
use crate::support::place::Place;
use crate::support::{FakeService, TestHub, eventually};

/// Takes what is owed in one place to a new one.
fn moved(from: &Place) -> Place {
    let to = Place::new();
    let owed = to.data().with_file_name("owed.jsonl");
    let mut export = from.command(&[]);
    export.args(["wal", "export", "--owed"]);
    let exported = export.stdout(File::create(&owed).unwrap()).status();
    assert!(exported.unwrap().success(), "{}", from.log_text());
    let mut import = to.command(&[]);
    import.args(["wal", "import", "-"]);
    let imported = import.stdin(Stdio::from(File::open(&owed).unwrap()));
    assert!(imported.status().unwrap().success(), "{}", to.log_text());
    to
}

fn publish(hub: &TestHub, event_type: &str, payload: u64) {
    let event = json!({"event_type": event_type, "payload": payload});
    hub.post("/v1/events", &event).is(201);
}

fn payloads(received: &[Received]) -> Vec<Value> {
    received
        .iter()
        .map(|one| one.json()["payload"].clone())
        .collect()
}

#[test]
fn a_subscription_that_was_owed_nothing_goes_on() {
    for is_killed in [false, true] {
        let mut hub = TestHub::start();
        let service = FakeService::start();
        let id = hub.subscribed("billing", "order.*", &service.url());
        publish(&hub, "order.paid", 1);
        service.wait_for(1);
        eventually("that is written down", || {
            let mut records = hub.journal().into_iter();
            records.any(|record| record["kind"] == "position_acked")
        });
        publish(&hub, "image.made", 2);
        eventually("nothing is owed", || hub.subscription(&id)["lag"] == 0);
        if is_killed {
            hub.kill9();
        }
        let hub = TestHub::at(moved(&hub.stop()), &[]);
        publish(&hub, "order.paid", 3);
        assert_eq!(payloads(&service.wait_for(2)), [1, 3]);
        eventually("it is well", || hub.subscription(&id)["lag"] == 0);
    }
}

#[test]
fn a_subscription_gets_what_it_was_owed_and_goes_on() {
    let mut hub = TestHub::start();
    let service = FakeService::answering(Reply::Status(503));
    let id = hub.subscribed("billing", "order.*", &service.url());
    for payload in 1..=3 {
        publish(&hub, "order.paid", payload);
        publish(&hub, "image.made", payload);
    }
    service.wait_for(1);
    hub.kill9();
    service.now_answers(Reply::Status(200));
    let before = service.count();
    let hub = TestHub::at(moved(&hub.stop()), &[]);
    publish(&hub, "order.paid", 4);
    let received = service.wait_for(before + 4);
    assert_eq!(payloads(&received[before..]), [1, 2, 3, 4]);
    eventually("it is well", || hub.subscription(&id)["lag"] == 0);
    // They are history there, too, and a further restart changes nothing.
    let hub = hub.restart();
    let events = hub.get("/v1/events?event_type=order.*").is(200);
    assert_eq!(events["events"].as_array().unwrap().len(), 4);
    publish(&hub, "order.paid", 5);
    assert_eq!(payloads(&service.wait_for(before + 5)[before + 4..]), [5]);
}

#[test]
fn a_subscription_goes_on_without_what_the_journal_no_longer_has() {
    let hub = TestHub::with(&[("wal_segment_bytes", "65536")]);
    let service = FakeService::start();
    let id = hub.subscribed("billing", "order.*", &service.url());
    hub.switch_subscription(&id, "pause");
    let large = "x".repeat(10_000);
    for _ in 0..60 {
        let event = json!({"event_type": "order.paid", "payload": large});
        hub.post("/v1/events", &event).is(201);
    }
    eventually("the journal is compacted", || {
        hub.log().contains("journal compacted")
    });
    let hub = TestHub::at(moved(&hub.stop()), &[]);
    hub.switch_subscription(&id, "resume");
    publish(&hub, "order.paid", 4);
    eventually("it goes on", || {
        payloads(&service.received()).last() == Some(&json!(4))
    });
    eventually("it is well", || hub.subscription(&id)["lag"] == 0);
}
