//! The system's clock jumps: what others compare with theirs follows it, nothing else does.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::fake_service::FakeService;
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

/// How far the hub's stamps are from the real time, in seconds.
fn stamps_are_off_by(hub: &TestHub) -> i64 {
    let real = jiff::Timestamp::now().as_millisecond();
    (hub_time(hub) - real) / 1000
}

/// How far a callback's `webhook-timestamp` is from the real time, in seconds.
fn signed_off_by(hub: &TestHub, callback: &FakeService) -> i64 {
    let before = callback.count();
    let event = json!({"source": "game", "event_type": "game.moved", "payload": 1});
    hub.publish(&event).is(201);
    let received = callback.wait_for(before + 1);
    let signed = received[before].header("webhook-timestamp").unwrap();
    signed.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second()
}

/// Whether somebody polls or not.
fn waits_for_its_turn(hub: &TestHub, id: &str) -> bool {
    matches!(hub.state(id).as_str(), "queued" | "parked")
}

fn is_about(found: i64, expected: i64) -> bool {
    (expected - 5..=expected + 5).contains(&found)
}

#[test]
fn a_jump_expires_nothing_and_loses_no_timer() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    let hub = hub_going_by(&offset, &[]);
    hub.register_puller("billing");
    for (jump, seconds) in [("+3600s", 3600), ("-3600s", -3600), ("+0", 0)] {
        let failing = send(&hub, &json!({"priority": "CRITICAL"}));
        let leased = hub.pull_one("billing");
        let lasting = send(&hub, &json!({"ttl": 600}));
        let delayed = send(&hub, &json!({"delay": 0.3}));
        fs::write(&offset, jump).unwrap();

        hub.nack(&[&leased["lease"]], 0.2).is(200);
        for due in [&failing, &delayed] {
            eventually("its time has come", || hub.state(due) == "queued");
        }
        assert_eq!(hub.state(&lasting), "queued");
        let off = stamps_are_off_by(&hub);
        assert!(is_about(off, seconds), "{off} s after {jump}");
        assert_eq!(pull_ids(&hub, 3), [failing, lasting, delayed]);
    }
    assert!(
        hub.log().contains("the system's clock was set"),
        "{}",
        hub.log()
    );
}

/// When the message expires or is due by the hub's clock as it is set now, from now in seconds.
fn seconds_until(hub: &TestHub, id: &str, field: &str) -> i64 {
    let shown = hub.get(&format!("/v1/messages/{id}")).is(200);
    let then: jiff::Timestamp = text(&shown[field]).parse().unwrap();
    (then.as_millisecond() - hub_time(hub)) / 1000
}

#[test]
fn a_restart_counts_on_from_before_a_jump() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    let service = FakeService::start();
    for (number, jump) in ["+3600s", "-3600s", "-60s"].into_iter().enumerate() {
        let hub = hub_going_by(&offset, &[]);
        hub.register_puller("billing");
        hub.register_at("wms", &service.url());
        let mut lasting = send(&hub, &json!({"ttl": 600}));
        let delayed = send(&hub, &json!({"delay": 1000}));
        let asked = json!({"state": "OPEN", "reason": "a moment", "reset_timeout": 900});
        hub.put("/v1/circuits/wms", &asked).is(200);
        fs::write(&offset, jump).unwrap();
        let mut hub = hub;
        // Noticed by the pulse of the hub, or with the next record.
        if number == 0 {
            let steps = hub.data().join("wal/clock");
            eventually("it is written down", || steps.exists());
        } else {
            lasting = send(&hub, &json!({"ttl": 600}));
        }
        for is_killed in [true, false, true] {
            if is_killed {
                hub.kill9();
            }
            hub = hub.restart();
            assert!(waits_for_its_turn(&hub, &lasting), "{jump}");
            let left = seconds_until(&hub, &lasting, "expires_at");
            assert!((530..=600).contains(&left), "{left} s after {jump}");
            let left = seconds_until(&hub, &delayed, "deliver_at");
            assert!((930..=1000).contains(&left), "{left} s after {jump}");
            let circuit = hub.circuit("wms");
            let then: jiff::Timestamp = text(&circuit["open_until"]).parse().unwrap();
            let left = (then.as_millisecond() - hub_time(&hub)) / 1000;
            assert!((830..=900).contains(&left), "{left} s after {jump}");
        }
    }
}

#[test]
fn a_clock_set_back_while_the_hub_was_down_keeps_order_and_timers() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    // Ten years, so that whatever waited for that time would not come.
    for ahead in ["+3600s", "+3650d"] {
        let hub = hub_going_by(&offset, &[]);
        hub.register_puller("billing");
        let mut hub = hub;
        hub.kill9();
        fs::write(&offset, ahead).unwrap();
        let mut hub = hub.restart();
        assert!(stamps_are_off_by(&hub) > 1800);
        let lasting = send(&hub, &json!({"ttl": 600}));
        let delayed = send(&hub, &json!({"delay": 1}));
        let leased = send(&hub, &json!({"priority": "CRITICAL"}));
        let lease = hub.pull_one("billing");
        hub.nack(&[&lease["lease"]], 1.0).is(200);
        hub.kill9();

        fs::write(&offset, "+0").unwrap();
        let hub = hub.restart();
        let log = hub.log();
        assert!(log.contains("clock is behind the journal"), "{log}");
        let off = stamps_are_off_by(&hub);
        assert!(is_about(off, 0), "{off} s");
        let fresh = send(&hub, &json!({}));
        for due in [&delayed, &leased] {
            eventually("its time has come", || waits_for_its_turn(&hub, due));
        }
        let pulled = pull_ids(&hub, 4);
        assert_eq!(pulled[0], leased, "{ahead}");
        assert_eq!(pulled[1..], [lasting, delayed, fresh], "{ahead}");
    }
}

#[test]
fn a_date_comes_when_the_clock_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    let hub = hub_going_by(&offset, &[]);
    hub.register_puller("billing");
    let in_an_hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let dated = send(&hub, &json!({"deliver_at": in_an_hour.to_string()}));
    let delayed = send(&hub, &json!({"delay": 3600}));
    fs::write(&offset, "-3600s").unwrap();
    let soon = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(3599);
    let near = send(&hub, &json!({"deliver_at": soon.to_string()}));
    eventually("its date has come", || waits_for_its_turn(&hub, &near));
    assert_eq!(hub.state(&dated), "scheduled");
    fs::write(&offset, "+3601s").unwrap();
    eventually("its date has come", || waits_for_its_turn(&hub, &dated));
    assert_eq!(hub.state(&delayed), "scheduled");
}

#[test]
fn callbacks_are_signed_with_the_time_of_the_system() {
    let directory = tempfile::tempdir().unwrap();
    let offset = directory.path().join("offset");
    for (wrong, seconds) in [("-600s", -600), ("+600s", 600)] {
        let callback = FakeService::start();
        let hub = hub_going_by(&offset, &[]);
        let mut hub = hub;
        hub.kill9();
        fs::write(&offset, wrong).unwrap();
        let hub = hub.restart();
        let subscription =
            json!({"service": "guild", "event_types": ["game.*"], "callback_url": callback.url()});
        hub.client()
            .post("/v1/subscriptions", &subscription)
            .is(201);
        let off = signed_off_by(&hub, &callback);
        assert!(
            is_about(off, seconds),
            "{off} s while the clock was {wrong} off"
        );
        fs::write(&offset, "+0").unwrap();
        let off = signed_off_by(&hub, &callback);
        assert!(is_about(off, 0), "{off} s after the clock was set right");
        if seconds > 0 {
            shows_that_it_is_ahead(&hub);
        }
        let hub = hub.restart();
        let off = signed_off_by(&hub, &callback);
        assert!(is_about(off, 0), "{off} s after another start");
    }
}

/// The clock was ten minutes ahead and is right now.
fn shows_that_it_is_ahead(hub: &TestHub) {
    let details = || hub.client().get("/health/details").is(200);
    let clock = || details()["components"]["clock"].clone();
    eventually("the distance is known", || clock()["status"] == "degraded");
    assert!((500.0..=600.0).contains(&clock()["ahead_seconds"].as_f64().unwrap()));
    let metrics = hub.client().get("/metrics").body;
    let offset = metrics
        .lines()
        .find_map(|line| line.strip_prefix("message_hub_clock_offset_seconds "));
    assert!((500.0..=600.0).contains(&offset.unwrap().parse::<f64>().unwrap()));
    // Times of events never fall: they wait until the clock has caught up.
    let events = hub.client().get("/v1/events?event_type=game.*").is(200);
    let times: Vec<String> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| text(&event["published_at"]))
        .collect();
    assert!(times.len() > 1 && times.is_sorted(), "{times:?}");
}
