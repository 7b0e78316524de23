//! `message-hub bench`: measures a hub under load and verifies what it delivers.
//!
//! One thread does it all, so that the hub keeps the rest of the machine; only sockets that
//! listen have threads of their own. After a warm-up of a second everything answered (and
//! received) during `--seconds` counts.

mod arguments;
mod audience;
mod client;
mod consumer;
mod error;
#[cfg(test)]
mod fake_hub;
mod heard;
mod hub;
mod hub_process;
mod interruptions;
mod lanes;
mod ledger;
mod listeners;
mod load;
mod marks;
mod measurement;
mod message;
mod pace;
mod publisher;
mod receiver;
mod recorder;
mod refusal;
mod report;
mod socket;
mod stage;
mod subscriber;
mod target;
mod traces;
mod usage;

use std::io::{self, Write};

use tokio::task::LocalSet;

use crate::exit::Exit;
use crate::open_files;

pub use arguments::{BenchArguments, Mode};

/// Measures and prints the report to `out`, or what went wrong to `log`.
pub fn run(
    arguments: &BenchArguments,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    let checked = arguments.check().and_then(|()| arguments.credentials());
    let credentials = match checked {
        Ok(credentials) => credentials,
        Err(problem) => {
            writeln!(log, "{problem}")?;
            return Ok(Exit::Usage);
        }
    };
    open_files::allow_many();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let measuring = measurement::measure(arguments, credentials);
    let measured = LocalSet::new().block_on(&runtime, measuring);
    for left in &measured.left {
        writeln!(log, "{left}")?;
    }
    let report = match measured.report {
        Ok(report) => report,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(error.exit());
        }
    };
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    if let Some(complaint) = report.complaint() {
        writeln!(log, "{complaint}")?;
    }
    let left = measured.left.first().map(error::HubError::exit);
    Ok(match report.exit() {
        Exit::Clean => left.unwrap_or(Exit::Clean),
        exit => exit,
    })
}

#[cfg(test)]
mod tests {
    use super::fake_hub::{FakeHub, Manner};
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    /// The exit and the report of a run against a fake hub.
    fn bench(manner: Manner, line: &str) -> (Exit, serde_json::Value) {
        bench_at(&FakeHub::start(manner), line)
    }

    fn bench_at(hub: &FakeHub, line: &str) -> (Exit, serde_json::Value) {
        let (exit, out, log) = run_at(hub, line);
        assert_eq!(log, "");
        (exit, serde_json::from_str(&out).unwrap())
    }

    /// The exit of a run, what it printed, and what it told of what went wrong.
    fn run_at(hub: &FakeHub, line: &str) -> (Exit, String, String) {
        let line = format!(
            "message-hub bench --json --seconds 1 --url {} {line}",
            hub.url()
        );
        let command = Cli::try_parse_from(line.split_whitespace())
            .unwrap()
            .into_command()
            .unwrap();
        let Command::Bench(arguments) = command else {
            panic!("not a bench: {line}");
        };
        let (mut out, mut log) = (Vec::new(), Vec::new());
        let exit = run(&arguments, &mut out, &mut log).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (exit, text(out), text(log))
    }

    #[test]
    fn send_counts_what_was_acknowledged() {
        let (exit, report) = bench(Manner::Good, "--connections 4 --in-flight 3 --waiting 1500");
        assert_eq!(exit, Exit::Clean);
        assert!(report["acknowledged"]["count"].as_u64() > Some(0));
        assert_eq!(report["errors"], serde_json::json!({}));
        assert_eq!(report["delivery"], serde_json::Value::Null);
        assert_eq!(report["hub"]["records_per_sync"], 8.0);
    }

    /// Whether no count is far from the others: connections may be a turn apart.
    fn is_even(counts: &[u64]) -> bool {
        let (least, most) = (counts.iter().min(), counts.iter().max());
        most.unwrap() - least.unwrap() <= 8
    }

    #[test]
    fn services_are_sent_to_evenly() {
        let hub = FakeHub::start(Manner::Good);
        let (exit, _) = bench_at(&hub, "--services 5 --connections 4 --rate 400");
        assert_eq!(exit, Exit::Clean);
        let sent = hub.sent();
        assert_eq!(sent.len(), 5);
        assert!(sent[0] > 8 && is_even(&sent), "{sent:?}");
    }

    #[test]
    fn batch_counts_messages_not_requests() {
        let (exit, report) = bench(Manner::Good, "--mode batch --batch 7 --connections 1");
        assert_eq!(exit, Exit::Clean);
        let count = report["acknowledged"]["count"].as_u64().unwrap();
        assert!(count > 0 && count.is_multiple_of(7), "{count}");
    }

    #[test]
    fn push_verifies_what_arrives() {
        let hub = FakeHub::start(Manner::Good);
        let line = "--mode push --services 3 --instances 2 --rate 500 --connections 4";
        let (exit, report) = bench_at(&hub, line);
        assert_eq!(exit, Exit::Clean);
        let delivered = hub.delivered();
        assert_eq!(delivered.len(), 6);
        assert!(delivered[0] > 8 && is_even(&delivered), "{delivered:?}");
        let tally = &report["delivery"]["tally"];
        assert_eq!(tally["received"], tally["acknowledged"]);
        assert_eq!(
            (&tally["missing"], &tally["repeated"]),
            (&0.into(), &0.into())
        );
        assert!(report["delivery"]["received"]["count"].as_u64() > Some(0));
    }

    #[test]
    fn a_changed_message_fails_the_run() {
        let line = "--mode push --rate 200 --connections 2";
        let (exit, report) = bench(Manner::Garbles, line);
        assert_eq!(exit, Exit::VerificationFailed);
        let tally = &report["delivery"]["tally"];
        assert!(tally["corrupt"].as_u64() > Some(0));
        assert_eq!(tally["missing"], 0);
    }

    #[test]
    fn websocket_verifies_what_arrives() {
        let hub = FakeHub::start(Manner::Good);
        let line = "--mode websocket --services 2 --rate 700 --batch 7 --connections 3";
        let (exit, report) = bench_at(&hub, line);
        assert_eq!(exit, Exit::Clean);
        let tally = &report["delivery"]["tally"];
        assert!(tally["received"].as_u64() > Some(0));
        assert_eq!(tally["received"], tally["acknowledged"]);
        assert_eq!(tally["missing"], 0);
        assert_eq!(report["errors"], serde_json::json!({}));
        assert!(hub.acknowledged() > 0);
    }

    #[test]
    fn without_consumers_only_what_is_accepted_counts() {
        let line = "--mode websocket --instances 0 --in-flight 3 --batch 5";
        let (exit, report) = bench(Manner::Good, line);
        assert_eq!(exit, Exit::Clean);
        let count = report["acknowledged"]["count"].as_u64().unwrap();
        assert!(count > 0 && count.is_multiple_of(5), "{count}");
        assert_eq!(report["delivery"], serde_json::Value::Null);
    }

    #[test]
    fn events_reach_every_subscriber() {
        let line = "--mode events --subscribers 7 --rate 200";
        let (exit, report) = bench(Manner::Good, line);
        assert_eq!(exit, Exit::Clean);
        let delivery = &report["delivery"];
        let published = delivery["tally"]["acknowledged"].as_u64().unwrap();
        assert!(published > 0);
        assert_eq!(delivery["tally"]["received"], 7 * published);
        assert_eq!(delivery["tally"]["missing"], 0);
        assert_eq!(delivery["out_of_order"], 0);
        assert_eq!(report["errors"], serde_json::json!({}));
    }

    #[test]
    fn a_changed_frame_fails_the_run() {
        for mode in ["websocket", "events"] {
            let line = format!("--mode {mode} --rate 200");
            let (exit, report) = bench(Manner::Garbles, &line);
            assert_eq!(exit, Exit::VerificationFailed, "{mode}");
            let tally = &report["delivery"]["tally"];
            assert!(tally["corrupt"].as_u64() > Some(0), "{mode}");
            assert_eq!(tally["missing"], 0, "{mode}");
        }
    }

    #[test]
    fn what_a_full_hub_refuses_is_told_and_is_no_loss() {
        for (line, first) in [
            ("--connections 2", r#"{"error":{"code":"QUEUE_FULL"}}"#),
            (
                "--mode events --batch 3 --rate 300",
                r#"{"code":"QUEUE_FULL"}"#,
            ),
            ("--mode websocket --rate 300", r#"{"code":"QUEUE_FULL"}"#),
        ] {
            let (exit, out, log) = run_at(&FakeHub::start(Manner::Refuses), line);
            assert_eq!(exit, Exit::NothingTaken, "{line}");
            let report: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(report["acknowledged"]["count"], 0);
            let refused = &report["refused"]["QUEUE_FULL"];
            assert_eq!(refused["first"], first);
            assert_eq!(report["errors"], serde_json::json!({}));
            let told = format!("({} × QUEUE_FULL); that is no loss", refused["count"]);
            assert!(log.contains(&told), "{log}");
        }
    }

    #[test]
    fn a_hub_that_wants_a_key_is_told_apart_in_every_mode() {
        for line in [
            "--connections 2",
            "--mode push --rate 100",
            "--mode websocket",
            "--mode websocket --instances 0",
            "--mode events",
            "--mode events --subscribers 0",
        ] {
            let (exit, _, log) = run_at(&FakeHub::start(Manner::Denies), line);
            assert_eq!(exit, Exit::Denied, "{line}: {log}");
            assert!(log.contains("--key-file"), "{line}: {log}");
        }
    }

    #[test]
    fn what_the_run_leaves_waiting_is_cleared() {
        let hub = FakeHub::start(Manner::Good);
        bench_at(&hub, "--services 2 --connections 2 --rate 100");
        assert!(hub.sent()[1] > 0);
        assert_eq!(hub.waiting(), 0);
        let expected = [
            "/v1/services/bench-0",
            "/v1/queue?service=bench-0",
            "/v1/services/bench-1",
            "/v1/queue?service=bench-1",
        ];
        assert_eq!(hub.deleted(), expected);
    }

    #[test]
    fn what_waits_of_others_is_neither_measured_nor_cleared() {
        let hub = FakeHub::start(Manner::Good);
        hub.keep_waiting("bench-1", 7);
        let (exit, out, log) = run_at(&hub, "--services 2 --connections 2");
        assert_eq!((exit, &*out), (Exit::NothingTaken, ""));
        assert!(
            log.starts_with("bench-1: 7 messages that are not of this run wait"),
            "{log}"
        );
        assert_eq!(hub.waiting(), 7);
        assert!(!hub.deleted().iter().any(|path| path.contains("bench-1")));
    }

    #[test]
    fn a_bad_key_file_or_setting_is_bad_usage() {
        for (more, words) in [
            (
                "--url http://127.0.0.1:1 --key-file /no/such.key",
                "--key-file /no/such.key: No such",
            ),
            (
                "--set wal_sink=os",
                "--set: unknown key `wal_sink`; did you mean `wal_sync`?",
            ),
        ] {
            let line = format!("message-hub bench {more}");
            let command = Cli::try_parse_from(line.split(' ')).and_then(Cli::into_command);
            let Ok(Command::Bench(arguments)) = command else {
                panic!("not a bench: {line}");
            };
            let (mut out, mut log) = (Vec::new(), Vec::new());
            assert_eq!(run(&arguments, &mut out, &mut log).unwrap(), Exit::Usage);
            let log = String::from_utf8(log).unwrap();
            assert!(log.starts_with(words), "{log}");
        }
    }

    #[test]
    fn a_connection_closed_after_its_answer_is_no_error() {
        let (exit, report) = bench(Manner::Closes, "--rate 300 --connections 2");
        assert_eq!(exit, Exit::Clean);
        assert_eq!(report["errors"], serde_json::json!({}));
    }

    #[test]
    fn a_hub_that_is_not_there_is_an_internal_failure() {
        let line = "message-hub bench --url http://127.0.0.1:1";
        let Ok(Command::Bench(arguments)) =
            Cli::try_parse_from(line.split(' ')).and_then(Cli::into_command)
        else {
            panic!("not a bench");
        };
        let (mut out, mut log) = (Vec::new(), Vec::new());
        assert_eq!(run(&arguments, &mut out, &mut log).unwrap(), Exit::Internal);
        assert!(String::from_utf8(log).unwrap().starts_with("127.0.0.1:1: "));
    }
}
