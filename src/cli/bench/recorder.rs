//! What the generator counts, from all its threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::ledger::{Ledger, Tally};
use super::marks::Marks;
use super::message::Stamp;
use super::refusal::{Kind, No};

/// Latencies from a microsecond to ten minutes, to three digits.
const LONGEST_MICROS: u64 = 600_000_000;

pub(super) struct Recorder {
    started: Instant,
    is_counting: AtomicBool,
    ledger: Mutex<Ledger>,
    answers: Mutex<Latencies>,
    receipts: Mutex<Latencies>,
    refusals: Mutex<BTreeMap<String, Errors>>,
    errors: Mutex<BTreeMap<String, Errors>>,
}

/// How long each message took, of those that count.
pub(super) struct Latencies {
    micros: Histogram<u64>,
}

/// Messages that were refused, or failed, in the same way.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(super) struct Errors {
    pub count: u64,
    /// The body of the first answer, or what went wrong.
    pub first: String,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            is_counting: AtomicBool::new(false),
            ledger: Mutex::default(),
            answers: Mutex::new(Latencies::new()),
            receipts: Mutex::new(Latencies::new()),
            refusals: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// Latencies count between a `true` and the `false` after it.
    pub(super) fn set_counting(&self, is_counting: bool) {
        self.is_counting.store(is_counting, Ordering::Relaxed);
    }

    /// Nanoseconds from the start of the run to `moment`, for a [`Stamp`].
    pub(super) fn nanos_at(&self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.started))
    }

    /// The hub answered for the message `sequence`, which was meant to be sent at `intended`.
    pub(super) fn acknowledged(&self, sequence: u64, intended: Instant, now: Instant) {
        hold(&self.ledger).acknowledge(sequence);
        if self.is_counting() {
            let latency = now.saturating_duration_since(intended);
            hold(&self.answers).add(latency);
        }
    }

    /// A message reached a receiver unharmed.
    pub(super) fn received(&self, stamp: Stamp) {
        hold(&self.ledger).receive(stamp.sequence);
        self.arrived(stamp);
    }

    /// Like [`Self::received`], of something that others receive too, and account for themselves.
    pub(super) fn arrived(&self, stamp: Stamp) {
        if self.is_counting() {
            let latency = nanos(self.started.elapsed()).saturating_sub(stamp.sent_at);
            hold(&self.receipts).add(Duration::from_nanos(latency));
        }
    }

    pub(super) fn received_corrupt(&self) {
        hold(&self.ledger).receive_corrupt();
    }

    /// The hub answered for `count` messages that it does not take them.
    pub(super) fn not_taken(&self, no: &No<'_>, count: u64, body: &[u8]) {
        match no.kind {
            Kind::Denied | Kind::Refused => note(&self.refusals, &no.code, count, body),
            Kind::Broken => note(&self.errors, &no.code, count, body),
        }
    }

    /// `count` messages failed; `kind` is a word for how.
    pub(super) fn failed(&self, kind: &str, count: u64, body: &[u8]) {
        note(&self.errors, kind, count, body);
    }

    pub(super) fn tally(&self) -> Tally {
        hold(&self.ledger).tally()
    }

    /// The sequence numbers of all that was acknowledged.
    pub(super) fn acknowledgements(&self) -> Marks {
        hold(&self.ledger).acknowledgements()
    }

    pub(super) fn answers(&self) -> LatencySummary {
        hold(&self.answers).summary()
    }

    pub(super) fn receipts(&self) -> LatencySummary {
        hold(&self.receipts).summary()
    }

    pub(super) fn refusals(&self) -> BTreeMap<String, Errors> {
        hold(&self.refusals).clone()
    }

    pub(super) fn errors(&self) -> BTreeMap<String, Errors> {
        hold(&self.errors).clone()
    }

    fn is_counting(&self) -> bool {
        self.is_counting.load(Ordering::Relaxed)
    }
}

fn note(by_kind: &Mutex<BTreeMap<String, Errors>>, kind: &str, count: u64, body: &[u8]) {
    let mut by_kind = hold(by_kind);
    if let Some(known) = by_kind.get_mut(kind) {
        known.count += count;
        return;
    }
    let first = String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned();
    by_kind.insert(kind.to_owned(), Errors { count, first });
}

/// Counts stay counts when a thread that held them panicked.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub(super) struct LatencySummary {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub max_ms: f64,
}

impl Latencies {
    fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self {
            micros: micros.expect("the bounds are constants and in order"),
        }
    }

    fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.micros.saturating_record(micros);
    }

    fn summary(&self) -> LatencySummary {
        let millis = |micros: u64| micros as f64 / 1000.0;
        LatencySummary {
            count: self.micros.len(),
            p50_ms: millis(self.micros.value_at_quantile(0.5)),
            p99_ms: millis(self.micros.value_at_quantile(0.99)),
            p99_9_ms: millis(self.micros.value_at_quantile(0.999)),
            max_ms: millis(self.micros.max()),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let mut latencies = Latencies::new();
        for millis in 1..=1000 {
            latencies.add(Duration::from_millis(millis));
        }
        let summary = latencies.summary();
        assert_eq!(summary.count, 1000);
        for (found, expected) in [
            (summary.p50_ms, 500.0),
            (summary.p99_ms, 990.0),
            (summary.p99_9_ms, 999.0),
            (summary.max_ms, 1000.0),
        ] {
            assert!(
                (found / expected - 1.0).abs() < 0.002,
                "{found} for {expected}"
            );
        }
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let recorder = Recorder::new();
        let now = Instant::now();
        recorder.acknowledged(0, now, now);
        recorder.set_counting(true);
        recorder.acknowledged(1, now, now + Duration::from_millis(7));
        recorder.set_counting(false);
        recorder.acknowledged(2, now, now);
        assert_eq!(recorder.tally().acknowledged, 3);
        assert_eq!(recorder.answers().count, 1);
        assert!((recorder.answers().max_ms - 7.0).abs() < 0.01);
    }

    #[test]
    fn errors_keep_their_first_body() {
        let recorder = Recorder::new();
        recorder.failed("connection", 1, b"first");
        recorder.failed("connection", 2, b"second");
        let errors = recorder.errors();
        let first = "first".to_owned();
        assert_eq!(errors["connection"], Errors { count: 3, first });
    }

    #[test]
    fn what_the_hub_refuses_is_no_error_and_what_it_breaks_is() {
        let recorder = Recorder::new();
        recorder.not_taken(&No::answered(429, b"full"), 3, b"full");
        recorder.not_taken(&No::answered(500, b""), 2, b"");
        assert_eq!(recorder.refusals()["429"].count, 3);
        assert_eq!(recorder.errors()["500"].count, 2);
        assert_eq!((recorder.refusals().len(), recorder.errors().len()), (1, 1));
    }
}
