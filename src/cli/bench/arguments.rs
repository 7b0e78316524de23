//! What `message-hub bench` can be asked for.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::message::MIN_SIZE;

/// Messages in a request of `--mode batch`, unless `--batch` says otherwise.
const USUAL_BATCH: u32 = 100;

#[derive(Args, Clone, PartialEq, Debug, Serialize)]
pub struct BenchArguments {
    /// What to send, and how.
    #[arg(long, value_enum, default_value = "send")]
    pub mode: Mode,
    /// The hub, as http://HOST:PORT. Without it, one is started on data under TMPDIR.
    #[arg(long, value_parser = authority_of)]
    pub url: Option<String>,
    /// Connections that send.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Requests a connection sends ahead of their answers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub in_flight: u32,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 300, value_parser = payload_size)]
    pub size: usize,
    /// Messages a second, sent at fixed moments whatever the hub does; 0: as fast as it answers.
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    pub rate: f64,
    /// How long to measure, after a second of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Messages in one request [default: 100 with --mode batch, else one alone].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: Option<u32>,
    /// Services that are sent to, one after the other, each as much as the others.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub services: u32,
    /// Receivers of each service, registered as its instances (push).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub instances: u32,
    /// How many messages a receiver takes at once (push); without it the hub decides.
    #[arg(long)]
    pub max_in_flight: Option<u32>,
    /// Messages that wait in the hub before it begins.
    #[arg(long, default_value_t = 0)]
    pub waiting: usize,
    /// A configuration key for the hub that is started; may be repeated.
    #[arg(long = "set", alias = "config", value_name = "KEY=VALUE", value_parser = setting)]
    #[arg(conflicts_with = "url")]
    pub settings: Vec<(String, String)>,
    /// Print one JSON object.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One message a request, to services that pull.
    Send,
    /// Many messages a request, to services that pull.
    Batch,
    /// To receivers over HTTP, run here too; verifies that everything arrives as sent.
    Push,
}

impl BenchArguments {
    /// Says what does not go together.
    pub fn check(&self) -> Result<(), String> {
        if self.rate > 0.0 && self.in_flight > 1 {
            return Err("--rate needs --in-flight 1: use more --connections instead".to_owned());
        }
        if self.mode != Mode::Push && (self.instances > 1 || self.max_in_flight.is_some()) {
            return Err("--instances and --max-in-flight need --mode push".to_owned());
        }
        if self.mode == Mode::Send && self.batch.is_some() {
            return Err("--batch needs --mode batch or --mode push".to_owned());
        }
        Ok(())
    }

    /// Messages in one request; `None`: one, not in an array.
    pub fn batch(&self) -> Option<usize> {
        let usual = (self.mode == Mode::Batch).then_some(USUAL_BATCH);
        self.batch.or(usual).map(|batch| batch as usize)
    }

    pub fn requests_per_second(&self) -> f64 {
        self.rate / self.batch().unwrap_or(1) as f64
    }
}

impl fmt::Display for BenchArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}, {} s, {} bytes",
            self.mode, self.seconds, self.size
        )?;
        write!(f, ", {} connections × {}", self.connections, self.in_flight)?;
        if let Some(batch) = self.batch() {
            write!(f, ", batches of {batch}")?;
        }
        if self.rate > 0.0 {
            write!(f, ", {}/s asked", self.rate)?;
        }
        write!(f, ", {} services", self.services)?;
        if self.mode == Mode::Push {
            write!(f, " × {} instances", self.instances)?;
        }
        if self.waiting > 0 {
            write!(f, ", {} waiting", self.waiting)?;
        }
        Ok(())
    }
}

/// Reads `http://HOST[:PORT]` as `HOST:PORT`.
fn authority_of(url: &str) -> Result<String, String> {
    let rest = url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'));
    let rest = rest.filter(|rest| !rest.is_empty() && !rest.contains(['/', '?', '#', '@']));
    let authority = rest.ok_or("must be http://HOST:PORT")?;
    let after_address = authority.rsplit(']').next().unwrap_or(authority);
    Ok(match after_address.contains(':') {
        true => authority.to_owned(),
        false => format!("{authority}:80"),
    })
}

fn payload_size(text: &str) -> Result<usize, String> {
    let size = text
        .parse()
        .ok()
        .filter(|size| (MIN_SIZE..=1_000_000).contains(size));
    size.ok_or_else(|| format!("must be a whole number from {MIN_SIZE} to 1000000"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| *rate == 0.0 || (0.1..=1e7).contains(rate));
    rate.ok_or_else(|| "must be 0, or a number from 0.1 to 10000000".to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: BenchArguments,
    }

    fn parse(line: &str) -> Result<BenchArguments, String> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.bench.check()?;
        Ok(line.bench)
    }

    #[test]
    fn batches_are_100_in_batch_mode_only() {
        assert_eq!(parse("").unwrap().batch(), None);
        assert_eq!(parse("--mode push").unwrap().batch(), None);
        assert_eq!(parse("--mode push --batch 1").unwrap().batch(), Some(1));
        assert_eq!(parse("--mode batch").unwrap().batch(), Some(100));
    }

    #[test]
    fn a_rate_counts_messages() {
        let arguments = parse("--mode batch --batch 50 --rate 2000").unwrap();
        assert!((arguments.requests_per_second() - 40.0).abs() < 1e-9);
    }

    #[test]
    fn urls_become_addresses() {
        for (url, authority) in [
            ("http://hub:8200/", "hub:8200"),
            ("http://hub", "hub:80"),
            ("http://[::1]:8200", "[::1]:8200"),
            ("http://[::1]", "[::1]:80"),
        ] {
            assert_eq!(authority_of(url).as_deref(), Ok(authority));
        }
        for url in [
            "hub:8200",
            "https://hub",
            "http://",
            "http://hub/x",
            "http://u@hub",
        ] {
            assert!(authority_of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn one_service_with_one_instance_unless_told_otherwise() {
        let usual = parse("--mode push").unwrap();
        assert_eq!((usual.services, usual.instances), (1, 1));
        let many = parse("--mode push --services 50 --instances 3").unwrap();
        assert_eq!((many.services, many.instances), (50, 3));
        assert!(many.to_string().ends_with(", 50 services × 3 instances"));
        assert!(
            parse("--services 50")
                .unwrap()
                .to_string()
                .ends_with(", 50 services")
        );
    }

    #[test]
    fn settings_may_be_repeated() {
        let arguments = parse("--set wal_sync=os --set log=a=b").unwrap();
        assert_eq!(arguments.settings[1], ("log".to_owned(), "a=b".to_owned()));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for line in [
            "--connections 0",
            "--size 10",
            "--rate -1",
            "--rate nan",
            "--rate 10 --in-flight 2",
            "--batch 5",
            "--instances 2",
            "--mode batch --max-in-flight 5",
            "--mode push --instances 0",
            "--services 0",
            "--mode batch --batch 0",
            "--set wal_sync",
            "--url http://hub --set wal_sync=os",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
