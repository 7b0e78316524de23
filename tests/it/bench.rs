//! The bench on somebody's hub, which may have keys, and be full.

use std::fs;
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::place::Place;
use crate::support::{Client, TestHub, eventually};

const KEY: &str = "0123456789abcdef0123";

fn hub() -> TestHub {
    let keys = format!("{{boss: {KEY}}}");
    TestHub::with(&[("service_keys", keys.as_str()), ("operators", "[boss]")])
}

fn bench(hub: &TestHub, place: &Place, key: Option<&str>, more: &[&str]) -> Output {
    let mut command = command(hub, place, more);
    if let Some(key) = key {
        command.env("MESSAGE_HUB_KEY", key);
    }
    command.args(["--seconds", "1"]).output().unwrap()
}

fn command(hub: &TestHub, place: &Place, more: &[&str]) -> Command {
    let mut command = place.command(&[]);
    command.env_remove("MESSAGE_HUB_PORT");
    let url = format!("http://{}", hub.address);
    let usual = ["bench", "--json", "--rate", "50", "--url", &url];
    command.args(usual).args(more);
    command
}

/// How many messages for `bench-0` are not settled.
fn unsettled(client: &Client) -> u64 {
    let path = "/v1/queue/status?service=bench-0";
    let status = client.get(path).is(200);
    status["total_messages"].as_u64().unwrap()
}

#[test]
fn without_a_key_it_says_so_and_with_one_it_runs_and_leaves_nothing_registered() {
    let (hub, place) = (hub(), Place::new());
    for key in [None, Some("0123456789abcdef9999")] {
        for more in [&[][..], &["--mode", "events"]] {
            let place = Place::new();
            let more = [&["--name", "boss"], more].concat();
            let denied = bench(&hub, &place, key, &more);
            let log = place.log_text();
            assert_eq!(denied.status.code(), Some(77), "{more:?}: {log}");
            assert!(log.contains("--key-file"), "{log}");
        }
    }
    let file = place.data().with_file_name("key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let file = file.display().to_string();
    for (key, more) in [
        (Some(KEY), vec!["--name", "boss"]),
        (
            None,
            vec!["--name", "boss", "--key-file", &file, "--mode", "push"],
        ),
        (Some(KEY), vec!["--name", "boss", "--mode", "websocket"]),
    ] {
        let done = bench(&hub, &place, key, &more);
        assert_eq!(
            done.status.code(),
            Some(0),
            "{more:?}: {}",
            place.log_text()
        );
        let text = String::from_utf8(done.stdout).unwrap();
        assert!(!text.contains(KEY), "{text}");
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(report["acknowledged"]["count"].as_u64() > Some(0), "{text}");
        let boss = hub.named("boss", KEY);
        assert_eq!(unsettled(&boss), 0);
        let services = boss.get("/v1/services").is(200);
        let left = services["services"].as_array().unwrap();
        assert!(
            left.iter()
                .all(|one| one["instances"].as_array().unwrap().is_empty()),
            "{services}"
        );
    }
}

#[test]
fn a_key_that_may_not_do_it_is_told_in_every_mode() {
    let keys = format!("{{shop: {KEY}}}");
    let (hub, place) = (TestHub::with(&[("service_keys", &keys)]), Place::new());
    for more in [
        &["--mode", "send"][..],
        &["--mode", "events"],
        &["--mode", "events", "--subscribers", "0"],
    ] {
        let more = [more, &["--name", "shop"]].concat();
        let denied = bench(&hub, &place, Some(KEY), &more);
        let log = place.log_text();
        assert_eq!(denied.status.code(), Some(77), "{more:?}: {log}");
    }
}

#[test]
fn a_full_queue_is_told_and_not_left_behind() {
    let (hub, place) = (TestHub::with(&[("max_queue_size", "5")]), Place::new());
    for _ in 0..2 {
        let full = bench(&hub, &place, None, &[]);
        assert_eq!(full.status.code(), Some(69), "{}", place.log_text());
        let report: serde_json::Value = serde_json::from_slice(&full.stdout).unwrap();
        assert!(report["refused"]["QUEUE_FULL"]["count"].as_u64() > Some(0));
        assert_eq!(unsettled(&hub), 0);
    }
    eventually("all that was taken is cancelled", || {
        hub.in_state("cancelled") == 10.0
    });
}

#[test]
fn what_was_sent_until_ctrl_c_is_cleared() {
    let hub = TestHub::start();
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut running = command(&hub, &place, &["--seconds", "600"])
            .spawn()
            .unwrap();
        eventually("something waits", || {
            let status = hub.get("/v1/queue/status");
            status.is(200)["total_messages"].as_u64() > Some(9)
        });
        kill_process(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(130));
        assert!(place.log_text().starts_with("interrupted"));
        assert_eq!(unsettled(&hub), 0);
        assert_eq!(hub.get("/v1/services").is(200)["count"], 0);
    }
    hub.assert_conservation();
}
