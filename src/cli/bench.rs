//! `message-hub bench`: measures a hub under load and verifies what it delivers.
//!
//! One thread does it all, so that the hub keeps the rest of the machine; only sockets that
//! listen have threads of their own. After a warm-up of a second everything answered (and
//! received) during `--seconds` counts.

mod arguments;
mod audience;
mod client;
mod consumer;
#[cfg(test)]
mod fake_hub;
mod heard;
mod hub;
mod hub_process;
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
mod report;
mod socket;
mod stage;
mod subscriber;
mod target;
mod usage;

use std::io::{self, Write};

use tokio::task::LocalSet;

use super::Exit;
use crate::runtime::connections;
use hub::HubError;

pub use arguments::{BenchArguments, Mode};

/// Measures and prints the report to `out`, or what went wrong to `log`.
pub fn run(
    arguments: &BenchArguments,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> io::Result<Exit> {
    if let Err(error) = arguments.check() {
        writeln!(log, "{error}")?;
        return Ok(Exit::Usage);
    }
    connections::allow_many();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let measuring = measurement::measure(arguments);
    let report = match LocalSet::new().block_on(&runtime, measuring) {
        Ok(report) => report,
        Err(error) => {
            writeln!(log, "{error}")?;
            return Ok(match error {
                HubError::Denied { .. } => Exit::Denied,
                _ => Exit::Internal,
            });
        }
    };
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(match report.is_verified() {
        true => Exit::Clean,
        false => Exit::VerificationFailed,
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
        assert_eq!(String::from_utf8(log).unwrap(), "");
        (exit, serde_json::from_slice(&out).unwrap())
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
    fn refused_frames_are_errors_not_acknowledgements() {
        let (exit, report) = bench(Manner::Refuses, "--mode events --batch 3 --rate 300");
        assert_eq!(exit, Exit::VerificationFailed);
        assert_eq!(report["acknowledged"]["count"], 0);
        let refused = &report["errors"]["rejected item"];
        assert_eq!(refused["first"], r#"{"code":"QUEUE_FULL"}"#);
    }

    #[test]
    fn refusals_are_errors_not_acknowledgements() {
        let (exit, report) = bench(Manner::Refuses, "--connections 2");
        assert_eq!(exit, Exit::VerificationFailed);
        assert_eq!(report["acknowledged"]["count"], 0);
        assert_eq!(report["errors"]["429"]["first"], r#"{"error":"full"}"#);
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
