//! The bench on a hub with keys.

use std::fs;
use std::process::Output;

use crate::support::TestHub;
use crate::support::hub::Place;

const KEY: &str = "0123456789abcdef0123";

fn hub() -> TestHub {
    let keys = format!("{{boss: {KEY}}}");
    TestHub::with(&[("service_keys", keys.as_str()), ("operators", "[boss]")])
}

fn bench(hub: &TestHub, place: &Place, key: Option<&str>, more: &[&str]) -> Output {
    let mut command = place.command(&[]);
    command.env_remove("MESSAGE_HUB_PORT");
    if let Some(key) = key {
        command.env("MESSAGE_HUB_KEY", key);
    }
    let url = format!("http://{}", hub.address);
    let usual = [
        "bench",
        "--json",
        "--seconds",
        "1",
        "--rate",
        "50",
        "--url",
        &url,
    ];
    command.args(usual).args(more).output().unwrap()
}

#[test]
fn without_a_key_it_says_so_and_with_one_it_runs_and_leaves_nothing_registered() {
    let (hub, place) = (hub(), Place::new());
    for (key, name) in [(None, "boss"), (Some("0123456789abcdef9999"), "boss")] {
        let denied = bench(&hub, &place, key, &["--name", name]);
        assert_eq!(denied.status.code(), Some(77), "{}", place.log_text());
        assert!(
            place.log_text().contains("--key-file"),
            "{}",
            place.log_text()
        );
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
        let services = boss.get("/v1/services").is(200);
        let left = services["services"].as_array().unwrap();
        assert!(
            left.iter()
                .all(|one| one["instances"].as_array().unwrap().is_empty()),
            "{services}"
        );
    }
}
