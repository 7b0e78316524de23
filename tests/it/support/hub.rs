//! The real binary, on a port of its own with data of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::place::{Place, variables};
use super::{Client, PATIENCE, eventually, pause};

/// A hub that runs; dereferences to a client of it.
pub(crate) struct TestHub {
    process: Child,
    client: Client,
    /// What it said at start, without the addresses.
    pub recovered: String,
    place: Place,
    settings: Vec<(String, String)>,
    watched: bool,
}

impl TestHub {
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// A hub with some settings, such as `("max_queue_size", "3")`.
    #[track_caller]
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        Self::at(Place::new(), settings)
    }

    #[track_caller]
    pub(crate) fn at(place: Place, settings: &[(&str, &str)]) -> Self {
        Self::launch(place, variables(settings))
    }

    /// A hub that sees these variables of the environment besides its settings.
    #[track_caller]
    pub(crate) fn seeing(environment: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let mut variables = variables(settings);
        let given = environment.iter();
        variables.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::launch(Place::new(), variables)
    }

    /// A hub that may have so many open files.
    #[track_caller]
    pub(crate) fn with_files(files: usize, settings: &[(&str, &str)]) -> Self {
        let (place, settings) = (Place::new(), variables(settings));
        let command = place.command_with_files(files, &settings);
        Self::run(command, place, settings)
    }

    /// A hub with a limit as `ulimit` takes it.
    #[track_caller]
    pub(crate) fn limited(limit: &str, settings: &[(&str, &str)]) -> Self {
        let (place, settings) = (Place::new(), variables(settings));
        let command = place.limited(limit, &settings);
        Self::run(command, place, settings)
    }

    /// Of the process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// A hub whose standard error is another than the place's log.
    #[track_caller]
    pub(crate) fn logging_to(log: impl Into<Stdio>, settings: &[(&str, &str)]) -> Self {
        let (place, settings) = (Place::new(), variables(settings));
        let mut command = place.command(&settings);
        command.stderr(log);
        Self::run(command, place, settings)
    }

    #[track_caller]
    fn launch(place: Place, settings: Vec<(String, String)>) -> Self {
        Self::run(place.command(&settings), place, settings)
    }

    /// `command` is that of the place, perhaps with something changed.
    #[track_caller]
    pub(crate) fn run(mut command: Command, place: Place, settings: Vec<(String, String)>) -> Self {
        let logged = place.log_text().len();
        let mut process = command.spawn().unwrap();
        let stdout = process.stdout.take().expect("it is piped");
        let is_json = settings.iter().any(|(_, value)| value == "json");
        let (address, recovered) = if is_json {
            said_in_the_log(&place, logged)
        } else {
            said_on_stdout(stdout, &place, &mut process)
        };
        let address = address.expect("the address comes before ready");
        Self {
            process,
            client: Client::new(address),
            recovered,
            place,
            settings,
            watched: true,
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) fn data(&self) -> &Path {
        self.place.data()
    }

    /// As [`Place::configure`]; it is read when the hub is told to.
    pub(crate) fn configure(&self, yaml: &str) {
        self.place.configure(yaml);
    }

    /// What it has logged. The log is written by a thread of its own, which may need a moment for
    /// what was said just now.
    pub(crate) fn log(&self) -> String {
        let mut text = self.place.log_text();
        loop {
            (0..10).for_each(|_| pause());
            let later = self.place.log_text();
            if later.len() == text.len() {
                return later;
            }
            text = later;
        }
    }

    /// Every record of the journal as `wal export` tells it, also beside the running hub.
    #[track_caller]
    pub(crate) fn journal(&self) -> Vec<Value> {
        let mut command = self.place.command(&self.settings);
        let output = command.args(["wal", "export"]).output().unwrap();
        assert!(output.status.success(), "{}", self.log());
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The events in the journal, in order.
    #[track_caller]
    pub(crate) fn events_in_journal(&self) -> Vec<Value> {
        let records = self.journal().into_iter();
        let events = records.filter(|record| record["kind"] == "event_published");
        events.map(|mut record| record["fact"].take()).collect()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.size("VmRSS:")
    }

    /// The most resident memory there ever was, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.size("VmHWM:")
    }

    fn size(&self, which: &str) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(which));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kib.expect("a running process has a size") * 1024
    }

    /// Ends the process as a power switch would.
    pub(crate) fn kill9(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Has the process stand still, as one whose machine is moved elsewhere.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.process), Signal::STOP).unwrap();
    }

    /// Has a process that stands still go on.
    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(&self.process), Signal::CONT).unwrap();
    }

    /// Asks the process to read its configuration again.
    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.process), Signal::HUP).unwrap();
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let mut status: Option<ExitStatus> = None;
        eventually("the hub ends", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Another hub on the same data, after this one was ended in one way or another.
    #[track_caller]
    pub(crate) fn restart(self) -> Self {
        self.restart_with(&[])
    }

    /// As [`TestHub::restart`], with some settings changed.
    #[track_caller]
    pub(crate) fn restart_with(mut self, settings: &[(&str, &str)]) -> Self {
        if self.process.try_wait().unwrap().is_none() {
            self.terminate();
            assert_eq!(self.exit_code(), Some(0), "{}", self.log());
        }
        let (place, settings) = (self.give_up_place(), self.changed(settings));
        drop(self);
        Self::launch(place, settings)
    }

    fn changed(&self, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = self.settings.clone();
        for (name, value) in variables(settings) {
            all.retain(|(given, _)| *given != name);
            all.push((name, value));
        }
        all
    }

    /// Ends the hub and gives what is left of it.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Place {
        if self.process.try_wait().unwrap().is_none() {
            self.terminate();
            assert_eq!(self.exit_code(), Some(0), "{}", self.log());
        }
        self.give_up_place()
    }

    fn give_up_place(&mut self) -> Place {
        self.assert_no_bug_in_log();
        self.watched = false;
        std::mem::replace(&mut self.place, Place::new())
    }

    #[track_caller]
    fn assert_no_bug_in_log(&self) {
        let log = self.place.log_text();
        for word in ["panicked", "internal error"] {
            assert!(!log.contains(word), "the log has `{word}`:\n{log}");
        }
    }
}

/// Where a hub listens and what it recovered, once it is ready.
#[track_caller]
fn said_on_stdout(
    stdout: ChildStdout,
    place: &Place,
    process: &mut Child,
) -> (Option<SocketAddr>, String) {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let mut address = None;
    let mut recovered = String::new();
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            let _ = process.kill();
            panic!("the hub did not start:\n{}", place.log_text());
        };
        if let Some((_, found)) = line.split_once("listening on http://") {
            address = found.parse::<SocketAddr>().ok();
        } else if let Some(found) = line.strip_prefix("recovered ") {
            found.clone_into(&mut recovered);
        } else if line == "ready" {
            return (address, recovered);
        }
    }
}

/// As [`said_on_stdout`], of a hub that logs in JSON and says it there, behind the first `logged`
/// bytes.
#[track_caller]
fn said_in_the_log(place: &Place, logged: usize) -> (Option<SocketAddr>, String) {
    let mut lines: Vec<Value> = Vec::new();
    eventually("the hub says in its log that it is ready", || {
        let log = place.log_text();
        let read = log[logged..].lines();
        lines = read
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        lines.iter().any(|line| line["message"] == "ready")
    });
    let address = lines.iter().find_map(|line| line["address"].as_str());
    let texts = lines.iter().filter_map(|line| line["message"].as_str());
    let mut recovered = texts.filter_map(|text| text.strip_prefix("recovered "));
    let address = address.and_then(|text| text.parse().ok());
    (address, recovered.next().unwrap_or_default().to_owned())
}

impl Deref for TestHub {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let id = self.process.id();
            println!("--- what hub {id} logged:\n{}---", self.place.log_text());
        } else if self.watched {
            self.assert_no_bug_in_log();
        }
    }
}
