//! The archive is lost after the journal was compacted: what is gone is said to be gone, and comes
//! back with a backup.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::support::place::Place;
use crate::support::verbs::array;
use crate::support::{Client, FakeService, TestHub, eventually};

/// The journal is cut into small files, so that it is soon compacted.
const SETTINGS: [(&str, &str); 3] = [
    ("wal_segment_bytes", "65536"),
    ("wal_flush_interval", "0.05"),
    ("snapshot_interval", "0"),
];
const EVENTS: u64 = 100;

/// A copy of the archive of a hub that is stopped, and so has all of it in one file.
struct Backup(TempDir);

impl Backup {
    fn of(place: &Place) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::copy(file(place.data()), file(directory.path())).unwrap();
        Self(directory)
    }

    /// Puts it in the place of whatever is there, also under a running hub.
    fn restore(&self, data: &Path) {
        let copy = data.join("restored");
        fs::copy(file(self.0.path()), &copy).unwrap();
        remove_archive(data);
        fs::rename(copy, file(data)).unwrap();
    }
}

/// With what SQLite has beside it, which would be taken for the next one's.
fn remove_archive(data: &Path) {
    for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
        let path = data.join(name);
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("hub.db")
}

/// A hub whose journal was compacted of most of its events, which are all of one stream.
fn compacted() -> TestHub {
    let hub = TestHub::with(&SETTINGS);
    fill(&hub);
    hub
}

fn fill(hub: &TestHub) {
    let filling = "x".repeat(8000);
    for number in 1..=EVENTS {
        let event = json!({"event_type": "tick", "stream_id": "s",
                           "payload": {"n": number, "filling": filling}});
        hub.publish(&event).is(201);
    }
    eventually("the journal is compacted", || {
        let files = fs::read_dir(hub.data().join("wal")).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        paths.any(|path| path.extension().is_some_and(|name| name == "base"))
    });
}

/// The first event that the journal still has.
fn first_in_journal(hub: &TestHub) -> u64 {
    let events = hub.events_in_journal();
    let first = events[0]["sequence"].as_u64().unwrap();
    assert!(1 < first && first <= EVENTS, "{first}");
    first
}

fn first_of(hub: &Client, query: &str) -> u64 {
    let page = hub.get(query).is(200);
    array(&page["events"])[0]["sequence"].as_u64().unwrap()
}

fn lost_before(hub: &Client) -> Option<u64> {
    let details = hub.get("/health/details").is(200);
    details["components"]["archive"]["lost_before"].as_u64()
}

/// Everybody who asks for an event before `oldest` is told that it is gone.
#[track_caller]
fn assert_begins_at(hub: &Client, oldest: u64) {
    let before = oldest - 1;
    let asked = json!({"type": "subscribe", "service": "late", "event_types": ["#"],
                       "from_sequence": before});
    for name in [None, Some("lasting")] {
        let mut socket = hub.socket();
        let mut asked = asked.clone();
        if let Some(name) = name {
            asked["subscription"] = json!(name);
        }
        socket.say(&asked);
        let error = socket.is_refused("GONE");
        assert_eq!(error["details"]["oldest_sequence"], oldest, "{error}");
    }
    let service = FakeService::start();
    let callback = json!({"service": "late", "event_types": ["#"],
                          "callback_url": service.url(), "from_sequence": before});
    let refused = hub.subscribe(&callback).refuses(410, "GONE");
    assert_eq!(refused["oldest_sequence"], oldest);
    let subscription = hub.subscribed("late", "nothing", &service.url());
    let replay = json!({"mode": "from_sequence", "from_sequence": before,
                        "deliver_to": subscription});
    let refused = hub.post("/v1/events/replay", &replay).refuses(410, "GONE");
    assert_eq!(refused["oldest_sequence"], oldest);
    for query in [
        format!("/v1/events?from_sequence={before}"),
        "/v1/events?from_sequence=1&order=desc".to_owned(),
        "/v1/events?cursor=1".to_owned(),
        format!("/v1/events/replay?mode=from_sequence&from_sequence={before}"),
        "/v1/events/replay?mode=from_beginning&cursor=1".to_owned(),
    ] {
        let refused = hub.get(&query).refuses(410, "GONE");
        assert_eq!(refused["oldest_sequence"], oldest, "{query}");
    }
    let beginning = "/v1/events/replay?mode=from_beginning&limit=1";
    for query in [
        beginning.to_owned(),
        "/v1/events?limit=1".to_owned(),
        format!("/v1/events?from_sequence={oldest}&limit=1"),
    ] {
        assert_eq!(first_of(hub, &query), oldest, "{query}");
    }
    let mut socket = hub.socket();
    socket.subscribe(&["#"], Some(oldest));
    socket.hears_event(oldest);
}

#[test]
fn what_was_lost_is_gone_for_everybody_until_it_is_restored() {
    let hub = compacted();
    assert_eq!(first_of(&hub, "/v1/events?from_sequence=1&limit=1"), 1);
    assert_eq!(lost_before(&hub), None);
    let place = hub.stop();
    let backup = Backup::of(&place);
    remove_archive(place.data());

    let hub = TestHub::at(place, &SETTINGS);
    let oldest = first_in_journal(&hub);
    assert_begins_at(&hub, oldest);
    assert_eq!(lost_before(&hub), Some(oldest));
    assert!(
        hub.log().contains("neither in the archive"),
        "{}",
        hub.log()
    );
    // Nothing is made of half a stream.
    for query in ["", "?from_version=1", "?from_version=2&limit=1"] {
        let refused = hub.get(&format!("/v1/streams/s/events{query}"));
        assert_eq!(refused.refuses(410, "GONE")["oldest_version"], oldest);
    }
    let later = format!("/v1/streams/s/events?from_version={oldest}&limit=1");
    assert_eq!(first_of(&hub, &later), oldest);
    let refused = hub.get("/v1/streams/s/state").refuses(410, "GONE");
    assert_eq!(refused["oldest_sequence"], oldest);
    let next = hub.publish(&json!({"event_type": "tick", "payload": 1}));
    assert_eq!(next.is(201)["sequence"], EVENTS + 1);

    // The loss stands in no journal: a restart finds it out again, and a backup undoes it.
    let hub = hub.restart();
    assert_begins_at(&hub, oldest);
    let place = hub.stop();
    backup.restore(place.data());
    let hub = TestHub::at(place, &SETTINGS);
    let all = "/v1/events?from_sequence=1&limit=1000";
    assert_eq!(hub.get(all).is(200)["count"], EVENTS + 1);
    assert_eq!(lost_before(&hub), None);
    let state = hub.get("/v1/streams/s/state").is(200);
    assert_eq!(state["state"]["n"], EVENTS);
    let mut socket = hub.socket();
    socket.subscribe(&["#"], Some(1));
    socket.hears_event(1);
}

#[test]
fn an_archive_that_is_lost_and_restored_under_a_running_hub_is_noticed() {
    let place = compacted().stop();
    let backup = Backup::of(&place);
    let hub = TestHub::at(place, &SETTINGS);
    hub.get("/v1/events?from_sequence=1").is(200);
    let oldest = first_in_journal(&hub);
    remove_archive(hub.data());
    // Nothing is written meanwhile.
    eventually("the loss is noticed", || lost_before(&hub) == Some(oldest));
    hub.get("/v1/events?from_sequence=1").refuses(410, "GONE");
    assert_begins_at(&hub, oldest);

    backup.restore(hub.data());
    hub.publish(&json!({"event_type": "tick", "payload": 1}))
        .is(201);
    eventually("the history is there again", || {
        hub.get("/v1/events?from_sequence=1").status == 200
    });
    assert_eq!(lost_before(&hub), None);
    let all = hub.get("/v1/events?from_sequence=1&limit=1000").is(200);
    assert_eq!(all["count"], EVENTS + 1);
}

#[test]
fn a_backup_of_several_lives_ago_is_taken_under_a_running_hub() {
    let hub = TestHub::with(&SETTINGS);
    let tick = json!({"event_type": "tick", "payload": 1});
    let hub = hub.restart().restart();
    hub.publish(&tick).is(201);
    let place = hub.stop();
    let backup = Backup::of(&place);
    remove_archive(place.data());

    let hub = TestHub::at(place, &SETTINGS).restart();
    hub.publish(&tick).is(201);
    hub.get("/v1/events").is(200);
    backup.restore(hub.data());
    hub.publish(&tick).is(201);
    eventually("it goes on with the backup", || {
        let answer = hub.get("/v1/events");
        answer.status == 200 && array(&answer.json()["events"]).len() == 3
    });
    hub.restart().publish(&tick).is(201);
}

#[test]
fn an_old_backup_does_not_hide_what_is_missing_behind_it() {
    let hub = TestHub::with(&SETTINGS);
    hub.publish(&json!({"event_type": "tick", "payload": 1}))
        .is(201);
    let place = hub.stop();
    let backup = Backup::of(&place);
    let hub = TestHub::at(place, &SETTINGS);
    fill(&hub);
    let place = hub.stop();
    backup.restore(place.data());
    let hub = TestHub::at(place, &SETTINGS);
    let oldest = first_in_journal(&hub);
    let gone = hub.get("/v1/events?from_sequence=2").refuses(410, "GONE");
    assert_eq!(gone["oldest_sequence"], oldest);
    assert_eq!(lost_before(&hub), Some(oldest));
    let kept = format!("/v1/events?from_sequence={oldest}&limit=1");
    assert_eq!(first_of(&hub, &kept), oldest);
}

#[test]
fn an_archive_that_only_lags_behind_has_lost_nothing() {
    let hub = compacted();
    let mut hub = hub.restart_with(&[("wal_flush_interval", "3600")]);
    for number in 1..=3 {
        hub.publish(&json!({"event_type": "tick", "payload": number}))
            .is(201);
    }
    hub.kill9();
    let hub = hub.restart();
    let all = hub.get("/v1/events?from_sequence=1&limit=1000").is(200);
    assert_eq!(all["count"], EVENTS + 3);
    let fresh = TestHub::start();
    assert_eq!(fresh.get("/v1/events?from_sequence=1").is(200)["count"], 0);
    let mut socket = fresh.socket();
    socket.subscribe(&["#"], Some(1));
    for hub in [hub, fresh] {
        assert_eq!(lost_before(&hub), None);
        assert!(!hub.log().contains("neither in the archive"));
    }
}
