//! The system's clock jumps, and the hub takes no notice.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::verbs::{id_of, text};
use crate::support::{TestHub, eventually};

/// A library between the hub and the system's clock; `scripts/test` installs it.
fn fake_clock() -> PathBuf {
    let library = "faketime/libfaketimeMT.so.1";
    let places = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = places.map(|place| place.path().join(library));
    let found = libraries.find(|path| path.exists());
    found.expect("libfaketime is installed (apt-get install faketime)")
}

/// Where the clock is read from, and a hub that goes by it. Only the clock on the wall jumps.
fn hub_going_by(offset: &Path, settings: &[(&str, &str)]) -> TestHub {
    fs::write(offset, "+0").unwrap();
    let environment = [
        ("LD_PRELOAD", fake_clock()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_owned()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.to_str().unwrap()))
        .collect();
    TestHub::seeing(&environment, settings)
}

/// The hub's time in milliseconds since the epoch.
fn hub_time(hub: &TestHub) -> i64 {
    let sent = hub.send(&json!({"destination": "billing", "payload": 0}));
    let sent = sent.is(202);
    hub.cancel(&id_of(&sent)).is(200);
    let time: jiff::Timestamp = text(&sent["timestamp"]).parse().unwrap();
    time.as_millisecond()
}

fn send(hub: &TestHub, fields: &Value) -> String {
    let mut message = json!({"destination": "billing", "payload": 1});
    let fields = fields.as_object().unwrap().clone();
    message.as_object_mut().unwrap().extend(fields);
    id_of(&hub.send(&message).is(202))
}

fn pull_ids(hub: &TestHub, max: usize) -> Vec<String> {
    let pulled = hub.pull("billing", max);
    let leases: Vec<_> = pulled.iter().map(|message| &message["lease"]).collect();
    hub.ack(&leases).is(200);
    pulled.iter().map(|message| text(&message["id"])).collect()
}

const HALF_AN_HOUR: i64 = 1_800_000;

#[test]
fn a_jump_expires_nothing_and_loses_no_timer() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    let hub = hub_going_by(&offset, &[]);
    hub.register_puller("billing");
    for jump in ["+3600s", "-3600s", "+0"] {
        let failing = send(&hub, &json!({"priority": "CRITICAL"}));
        let leased = hub.pull_one("billing");
        let lasting = send(&hub, &json!({"ttl": 600}));
        let delayed = send(&hub, &json!({"delay": 0.3}));
        let before = hub_time(&hub);
        fs::write(&offset, jump).unwrap();

        hub.nack(&[&leased["lease"]], 0.2).is(200);
        for due in [&failing, &delayed] {
            eventually("its time has come", || hub.state(due) == "queued");
        }
        assert_eq!(hub.state(&lasting), "queued");
        let passed = hub_time(&hub) - before;
        assert!((0..HALF_AN_HOUR).contains(&passed), "{passed} ms");
        assert_eq!(pull_ids(&hub, 3), [failing, lasting, delayed]);
    }
}

#[test]
fn a_clock_set_back_while_the_hub_was_down_keeps_order_and_timers() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    let mut hub = hub_going_by(&offset, &[]);
    hub.register_puller("billing");
    let real = hub_time(&hub);
    hub.kill9();
    // A jump ahead is time that passed, for all the hub can know; this also proves that it sees one.
    fs::write(&offset, "+3600s").unwrap();
    let mut hub = hub.restart();
    assert!(hub_time(&hub) - real > HALF_AN_HOUR);
    let lasting = send(&hub, &json!({"ttl": 600}));
    let delayed = send(&hub, &json!({"delay": 1}));
    hub.kill9();

    fs::write(&offset, "+0").unwrap();
    let hub = hub.restart();
    assert!(
        hub.log().contains("clock is behind the journal"),
        "{}",
        hub.log()
    );
    let fresh = send(&hub, &json!({}));
    eventually("the delayed message is due", || {
        hub.state(&delayed) != "scheduled"
    });
    assert_eq!(pull_ids(&hub, 3), [lasting, delayed, fresh]);
}
