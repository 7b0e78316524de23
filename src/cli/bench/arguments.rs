//! What `message-hub bench` can be asked for.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::hub_process;
use super::message::MIN_SIZE;
use super::target;
use crate::domain::ids::ServiceName;

/// Messages in a request of a mode that batches, unless `--batch` says otherwise.
const USUAL_BATCH: u32 = 100;
/// Connections that send, unless `--connections` says otherwise.
const USUAL_CONNECTIONS: u32 = 64;
const USUAL_SOCKETS: u32 = 4;
/// Messages a consumer has at once, unless `--max-in-flight` says otherwise.
const USUAL_PREFETCH: u32 = 5000;
/// What the hub takes in one text: frames, bytes, and messages ahead for one consumer.
const MOST_FRAMES: usize = 1024;
const LONGEST_TEXT: usize = 1 << 20;
const MOST_PREFETCH: u32 = 10_000;
/// What a frame has beside its payload, at most, in bytes.
const FRAME_OVERHEAD: usize = 128;

#[derive(Args, Clone, PartialEq, Debug, Serialize)]
pub struct BenchArguments {
    /// What to send, and how.
    #[arg(long, value_enum, default_value = "send")]
    pub mode: Mode,
    /// The hub, as http://HOST:PORT. Without it, one is started on data under TMPDIR. What the run
    /// leaves waiting in that hub for its services, bench-0 and so on, is cleared in the end.
    #[arg(long, value_parser = authority_of)]
    pub url: Option<String>,
    /// Who the bench is to that hub, if it has keys: an operator. The key is in --key-file, or in the
    /// variable MESSAGE_HUB_KEY.
    #[arg(long, default_value = "bench", value_parser = service_name)]
    pub name: String,
    /// A file that holds the key.
    #[arg(long, requires = "url", value_name = "PATH")]
    #[serde(skip)]
    pub key_file: Option<PathBuf>,
    /// Connections that send [default: 64; 4 sockets with --mode websocket and --mode events].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: Option<u32>,
    /// Requests, or texts, a connection sends ahead of their answers.
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
    /// Messages in one request, or frames in one text [default: 100 with --mode batch, and over
    /// sockets without a --rate; else one alone].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: Option<u32>,
    /// Services that are sent to, one after the other, each as much as the others.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub services: u32,
    /// Receivers of each service, registered as its instances (push), or its consumers
    /// (websocket; 0: only what is accepted is measured).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub instances: u32,
    /// Sockets that are sent every event [default: 1] (events; 0: only what is accepted is
    /// measured).
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub subscribers: Option<u32>,
    /// How many messages a receiver takes at once: without it the hub decides (push), or 5000
    /// (websocket).
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
    /// Frames over sockets, to consumers over sockets that acknowledge them; verifies as push.
    Websocket,
    /// Events over sockets, to subscribers over sockets; verifies that each gets each event once,
    /// in order.
    Events,
}

impl Mode {
    pub fn is_over_sockets(self) -> bool {
        matches!(self, Self::Websocket | Self::Events)
    }
}

impl BenchArguments {
    /// Name and key to show to somebody's hub, if there is a key.
    ///
    /// # Errors
    /// If the key cannot be read.
    pub fn credentials(&self) -> Result<Option<(String, String)>, String> {
        if self.url.is_none() {
            return Ok(None);
        }
        let key = target::key(self.key_file.as_deref())?;
        Ok(key.map(|key| (self.name.clone(), key)))
    }

    /// Says what does not go together.
    pub fn check(&self) -> Result<(), String> {
        if self.rate > 0.0 && self.in_flight > 1 {
            return Err("--rate needs --in-flight 1: use more --connections instead".to_owned());
        }
        let has_receivers = matches!(self.mode, Mode::Push | Mode::Websocket);
        if !has_receivers && (self.instances != 1 || self.max_in_flight.is_some()) {
            return Err("--instances and --max-in-flight need --mode push or websocket".to_owned());
        }
        if self.mode == Mode::Push && self.instances == 0 {
            return Err("--instances 0 needs --mode websocket".to_owned());
        }
        if self.mode == Mode::Send && self.batch.is_some() {
            return Err("--batch needs another --mode than send".to_owned());
        }
        self.check_events()?;
        self.check_sockets()?;
        hub_process::check(&self.settings).map_err(|error| error.to_string())
    }

    fn check_events(&self) -> Result<(), String> {
        let is_events = self.mode == Mode::Events;
        if !is_events && self.subscribers.is_some() {
            return Err("--subscribers needs --mode events".to_owned());
        }
        if is_events && (self.services > 1 || self.waiting > 0) {
            return Err("--services and --waiting are not for --mode events".to_owned());
        }
        Ok(())
    }

    fn check_sockets(&self) -> Result<(), String> {
        if !self.mode.is_over_sockets() {
            return Ok(());
        }
        let frames = self.batch().unwrap_or(1);
        if frames > MOST_FRAMES || frames * (self.size + FRAME_OVERHEAD) > LONGEST_TEXT {
            let problem = "--batch must be at most 1024 over sockets, and with --size fit in 1 MiB";
            return Err(problem.to_owned());
        }
        match self.prefetch() {
            1..=MOST_PREFETCH => Ok(()),
            _ => Err(format!(
                "--max-in-flight must be 1 to {MOST_PREFETCH} over sockets"
            )),
        }
    }

    pub fn connections(&self) -> u32 {
        let usual = match self.mode.is_over_sockets() {
            true => USUAL_SOCKETS,
            false => USUAL_CONNECTIONS,
        };
        self.connections.unwrap_or(usual)
    }

    pub fn subscribers(&self) -> u32 {
        self.subscribers.unwrap_or(1)
    }

    /// Messages a consumer has and has not settled, at most.
    pub fn prefetch(&self) -> u32 {
        self.max_in_flight.unwrap_or(USUAL_PREFETCH)
    }

    /// Whether somebody receives what is sent.
    pub fn is_delivered(&self) -> bool {
        match self.mode {
            Mode::Send | Mode::Batch => false,
            Mode::Push | Mode::Websocket => self.instances > 0,
            Mode::Events => self.subscribers() > 0,
        }
    }

    /// Messages in one request; `None`: one, not in an array.
    pub fn batch(&self) -> Option<usize> {
        let batches = match self.mode {
            Mode::Send | Mode::Push => false,
            Mode::Batch => true,
            Mode::Websocket | Mode::Events => self.rate == 0.0,
        };
        let usual = batches.then_some(USUAL_BATCH);
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
        write!(
            f,
            ", {} connections × {}",
            self.connections(),
            self.in_flight
        )?;
        if let Some(batch) = self.batch() {
            write!(f, ", batches of {batch}")?;
        }
        if self.rate > 0.0 {
            write!(f, ", {}/s asked", self.rate)?;
        }
        match self.mode {
            Mode::Events => write!(f, ", {} subscribers", self.subscribers())?,
            _ => write!(f, ", {} services", self.services)?,
        }
        if matches!(self.mode, Mode::Push | Mode::Websocket) {
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

fn service_name(text: &str) -> Result<String, String> {
    let name = ServiceName::parse(text).map_err(|error| error.to_string())?;
    Ok(name.as_str().to_owned())
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
    fn batches_are_100_where_a_mode_batches() {
        assert_eq!(parse("").unwrap().batch(), None);
        assert_eq!(parse("--mode push").unwrap().batch(), None);
        assert_eq!(parse("--mode push --batch 1").unwrap().batch(), Some(1));
        assert_eq!(parse("--mode batch").unwrap().batch(), Some(100));
        assert_eq!(parse("--mode websocket").unwrap().batch(), Some(100));
        assert_eq!(parse("--mode events --rate 100").unwrap().batch(), None);
    }

    #[test]
    fn sockets_are_few_unless_told_otherwise() {
        assert_eq!(parse("").unwrap().connections(), 64);
        assert_eq!(parse("--mode events").unwrap().connections(), 4);
        let told = parse("--mode websocket --connections 9 --max-in-flight 7").unwrap();
        assert_eq!((told.connections(), told.prefetch()), (9, 7));
    }

    #[test]
    fn without_receivers_nothing_is_delivered() {
        for (line, is_delivered) in [
            ("--mode send", false),
            ("--mode websocket", true),
            ("--mode websocket --instances 0", false),
            ("--mode events", true),
            ("--mode events --subscribers 0", false),
        ] {
            assert_eq!(parse(line).unwrap().is_delivered(), is_delivered, "{line}");
        }
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
        let arguments = parse("--set wal_sync=os --set log=message_hub=debug").unwrap();
        let log = ("log".to_owned(), "message_hub=debug".to_owned());
        assert_eq!(arguments.settings[1], log);
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
            "--subscribers 5",
            "--mode events --services 2",
            "--mode events --waiting 5",
            "--mode events --batch 1025",
            "--mode websocket --size 20000",
            "--mode websocket --max-in-flight 10001",
            "--mode batch --batch 0",
            "--set wal_sync",
            "--url http://hub --set wal_sync=os",
            "--name one\u{a0}name",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
