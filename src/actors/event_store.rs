//! The writer: the only actor that touches the journal.
//!
//! Owns the Journal and the write model. Receives [`Accept`], [`Publish`], [`Record`],
//! [`Archived`], [`ClockSet`] and [`Close`]; sends [`Committed`] to everyone, [`Release`] to the
//! Router, [`Fatal`] to the Warden, and answers clients. With a fact it writes the event by which
//! the hub itself tells of it. Runs alone on its thread, which it may block. Never hands out,
//! retries or decides about messages: it only writes what follows from what is written.
//!
//! Group commit: the first arrival arms one flush; everything that arrives while a sync is under
//! way rides in the next.

mod batch;
mod chosen;
mod pending;
mod publishing;
mod shortages;

use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient};
use rand::rngs::StdRng;
use std::sync::Arc;
use tokio::time::Instant;

use batch::choose;
use chosen::Chosen;
use pending::Pending;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::event_store::{Archived, Record};
use super::messages::router::{Accept, Publish, Release};
use super::messages::warden::Fatal;
use super::messages::{ClockSet, Close, Committed};
use super::off_thread;
use crate::clock::Clock;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::Position;
use crate::domain::lack::Lack;
use crate::domain::moment::NOTEWORTHY_STEP_MS;
use crate::domain::refusal::Refusal;
use crate::domain::shortage::Shortage;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::units::Units;
use crate::logic::write_model::WriteModel;
use crate::metrics::Metrics;
use crate::ports::journal::{CompactionReport, Journal, JournalError};

/// One sync carries at most about so many bytes of payload.
const BATCH_BYTES: usize = 2 << 20;
/// A hub that has written so many records since its start is at work.
const BUSY_RECORDS: u64 = 10_000;
/// How often the free space is looked at while there is work, and a full disk is tried again.
const DISK_CHECK: Duration = Duration::from_millis(250);

pub struct EventStore {
    clock: Clock,
    /// For the ids of the hub's own events.
    random: StdRng,
    metrics: Arc<Metrics>,
    journal: Box<dyn Journal>,
    write_model: WriteModel,
    hops: Hops,
    disk_reserve: u64,
    disk_checked: Option<Instant>,
    /// Less than the reserve is free.
    disk_low: Option<Arc<Shortage>>,
    /// What the last write failed for, and when it may be tried again.
    lack: Option<(Lack, Instant)>,
    pending: Vec<Pending>,
    pending_bytes: usize,
    armed: bool,
    /// An error ended writing for good.
    failed: bool,
    compacting: bool,
    /// The last compaction.
    compaction_failed: bool,
    archived: Position,
    records: u64,
    /// By how much the hub's clock is ahead of the system's, as far as the journal knows.
    hub_ahead: i64,
    _watch: DeathWatch,
}

/// Where the writer's messages go.
pub struct Hops {
    /// In this order: who answers reads from what it learnt stands after whom it sends readers to.
    pub committed: Vec<Recipient<Committed>>,
    pub router: Recipient<Release>,
    pub warden: Recipient<Fatal>,
    /// Called once there is work.
    pub busy: Option<Box<dyn FnOnce() + Send>>,
}

impl EventStore {
    pub fn new(
        (clock, random): (Clock, StdRng),
        metrics: Arc<Metrics>,
        journal: Box<dyn Journal>,
        write_model: WriteModel,
        disk_reserve: u64,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            clock,
            random,
            metrics,
            journal,
            write_model,
            hops,
            disk_reserve,
            disk_checked: None,
            disk_low: None,
            lack: None,
            pending: Vec::new(),
            pending_bytes: 0,
            armed: false,
            failed: false,
            compacting: false,
            compaction_failed: false,
            archived: 0,
            records: 0,
            hub_ahead: 0,
            _watch: watch,
        }
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        if !self.armed {
            self.armed = true;
            ctx.notify(Flush);
        }
    }

    fn take_in(&mut self, pending: Pending, ctx: &mut Context<Self>) {
        self.pending_bytes += pending.bytes();
        self.pending.push(pending);
        if self.pending_bytes >= BATCH_BYTES {
            self.flush(ctx);
        } else {
            self.arm(ctx);
        }
    }

    /// Writes what has arrived and answers it.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        self.armed = false;
        if self.failed {
            return self.pending.clear();
        }
        self.look_at_disk();
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let refusal = self.refusal();
        let wall = self.look_at_clock();
        let chosen = choose(
            &mut self.write_model,
            wall,
            &mut self.random,
            refusal.as_ref(),
            pending,
        );
        match self.write(&chosen.facts, &chosen.units) {
            Ok(first) => self.announce(chosen, first),
            Err(JournalError::Full { path, lack }) => {
                self.note_lack(lack, &path);
                self.hold_back(chosen, &self.refusal_for(lack), ctx);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn write(&mut self, facts: &[Fact], units: &Units) -> Result<Position, JournalError> {
        if facts.is_empty() {
            return Ok(0);
        }
        let first = self.journal.append_units(facts, units)?;
        let started = Instant::now();
        self.journal.sync()?;
        let took = started.elapsed();
        self.metrics.journal.sync.observe(took.as_secs_f64());
        let status = &self.metrics.status.journal;
        status.note_sync(self.clock.wall(), took);
        self.metrics.journal.syncs.inc();
        self.note_room();
        self.metrics.journal.records.inc_by(facts.len() as u64);
        self.records += facts.len() as u64;
        if self.records >= BUSY_RECORDS
            && let Some(busy) = self.hops.busy.take()
        {
            busy();
        }
        Ok(first)
    }

    /// Notes how the system's clock was set since it was last looked at, before anything is written
    /// that goes by it; gives what it shows.
    fn look_at_clock(&mut self) -> Timestamp {
        let now = self.clock.moment();
        let set_by = self.hub_ahead - now.hub_ahead();
        if set_by.abs() >= NOTEWORTHY_STEP_MS && !self.failed {
            self.hub_ahead = now.hub_ahead();
            let from = Timestamp::from_millis(now.wall.as_millis().saturating_sub(set_by));
            if let Err(error) = self.journal.note_clock_step(from, now.wall) {
                tracing::warn!(%error, "that the system's clock was set is not written down yet");
            }
        }
        now.wall
    }

    /// Tells everyone, then the clients: who was answered finds what was acknowledged.
    fn announce(&mut self, chosen: Chosen, first: Position) {
        for fact in &chosen.facts {
            self.write_model.apply(fact);
            self.metrics.count(fact);
        }
        if !chosen.facts.is_empty() {
            self.show_window();
            let records = (first..).zip(chosen.facts);
            let records = records
                .map(|(position, fact)| Recorded { position, fact })
                .collect();
            let committed = Committed {
                records,
                at: self.clock.moment(),
                replay: false,
                set_since: 0,
            };
            for recipient in &self.hops.committed {
                recipient.do_send(committed.clone());
            }
        }
        if !chosen.unused.is_empty() || !chosen.unused_events.is_empty() {
            self.hops.router.do_send(Release {
                messages: chosen.unused,
                publishers: chosen.unused_events,
            });
        }
        for answer in chosen.answers {
            answer.send();
        }
    }

    fn show_window(&self) {
        self.metrics
            .status
            .forgot_messages
            .set(self.write_model.window_overflowed());
        self.metrics
            .status
            .forgot_events
            .set(self.write_model.event_window_overflowed());
    }

    /// Nothing can be written: new messages and events are refused, what settles old ones waits.
    fn hold_back(&mut self, mut chosen: Chosen, refusal: &Refusal, ctx: &mut Context<Self>) {
        let held = chosen.hold_back(refusal);
        self.announce(chosen, 0);
        self.pending.splice(0..0, held);
        self.armed = true;
        ctx.notify_later(Flush, DISK_CHECK);
    }

    fn fail(&mut self, error: &JournalError) {
        self.failed = true;
        let cause = error.to_string();
        self.hops.warden.do_send(Fatal {
            actor: "event_store",
            cause,
        });
    }

    /// Starts a compaction on another thread if one is worth it.
    fn compact(&mut self, ctx: &mut Context<Self>) {
        if self.compacting || self.failed {
            return;
        }
        let Some(compaction) = self.journal.plan_compaction(self.archived) else {
            return;
        };
        self.compacting = true;
        let me = ctx.address();
        actix::spawn(async move {
            let done = off_thread::run(move || compaction.run()).await;
            let result = done.unwrap_or_else(|cause| {
                Err(JournalError::Io {
                    path: "compaction".into(),
                    cause,
                })
            });
            me.do_send(Compacted(result));
        });
    }
}

fn clamp(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

#[derive(Message)]
#[rtype(result = "()")]
struct Compacted(Result<CompactionReport, JournalError>);

impl Actor for EventStore {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
        self.show_window();
        self.look_at_disk();
    }
}

impl Invariants for EventStore {
    fn check(&self) -> usize {
        let bytes: usize = self.pending.iter().map(Pending::bytes).sum();
        assert_eq!(
            self.pending_bytes, bytes,
            "bytes that wait for the next sync"
        );
        let is_seen_to = self.armed || self.failed || self.pending.is_empty();
        assert!(is_seen_to, "what waits is written");
        self.write_model.check() + self.pending.len()
    }
}

impl Handler<Accept> for EventStore {
    type Result = ();

    fn handle(&mut self, accept: Accept, ctx: &mut Context<Self>) {
        self.take_in(Pending::Accept(accept), ctx);
    }
}

impl Handler<Publish> for EventStore {
    type Result = ();

    fn handle(&mut self, publish: Publish, ctx: &mut Context<Self>) {
        self.take_in(Pending::Publish(publish), ctx);
    }
}

impl Handler<Record> for EventStore {
    type Result = ();

    fn handle(&mut self, record: Record, ctx: &mut Context<Self>) {
        self.pending.push(Pending::Record(record));
        self.arm(ctx);
    }
}

impl Handler<Flush> for EventStore {
    type Result = ();

    fn handle(&mut self, _: Flush, ctx: &mut Context<Self>) {
        if self.pending.is_empty() {
            self.armed = false;
        } else {
            self.flush(ctx);
        }
    }
}

impl Handler<Archived> for EventStore {
    type Result = ();

    fn handle(&mut self, archived: Archived, ctx: &mut Context<Self>) {
        self.archived = archived.through;
        self.compact(ctx);
    }
}

impl Handler<ClockSet> for EventStore {
    type Result = ();

    fn handle(&mut self, _: ClockSet, _: &mut Context<Self>) {
        self.look_at_clock();
    }
}

impl Handler<Compacted> for EventStore {
    type Result = ();

    fn handle(&mut self, Compacted(result): Compacted, _: &mut Context<Self>) {
        self.compacting = false;
        match result {
            Ok(report) => {
                tracing::info!(?report, "journal compacted");
                self.compaction_failed = false;
            }
            // Tried again with every batch for the archive, but said once.
            Err(error) if self.compaction_failed => {
                tracing::debug!(%error, "journal not compacted again");
            }
            Err(error) => {
                tracing::warn!(%error, "journal not compacted; tried again until it is");
                self.compaction_failed = true;
            }
        }
        self.metrics
            .journal
            .bytes
            .set(clamp(self.journal.size_bytes()));
    }
}

impl Handler<Close> for EventStore {
    type Result = ();

    fn handle(&mut self, close: Close, ctx: &mut Context<Self>) {
        if !self.pending.is_empty() {
            self.flush(ctx);
        }
        self.look_at_clock();
        if !self.failed {
            match self.journal.close() {
                Ok(()) => self.failed = true,
                Err(error) => self.fail(&error),
            }
        }
        let _ = close.reply.send(());
        ctx.stop();
    }
}

#[cfg(test)]
mod tests;
