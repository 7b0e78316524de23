//! A log that nobody takes: the hub works, counts what it could not say, and ends as it should.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;

use crate::support::place::Place;
use crate::support::{TestHub, eventually};

fn full_device() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe without room for a single byte, and its reader, who stands still.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'.'; 4096]).is_ok() {}
    while writer.write(b".").is_ok() {}
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

/// Registers, which is logged, and looks around.
fn works(hub: &TestHub) {
    for _ in 0..2 {
        hub.post(
            "/v1/services/register",
            &serde_json::json!({"service": "billing"}),
        );
    }
    hub.get("/v1/circuits").is(200);
    hub.get("/health").is(200);
    hub.send_to("billing", 1);
}

fn ends_with_0(mut hub: TestHub) {
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
}

#[test]
fn a_log_on_a_full_disk_harms_nobody() {
    let hub = TestHub::logging_to(full_device(), &[]);
    works(&hub);
    eventually("lost lines are counted", || {
        hub.metric("message_hub_log_lines_lost_total") > 0.0
    });
    ends_with_0(hub);
}

#[test]
fn a_log_whose_reader_is_gone_harms_nobody() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let hub = TestHub::logging_to(writer, &[("log", "debug")]);
    works(&hub);
    ends_with_0(hub);
}

#[test]
fn a_log_whose_reader_stands_still_harms_nobody() {
    let (reader, writer) = full_pipe();
    let hub = TestHub::logging_to(writer, &[("log", "trace")]);
    works(&hub);
    ends_with_0(hub);
    drop(reader);
}

#[test]
fn what_waited_for_a_slow_reader_is_read() {
    let (mut reader, writer) = full_pipe();
    let mut hub = TestHub::logging_to(writer, &[]);
    works(&hub);
    let mut text = String::new();
    let reading = std::thread::spawn(move || {
        reader.read_to_string(&mut text).unwrap();
        text
    });
    hub.terminate();
    assert_eq!(hub.exit_code(), Some(0));
    let text = reading.join().unwrap();
    assert!(text.contains("message-hub starts"), "{text}");
    assert!(
        text.trim_end().ends_with('s') && text.contains(" stopped "),
        "{text}"
    );
}

#[test]
fn the_end_with_70_does_not_depend_on_the_log() {
    let (reader, writer) = full_pipe();
    for log in [Stdio::from(full_device()), Stdio::from(writer)] {
        let settings = [("wal_segment_bytes", "65536")];
        let mut hub = TestHub::logging_to(log, &settings);
        hub.register_puller("billing");
        // Nowhere to put the next segment.
        let wal = hub.data().join("wal");
        fs::rename(&wal, hub.data().join("elsewhere")).unwrap();
        fs::write(&wal, "no directory").unwrap();
        for _ in 0..10 {
            let message =
                serde_json::json!({"destination": "billing", "payload": "x".repeat(10_000)});
            let sent = hub.try_ask("POST", "/v1/messages", message.to_string().as_bytes());
            if sent.is_err() {
                break;
            }
        }
        assert_eq!(hub.exit_code(), Some(70));
    }
    drop(reader);
}

#[test]
fn a_start_that_fails_ends_with_its_code_even_if_it_cannot_say_why() {
    let (reader, writer) = full_pipe();
    for log in [Stdio::from(full_device()), Stdio::from(writer)] {
        let place = Place::new();
        fs::create_dir_all(place.data()).unwrap();
        fs::write(place.data().join("wal"), "no directory").unwrap();
        let mut command = place.command(&[]);
        let status = command.stderr(log).stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(74));
    }
    for log in [Stdio::from(full_device()), Stdio::from(full_pipe().1)] {
        let place = Place::new();
        let mut command = place.command(&[("MESSAGE_HUB_PORT".to_owned(), "many".to_owned())]);
        let status = command.stderr(log).stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(2));
    }
    drop(reader);
}

#[test]
fn standard_output_that_nobody_takes_is_no_reason_to_wait() {
    let (reader, writer) = full_pipe();
    for out in [Stdio::from(full_device()), Stdio::from(writer)] {
        let place = Place::new();
        let mut command = place.command(&[]);
        let mut hub = command.stdout(out).spawn().unwrap();
        eventually("it is ready", || place.log_text().contains(" ready"));
        let pid = rustix::process::Pid::from_child(&hub);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(hub.wait().unwrap().code(), Some(0));
    }
    drop(reader);
}

#[test]
fn a_log_in_json_says_how_the_hub_was_started_and_standard_output_nothing() {
    let place = Place::new();
    let settings = [("MESSAGE_HUB_LOG_FORMAT".to_owned(), "json".to_owned())];
    let config = place.data().with_file_name("hub.yaml");
    fs::write(&config, "message_timeout: 20\n").unwrap();
    let mut command = place.command(&settings);
    let mut hub = command.arg("--config").arg(&config).spawn().unwrap();
    eventually("it is ready", || {
        place.log_text().contains(r#""message":"ready""#)
    });
    let pid = rustix::process::Pid::from_child(&hub);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let out = BufReader::new(hub.stdout.take().unwrap());
    let out: Vec<_> = out.lines().map(Result::unwrap).collect();
    assert_eq!(hub.wait().unwrap().code(), Some(0));
    assert!(out.is_empty(), "{out:?}");
    let log = place.log_text();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let start = &lines[0];
    assert_eq!(start["message"], "message-hub starts");
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(start["config"], config.display().to_string());
    assert!(start["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(start["data_dir"], place.data().display().to_string());
}

#[test]
fn an_export_whose_reader_has_seen_enough_ends_quietly() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    for _ in 0..20 {
        hub.send_to("billing", "x".repeat(10_000));
    }
    let place = hub.stop();
    let before = place.log_text().len();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command(&[]);
    let status = command
        .args(["wal", "export"])
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(&place.log_text()[before..], "");
    let mut command = place.command(&[]);
    let status = command
        .args(["wal", "export"])
        .stdout(full_device())
        .status();
    assert_eq!(status.unwrap().code(), Some(74));
    assert!(
        place.log_text().contains("standard output: No space left"),
        "{}",
        place.log_text()
    );
}
