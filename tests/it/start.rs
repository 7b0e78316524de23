//! Starts that must fail, and what they say.

use std::fs;
use std::net::TcpListener;

use crate::support::TestHub;
use crate::support::place::Place;

#[test]
fn a_bad_setting_is_named() {
    for (key, value) in [
        ("max_queue_size", "many"),
        ("port", "70000"),
        ("wal_sync", "never"),
        ("host", "0.0.0.0"),
        ("operators", "[boss]"),
        ("base_retry_delay", "-1"),
        ("database_url", "mysql://x"),
        ("log", "loud=very=much"),
    ] {
        let failed = Place::new().fails_to_start(&[(key, value)]);
        assert_eq!(failed.exit_code, Some(2), "{key}: {}", failed.stderr);
        let named = failed.stderr.contains(key) || failed.stderr.contains(&key.to_uppercase());
        assert!(named, "{key}: {}", failed.stderr);
    }
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let file = place.data().join("config.yaml");
    fs::write(&file, "port: 0\nmax_quue_size: 5\n").unwrap();
    let mut command = place.command(&[]);
    let status = command.arg("--config").arg(&file).status().unwrap();
    assert_eq!(status.code(), Some(2));
    let log = place.log_text();
    assert!(log.contains("max_quue_size") && log.contains("2"), "{log}");
}

#[test]
fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let failed = Place::new().fails_to_start(&[("port", &port)]);
    assert_eq!(failed.exit_code, Some(74), "{}", failed.stderr);
    assert!(failed.stderr.contains(&port), "{}", failed.stderr);
}

#[test]
fn a_second_hub_on_the_same_data_is_refused() {
    let hub = TestHub::start();
    let second = Place::at(hub.data().to_owned()).fails_to_start(&[]);
    assert_eq!(second.exit_code, Some(74), "{}", second.stderr);
    assert!(
        second.stderr.contains("in use by another"),
        "{}",
        second.stderr
    );
    hub.get("/health").is(200);
}

#[test]
fn a_corrupt_archive_is_told() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    fs::write(place.data().join("hub.db"), vec![b'x'; 8192]).unwrap();
    let failed = place.fails_to_start(&[]);
    assert_eq!(failed.exit_code, Some(74), "{}", failed.stderr);
    assert!(failed.stderr.contains("hub.db"), "{}", failed.stderr);
}

#[test]
fn a_damaged_journal_is_told_with_segment_and_offset() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for n in 0..10 {
        hub.send_to("billing", n);
    }
    let place = hub.stop();
    let segment = place.first_segment();
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 2] ^= 0x10;
    fs::write(&segment, bytes).unwrap();
    let failed = place.fails_to_start(&[]);
    assert_eq!(failed.exit_code, Some(74), "{}", failed.stderr);
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert!(failed.stderr.contains(name), "{}", failed.stderr);
    assert!(failed.stderr.contains(" at "), "{}", failed.stderr);
    assert!(failed.stderr.contains("wal export"), "{}", failed.stderr);
}

#[test]
fn a_torn_tail_is_cut_and_told() {
    let mut hub = TestHub::start();
    hub.register_puller("billing");
    let id = hub.send_to("billing", 1);
    hub.kill9();
    let place = hub.stop();
    let segment = place.first_segment();
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes.truncate(end);
    bytes.extend_from_slice(&[0x40, 0, 0, 0, 1, 2, 3]);
    fs::write(&segment, bytes).unwrap();
    let hub = TestHub::at(place, &[]);
    assert_eq!(hub.message(&id)["status"], "pending");
    assert!(
        hub.recovered.contains("cut") || hub.recovered.contains("torn"),
        "{}",
        hub.recovered
    );
}

#[test]
fn bad_arguments_end_with_2() {
    let place = Place::new();
    let status = place.command(&[]).arg("dance").status().unwrap();
    assert_eq!(status.code(), Some(2));
}
