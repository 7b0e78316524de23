//! Who must not notice: the modest service.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::wire::Connection;
use crate::support::{Client, TestHub, pause};

const EVERY: Duration = Duration::from_millis(20);
/// Every so many messages it comes over a connection of its own.
const NEW_CONNECTION: usize = 5;

/// Sends a small message now and then.
pub(super) struct Modest {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Modest {
    pub(super) fn start(hub: &TestHub) -> Self {
        let client = hub.named("modest", "m");
        let pid = hub.pid().as_raw_nonzero().to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let thread = thread::spawn(move || send_now_and_then(&client, &pid, &ends));
        Self { is_over, thread }
    }

    /// How long the hub took for each answer.
    pub(super) fn stop(self) -> Vec<Duration> {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn send_now_and_then(client: &Client, pid: &str, is_over: &AtomicBool) -> Vec<Duration> {
    let body = br#"{"destination":"modest","payload":{"what":"a small message"}}"#;
    let headers: Vec<_> = client.header_lines().map(str::to_owned).collect();
    let mut latencies = Vec::new();
    let mut kept: Option<Connection> = None;
    while !is_over.load(Ordering::SeqCst) {
        let before = Waits::now(pid);
        let started = Instant::now();
        let kept_one = kept.take().filter(|_| latencies.len() % NEW_CONNECTION > 0);
        let mut connection = kept_one.unwrap_or_else(|| client.connect().unwrap());
        let answer = connection.ask("POST", "/v1/messages/send", &headers, body);
        let answer = answer.unwrap();
        let took = started.elapsed();
        assert_eq!(answer.status, 202, "{}", answer.body);
        latencies.push(took.saturating_sub(Waits::now(pid).since(&before)));
        kept = Some(connection);
        while started.elapsed() < EVERY {
            pause();
        }
    }
    latencies
}

/// How long threads were ready to run, and others ran on this machine's few processors, in
/// nanoseconds so far: of this one, and of each of the hub's through which messages go.
///
/// It is not the hub's doing that many tests run at once, nor that whoever floods it runs here,
/// too.
struct Waits {
    here: u64,
    hub: HashMap<OsString, u64>,
}

impl Waits {
    fn now(pid: &str) -> Self {
        let mut hub = HashMap::new();
        let threads = fs::read_dir(format!("/proc/{pid}/task"));
        for thread in threads.into_iter().flatten().flatten() {
            let path = thread.path();
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            // Those read files and the archive, and nobody waits for them here.
            if !name.starts_with("tokio-rt-worker") {
                hub.insert(thread.file_name(), waited(&path.join("schedstat")));
            }
        }
        Self {
            here: waited(Path::new("/proc/thread-self/schedstat")),
            hub,
        }
    }

    /// A message is taken by one thread and written by another.
    fn since(&self, before: &Self) -> Duration {
        let since = |(thread, now): (&OsString, &u64)| {
            let before = before.hub.get(thread).copied().unwrap_or_default();
            now.saturating_sub(before)
        };
        let mut hub: Vec<u64> = self.hub.iter().map(since).collect();
        hub.sort_unstable_by(|one, other| other.cmp(one));
        let most: u64 = hub.iter().take(2).sum();
        Duration::from_nanos(self.here - before.here + most)
    }
}

fn waited(path: &Path) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let waited = text.split(' ').nth(1).and_then(|text| text.parse().ok());
    waited.unwrap_or_default()
}
