//! What happened over the last day: a sample every ten seconds, for whoever wants to draw it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::error::HubError;
use super::lately::Lately;
use super::picture::Pictures;
use crate::clock::Clock;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::message::Priority;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::survey::QueueSurvey;
use crate::logic::stats::{Sample, StatsPart, StatsRing};
use crate::metrics::Metrics;
use crate::metrics::distribution::Buckets;
use crate::metrics::reading::MetricsReading;
use crate::phase::Phase;
use crate::ports::archive::ArchiveReader;

/// What happened over longer than this says nothing of now, in seconds.
const LONGEST: f64 = 60.0;
/// Dead letters are counted in the archive, so no more often.
const COUNTED_EVERY: Duration = Duration::from_secs(60);

/// The samples that are kept.
#[derive(Default)]
pub(super) struct Stats(Mutex<(StatsRing, Sample)>);

/// Takes samples, each of what changed since the one before.
pub struct Sampler {
    pictures: Pictures,
    metrics: Arc<Metrics>,
    archive: Arc<dyn ArchiveReader>,
    clock: Clock,
    before: Option<Counted>,
    dead_letters: Option<u64>,
    counted_at: Option<Timestamp>,
}

/// What is told to those who watch.
pub(super) struct LiveStats {
    pub sampler: Arc<AsyncMutex<Sampler>>,
    pub latest: Lately<(Timestamp, Sample)>,
}

impl LiveStats {
    pub(super) fn new(sampler: Sampler) -> Self {
        Self {
            sampler: Arc::new(AsyncMutex::new(sampler)),
            latest: Lately::default(),
        }
    }
}

/// What is counted since the start, at one moment.
struct Counted {
    at: Instant,
    totals: MessageTotals,
    /// When the totals were so, which may be a little earlier.
    counted_at: Instant,
    reading: MetricsReading,
    /// Processor time of the process, in seconds.
    cpu: f64,
}

impl Stats {
    pub(super) fn keep(&self, sample: Sample, now: Timestamp) {
        let (ring, latest) = &mut *self.lock();
        ring.push(&sample, now);
        *latest = sample;
    }

    pub(super) fn latest(&self) -> Sample {
        self.lock().1
    }

    /// Those since then, by the hub's clock.
    pub(super) fn since(&self, since: Timestamp, step: usize) -> StatsPart {
        self.lock().0.since(since, step)
    }

    fn lock(&self) -> MutexGuard<'_, (StatsRing, Sample)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sampler {
    pub(super) fn new(
        pictures: Pictures,
        metrics: Arc<Metrics>,
        archive: Arc<dyn ArchiveReader>,
        clock: Clock,
    ) -> Self {
        Self {
            pictures,
            metrics,
            archive,
            clock,
            before: None,
            dead_letters: None,
            counted_at: None,
        }
    }

    /// How the hub is, and what happened since the last sample; of the first one that is unknown.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn sample(&mut self, phase: Phase) -> Result<Sample, HubError> {
        let found = self.pictures.latest(phase).await?;
        let queues = &found.what.queues;
        self.count_dead_letters().await;
        let now = Counted {
            at: Instant::now(),
            counted_at: found.at,
            totals: queues.totals,
            reading: self.metrics.read(),
            cpu: processor_time(),
        };
        let mut sample = as_it_is(queues, &now.reading, self.clock.wall());
        sample.dead_letters = self.dead_letters.map(|count| count as f64);
        if let Some(before) = &self.before {
            add_changes(&mut sample, before, &now);
        }
        self.before = Some(now);
        Ok(sample)
    }

    async fn count_dead_letters(&mut self) {
        let now = self.clock.now();
        let is_new = |at: &Timestamp| now.since(*at) < COUNTED_EVERY;
        if self.counted_at.as_ref().is_some_and(is_new) {
            return;
        }
        self.counted_at = Some(now);
        self.dead_letters = match self.metrics.status.archive_answers.get() {
            true => self.archive.dead_letter_counts().await.ok(),
            false => None,
        }
        .map(|counts| counts.total);
    }
}

fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn as_it_is(queues: &QueueSurvey, reading: &MetricsReading, now: Timestamp) -> Sample {
    let total = &queues.total;
    let level = |priority: Priority| Some(total.levels[priority.index()] as f64);
    let count = |number: usize| Some(number as f64);
    let oldest = total.oldest();
    Sample {
        depth_critical: level(Priority::Critical),
        depth_high: level(Priority::High),
        depth_normal: level(Priority::Normal),
        depth_low: level(Priority::Low),
        depth_deferred: level(Priority::Deferred),
        parked: count(total.parked),
        retrying: count(total.retrying),
        scheduled: count(total.scheduled),
        in_flight: count(total.in_flight),
        oldest_age: Some(oldest.map_or(0.0, |at| now.since(at).as_secs_f64())),
        open_circuits: count(queues.open_circuits),
        sockets: Some(reading.sockets as f64),
        archive_lag: reading.archive_lag.map(|lag| lag as f64),
        journal_bytes: Some(reading.journal_bytes as f64),
        rss: reading.rss,
        ..Sample::default()
    }
}

fn add_changes(sample: &mut Sample, before: &Counted, now: &Counted) {
    let seconds = (now.at - before.at).as_secs_f64();
    let of_totals = (now.counted_at - before.counted_at).as_secs_f64();
    if seconds <= 0.0 || seconds > LONGEST || of_totals <= 0.0 {
        return;
    }
    let (was, is) = (&before.totals, &now.totals);
    let signed = |was: i64, is: i64| Some((is - was).max(0) as f64 / of_totals);
    sample.accepted = signed(was.accepted, is.accepted);
    sample.delivered = signed(was.delivered, is.delivered);
    sample.dead = signed(was.dead, is.dead);
    sample.expired = signed(was.expired, is.expired);
    sample.cancelled = signed(was.cancelled, is.cancelled);
    let (was, is) = (&before.reading, &now.reading);
    let counted = |was: u64, is: u64| Some(is.saturating_sub(was) as f64 / seconds);
    sample.failed = counted(was.failed, is.failed);
    sample.refused = counted(was.refused, is.refused);
    sample.events = counted(was.events, is.events);
    sample.event_deliveries = counted(was.event_deliveries, is.event_deliveries);
    sample.cpu = Some((now.cpu - before.cpu) / seconds);
    let quantile = |was: &Buckets, is: &Buckets, share| is.quantile_since(was, share);
    sample.push_p50 = quantile(&was.attempts, &is.attempts, 0.5);
    sample.push_p99 = quantile(&was.attempts, &is.attempts, 0.99);
    sample.settle_p50 = quantile(&was.processing, &is.processing, 0.5);
    sample.settle_p99 = quantile(&was.processing, &is.processing, 0.99);
    sample.sync_p99 = quantile(&was.syncs, &is.syncs, 0.99);
}
