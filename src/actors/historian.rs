//! Keeps the history of events useful and bounded: snapshots of streams, states, retention.
//!
//! Owns the versions of streams, which snapshots are due, who still has to read which events, the
//! line of clients who wait for a state, and one armed sleep. Receives what clients ask about
//! streams, [`Committed`], [`HistoryBegins`], and [`Drain`]; reads events and snapshots from the
//! archive and sends [`Record`] to the EventStore. Works through what is due by itself one thing at
//! a time. Never deletes anything: the archive does, once the journal says that something is gone.

mod asked;
mod line;
mod removal;
mod states;
mod sweeping;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient};

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::archivist::{ArchiveRefusal, Flush};
use super::messages::event_store::Record;
use super::messages::{Committed, Drain, HistoryBegins, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::event::{Sequence, Snapshot};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::subscription::EventsRemoved;
use crate::domain::timestamp::Timestamp;
use crate::logic::retention::messages::{MessageRetention, MessageRetentionPolicy};
use crate::logic::retention::{Retention, RetentionPolicy};
use crate::logic::snapshots::Snapshots;
use crate::metrics::Metrics;
use crate::ports::archive::{ArchiveError, ArchiveReader};
use line::Line;
use removal::Removal;
use states::States;

/// How soon work that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

pub struct Historian {
    clock: Clock,
    metrics: Arc<Metrics>,
    states: States,
    line: Line,
    record: Recipient<Record>,
    snapshots: Snapshots,
    retention: Retention,
    /// Events before this one are not in the archive at present, nor on their way there.
    history_begins: Sequence,
    compaction_interval: Duration,
    compact_at: Timestamp,
    /// Old events may be left that can go now.
    compacting: bool,
    messages: MessageRetention,
    /// Old messages may be left that can go now.
    sweeping: bool,
    /// Old dead letters may be left that can go now.
    clearing: bool,
    /// Something is under way.
    busy: bool,
    retry_at: Option<Timestamp>,
    timer: Timer,
    _watch: DeathWatch,
}

/// How often what is done by itself is done.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Events of a stream from one snapshot to the next; 0: none is taken.
    pub snapshot_interval: u64,
    pub retention: RetentionPolicy,
    pub messages: MessageRetentionPolicy,
    pub compaction_interval: Duration,
}

/// Where the Historian's messages go.
pub struct Hops {
    pub record: Recipient<Record>,
    pub flush: Recipient<Flush>,
}

/// A snapshot that was due was built; `None`: there is one already.
#[derive(Message)]
#[rtype(result = "()")]
struct DueBuilt {
    stream: StreamId,
    version: u64,
    state: Result<Option<JsonText>, ArchiveRefusal>,
}

/// Which events are not old any more.
#[derive(Message)]
#[rtype(result = "()")]
struct YoungFound(Result<Sequence, ArchiveError>);

/// Events before `end` may go, together with these facts.
#[derive(Message)]
#[rtype(result = "()")]
struct Covered {
    end: Sequence,
    facts: Result<Vec<Fact>, ArchiveError>,
}

/// The journal has what was under way.
#[derive(Message)]
#[rtype(result = "()")]
struct Recorded;

impl Historian {
    pub fn new(
        (clock, metrics): (Clock, Arc<Metrics>),
        archive: Arc<dyn ArchiveReader>,
        settings: Settings,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        let flush = hops.flush;
        Self {
            clock,
            metrics,
            states: States { archive, flush },
            line: Line::default(),
            record: hops.record,
            snapshots: Snapshots::new(settings.snapshot_interval),
            retention: Retention::new(settings.retention),
            history_begins: 1,
            compaction_interval: settings.compaction_interval,
            compact_at: Timestamp::MAX,
            compacting: false,
            messages: MessageRetention::new(settings.messages),
            sweeping: false,
            clearing: false,
            // Until the replay is over.
            busy: true,
            retry_at: None,
            timer: Timer::default(),
            _watch: watch,
        }
    }

    /// Begins the next thing that is due, if nothing is under way, or sleeps until something is.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        if now >= self.compact_at {
            self.compacting = true;
            self.begin_sweep(self.clock.wall());
            self.compact_at = now.plus(self.compaction_interval);
        }
        self.retry_at = self.retry_at.filter(|at| *at > now);
        if !self.busy && self.retry_at.is_none() {
            self.begin(ctx);
        }
        self.arm(now, ctx);
    }

    fn begin(&mut self, ctx: &Context<Self>) {
        let cutoff = self
            .retention
            .cutoff(self.clock.wall())
            .filter(|_| self.compacting);
        if let Some(cutoff) = cutoff {
            self.look_for_young(cutoff, ctx);
        } else if let Some((stream, version)) = self.snapshots.next_due() {
            self.build_due(stream, version, ctx);
        } else if self.sweeping {
            self.sweep(ctx);
        } else if self.clearing {
            self.clear(self.clock.wall(), ctx);
        }
    }

    fn arm(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let next = match self.retry_at {
            Some(retry_at) => retry_at.min(self.compact_at),
            None => self.compact_at,
        };
        let next = (next < Timestamp::MAX).then_some(next);
        self.timer.set(next, now, ctx, |historian, ctx| {
            historian.timer.fired();
            historian.proceed(ctx);
        });
    }

    /// The oldest event there is, or the next one to come.
    fn oldest(&self) -> Sequence {
        self.retention.oldest().max(self.history_begins)
    }

    fn build_due(&mut self, stream: StreamId, version: u64, ctx: &Context<Self>) {
        self.busy = true;
        let (states, home, oldest) = (self.states.clone(), ctx.address(), self.oldest());
        actix::spawn(async move {
            let state = build_unless_there(&states, &stream, version, oldest).await;
            home.do_send(DueBuilt {
                stream,
                version,
                state,
            });
        });
    }

    fn removal(&self) -> Removal {
        Removal {
            clock: self.clock,
            states: self.states.clone(),
            record: self.record.clone(),
            oldest: self.retention.oldest(),
            newest: self.retention.newest(),
        }
    }

    fn look_for_young(&mut self, cutoff: Timestamp, ctx: &Context<Self>) {
        self.busy = true;
        let (removal, home) = (self.removal(), ctx.address());
        actix::spawn(async move {
            home.do_send(YoungFound(removal.first_young(cutoff).await));
        });
    }

    fn cover(&self, end: Sequence, ctx: &Context<Self>) {
        let (removal, home) = (self.removal(), ctx.address());
        actix::spawn(async move {
            let facts = removal.snapshots(end).await;
            home.do_send(Covered { end, facts });
        });
    }

    fn remove(&self, end: Sequence, mut facts: Vec<Fact>, ctx: &Context<Self>) {
        let events = end - self.retention.oldest();
        tracing::info!(events, oldest = end, "old events go");
        facts.push(Fact::Event(EventFact::EventsRemoved(EventsRemoved {
            at: self.clock.wall(),
            before: end,
        })));
        self.finish_with(facts, ctx);
    }

    /// What is under way is over once the journal has these facts.
    fn finish_with(&self, facts: Vec<Fact>, ctx: &Context<Self>) {
        let home = ctx.address();
        Record::and_then(&self.record, facts, move || home.do_send(Recorded));
    }

    fn finish(&mut self, ctx: &mut Context<Self>) {
        self.busy = false;
        self.proceed(ctx);
    }

    /// What is under way is tried again later.
    fn put_off(&mut self, error: &ArchiveError, ctx: &mut Context<Self>) {
        tracing::debug!(%error, "snapshots and retention wait for the archive");
        self.retry_at = Some(self.clock.now().plus(RETRY));
        self.finish(ctx);
    }

    fn snapshot(&self, stream_id: StreamId, version: u64, state: JsonText) -> Snapshot {
        Snapshot {
            stream_id,
            version,
            at: self.clock.wall(),
            state,
        }
    }
}

async fn build_unless_there(
    states: &States,
    stream: &StreamId,
    version: u64,
    oldest: Sequence,
) -> Result<Option<JsonText>, ArchiveRefusal> {
    states.flush().await?;
    if states.covered(stream).await? >= version {
        return Ok(None);
    }
    states.at(stream, version, oldest).await.map(Some)
}

impl Actor for Historian {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Historian {
    fn check(&self) -> usize {
        self.retention.check();
        self.snapshots.check()
    }
}

impl Handler<Committed> for Historian {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        for record in committed.records.iter() {
            self.snapshots.learn(&record.fact);
            self.retention.learn(&record.fact);
        }
        if !self.busy && self.snapshots.next_due().is_some() {
            self.proceed(ctx);
        }
    }
}

impl Handler<HistoryBegins> for Historian {
    type Result = ();

    fn handle(&mut self, history: HistoryBegins, _: &mut Context<Self>) {
        self.history_begins = history.oldest;
    }
}

impl Handler<Open> for Historian {
    type Result = ();

    /// The first removal waits for a whole interval: who was away with the hub can come back
    /// before.
    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        if self.retention.cutoff(wall).is_some() || self.removes_messages(wall) {
            self.compact_at = now.plus(self.compaction_interval);
        }
        self.finish(ctx);
    }
}

impl Handler<DueBuilt> for Historian {
    type Result = ();

    fn handle(&mut self, built: DueBuilt, ctx: &mut Context<Self>) {
        let (stream, version) = (built.stream, built.version);
        match built.state {
            Ok(Some(state)) => {
                self.snapshots.done(&stream, version);
                let snapshot = self.snapshot(stream, version, state);
                self.finish_with(
                    vec![Fact::Event(EventFact::SnapshotTaken(Arc::new(snapshot)))],
                    ctx,
                );
            }
            Ok(None) => {
                self.snapshots.done(&stream, version);
                self.finish(ctx);
            }
            Err(ArchiveRefusal::Archive(error)) => self.put_off(&error, ctx),
            Err(ArchiveRefusal::Refused(refusal)) => {
                tracing::warn!(%stream, version, %refusal, "no automatic snapshot");
                self.snapshots.done(&stream, version);
                self.finish(ctx);
            }
        }
    }
}

impl Handler<YoungFound> for Historian {
    type Result = ();

    fn handle(&mut self, YoungFound(found): YoungFound, ctx: &mut Context<Self>) {
        let first_young = match found {
            Ok(first_young) => first_young,
            Err(error) => return self.put_off(&error, ctx),
        };
        match self.retention.step(first_young, self.clock.wall()) {
            Some(end) => self.cover(end, ctx),
            None => {
                self.compacting = false;
                self.finish(ctx);
            }
        }
    }
}

impl Handler<Covered> for Historian {
    type Result = ();

    fn handle(&mut self, covered: Covered, ctx: &mut Context<Self>) {
        let facts = match covered.facts {
            Ok(facts) => facts,
            Err(error) => return self.put_off(&error, ctx),
        };
        // Somebody may have subscribed to the past meanwhile.
        match self.retention.step(covered.end, self.clock.wall()) {
            Some(end) if end == covered.end => self.remove(end, facts, ctx),
            _ => self.finish_with(facts, ctx),
        }
    }
}

impl Handler<Recorded> for Historian {
    type Result = ();

    fn handle(&mut self, _: Recorded, ctx: &mut Context<Self>) {
        self.finish(ctx);
    }
}

impl Handler<Drain> for Historian {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        let _ = drain.reply.send(());
        ctx.stop();
    }
}

#[cfg(test)]
mod tests;
