//! Brings what the journal says into the archive, in batches.
//!
//! Owns the projection of what is not written yet. Receives [`Committed`] and writes every flush
//! interval, every `BATCH` of changes, or when a reader asks by [`Flush`]; tells the EventStore how
//! far the archive is ([`Archived`]). When the archive fails or cannot keep up it drops what it
//! holds and reads it from the journal again later, so that its memory is bounded and nothing is
//! missed. The hub works on meanwhile.

mod desk;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle};

use super::death_watch::DeathWatch;
use super::messages::{Archived, Close, Committed, Flush, Open, Record, RedeliverEvent, Reply};
use crate::clock::Clock;
use crate::domain::fact::Recorded;
use crate::domain::ids::Position;
use crate::logic::projection::{Batch, Projection};
use crate::metrics::Metrics;
use crate::ports::archive::{Archive, ArchiveError};
use crate::ports::journal::{JournalError, JournalReader, Portion, Readers};
use desk::Desk;

/// So many changes, or so many bytes of them, are written without waiting for the interval; and no
/// more is read from the journal at once.
const BATCH: Portion = Portion {
    records: 20_000,
    bytes: 16 << 20,
};
/// With so much waiting, the journal remembers it instead.
const MOST_PENDING: Portion = Portion {
    records: 100_000,
    bytes: 64 << 20,
};
/// How soon a failed archive is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub struct Archivist {
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<dyn Archive>,
    open_reader: Readers,
    hops: Hops,
    flush_interval: Duration,
    phase: Phase,
    /// The newest position heard of.
    committed: Position,
    /// Everything up to here is in the archive.
    archived: Position,
    /// Up to here the archive may have been written by this hub, now or in an earlier life.
    tried: Position,
    writing: bool,
    waiters: Vec<(Position, Reply<Result<(), ArchiveError>>)>,
    timer: Option<SpawnHandle>,
    desk: Desk,
    closing: Option<Reply<()>>,
    open: bool,
    _watch: DeathWatch,
}

/// Where the Archivist's messages go: to the EventStore, and letters of subscriptions to the
/// EventBus.
pub struct Hops {
    pub archived: Recipient<Archived>,
    pub record: Recipient<Record>,
    pub redeliver: Recipient<RedeliverEvent>,
}

enum Phase {
    /// What is not written yet is held here.
    Following(Projection),
    /// What is not written yet is read from the journal.
    CatchingUp(Option<Box<dyn JournalReader>>),
    /// The archive failed; it is tried again by the timer.
    Down(ArchiveError),
}

#[derive(Message)]
#[rtype(result = "()")]
struct Written {
    result: Result<Position, ArchiveError>,
}

/// The next piece of the journal, read on another thread.
#[derive(Message)]
#[rtype(result = "()")]
struct ReadAgain {
    reader: Box<dyn JournalReader>,
    records: Result<Vec<Recorded>, JournalError>,
}

impl Archivist {
    /// `archived` is the archive's checkpoint, or why it cannot be told: then the archive is tried
    /// again once the hub is open.
    pub fn new(
        (clock, metrics): (Clock, Arc<Metrics>),
        archive: Arc<dyn Archive>,
        open_reader: Readers,
        archived: Result<Position, ArchiveError>,
        flush_interval: Duration,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        metrics.archive_up.set(i64::from(archived.is_ok()));
        let (archived, phase) = match archived {
            Ok(position) => (position, Phase::Following(Projection::new(position))),
            Err(error) => {
                tell_down(&error);
                (0, Phase::Down(error))
            }
        };
        Self {
            clock,
            metrics,
            archive,
            open_reader,
            hops,
            flush_interval,
            phase,
            committed: archived,
            archived,
            tried: archived,
            writing: false,
            waiters: Vec::new(),
            timer: None,
            desk: Desk::default(),
            closing: None,
            open: false,
            _watch: watch,
        }
    }

    /// Does the next thing there is to do, if any; one transaction at a time.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if self.writing {
            return;
        }
        match &mut self.phase {
            Phase::Following(projection) => {
                if let Some(batch) = projection.take() {
                    self.write(batch, ctx);
                }
            }
            Phase::CatchingUp(reader) => {
                let reader = reader
                    .take()
                    .unwrap_or_else(|| (self.open_reader)(self.archived + 1));
                self.read_on(reader, ctx);
            }
            Phase::Down(_) => {}
        }
    }

    fn write(&mut self, batch: Batch, ctx: &Context<Self>) {
        self.writing = true;
        let (archive, home, metrics) = (self.archive.clone(), ctx.address(), self.metrics.clone());
        let through = batch.through;
        self.tried = self.tried.max(through);
        actix::spawn(async move {
            let timer = metrics.archive_flush.start_timer();
            let result = archive.apply(Arc::new(batch)).await.map(|()| through);
            timer.observe_duration();
            home.do_send(Written { result });
        });
    }

    fn read_on(&mut self, mut reader: Box<dyn JournalReader>, ctx: &Context<Self>) {
        self.writing = true;
        let home = ctx.address();
        actix::spawn(async move {
            let read = tokio::task::spawn_blocking(move || {
                let records = reader.next(BATCH);
                (reader, records)
            });
            if let Ok((reader, records)) = read.await {
                home.do_send(ReadAgain { reader, records });
            }
        });
    }

    fn written(&mut self, result: Result<Position, ArchiveError>, ctx: &mut Context<Self>) {
        self.writing = false;
        match result {
            Ok(through) => {
                self.archived = through;
                self.hops.archived.do_send(Archived { through });
                self.answer_waiters();
                self.show_lag();
            }
            Err(error) => return self.failed(error, ctx),
        }
        if self.waiters.is_empty()
            && matches!(self.phase, Phase::Following(_))
            && self.closing.is_none()
        {
            self.arm(ctx);
        } else {
            self.proceed(ctx);
        }
        self.finish_close(ctx);
    }

    fn failed(&mut self, error: ArchiveError, ctx: &mut Context<Self>) {
        self.go_down(error);
        self.finish_close(ctx);
        ctx.run_later(RETRY, Self::try_again);
    }

    fn go_down(&mut self, error: ArchiveError) {
        let is_news = match &self.phase {
            Phase::Down(before) => *before != error,
            _ => true,
        };
        if is_news {
            tell_down(&error);
        }
        self.metrics.archive_up.set(0);
        for (_, reply) in self.waiters.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
        self.phase = Phase::Down(error);
    }

    fn try_again(&mut self, ctx: &mut Context<Self>) {
        let (archive, home) = (self.archive.clone(), ctx.address());
        actix::spawn(async move {
            let result = archive.checkpoint().await;
            home.do_send(Reached { result });
        });
    }

    /// The journal was read to its end: from here on facts are taken as they come.
    fn follow_again(&mut self) {
        tracing::info!(
            position = self.archived,
            "archive has caught up with the journal"
        );
        self.phase = Phase::Following(Projection::new(self.archived));
    }

    /// Writes when the interval is over.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let Phase::Following(projection) = &self.phase else {
            return;
        };
        if self.timer.is_none() && self.open && projection.through() > self.archived {
            let timer = ctx.run_later(self.flush_interval, |archivist, ctx| {
                archivist.timer = None;
                archivist.proceed(ctx);
            });
            self.timer = Some(timer);
        }
    }

    fn answer_waiters(&mut self) {
        let archived = self.archived;
        let (done, waiting) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|(position, _)| *position <= archived);
        self.waiters = waiting;
        let done: Vec<(Position, Reply<Result<(), ArchiveError>>)> = done;
        for (_, reply) in done {
            let _ = reply.send(Ok(()));
        }
    }

    /// Answers once everything heard of so far is in the archive.
    fn flush(&mut self, reply: Reply<Result<(), ArchiveError>>, ctx: &mut Context<Self>) {
        if let Phase::Down(error) = &self.phase {
            let _ = reply.send(Err(error.clone()));
            return;
        }
        self.waiters.push((self.committed, reply));
        self.answer_waiters();
        if !self.waiters.is_empty() {
            self.proceed(ctx);
        }
    }

    fn finish_close(&mut self, ctx: &mut Context<Self>) {
        let done = self.archived >= self.committed || matches!(self.phase, Phase::Down(_));
        if done && let Some(reply) = self.closing.take() {
            let _ = reply.send(());
            ctx.stop();
        }
    }

    fn show_lag(&self) {
        let lag = self.committed.saturating_sub(self.archived);
        self.metrics
            .archive_lag
            .set(i64::try_from(lag).unwrap_or(i64::MAX));
    }
}

/// The archive answered again, or did not.
#[derive(Message)]
#[rtype(result = "()")]
struct Reached {
    result: Result<Position, ArchiveError>,
}

impl Actor for Archivist {
    type Context = Context<Self>;
}

impl Handler<Committed> for Archivist {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let Some(last) = committed.records.last() else {
            return;
        };
        self.committed = self.committed.max(last.position);
        self.show_lag();
        let Phase::Following(projection) = &mut self.phase else {
            return;
        };
        for record in committed.records.iter() {
            projection.apply(record);
        }
        let (pending, bytes) = (projection.len(), projection.bytes());
        if !MOST_PENDING.has_room(pending, bytes) {
            tracing::info!(pending, "archive is behind; it catches up from the journal");
            self.phase = Phase::CatchingUp(None);
        }
        if !BATCH.has_room(pending, bytes) && self.open {
            self.proceed(ctx);
        } else {
            self.arm(ctx);
        }
    }
}

impl Handler<Open> for Archivist {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.open = true;
        self.tried = self.tried.max(self.committed);
        self.hops.archived.do_send(Archived {
            through: self.archived,
        });
        if matches!(self.phase, Phase::Down(_)) {
            self.try_again(ctx);
        } else {
            self.proceed(ctx);
        }
    }
}

impl Handler<Written> for Archivist {
    type Result = ();

    fn handle(&mut self, written: Written, ctx: &mut Context<Self>) {
        self.written(written.result, ctx);
    }
}

impl Handler<ReadAgain> for Archivist {
    type Result = ();

    fn handle(&mut self, read: ReadAgain, ctx: &mut Context<Self>) {
        self.writing = false;
        if !matches!(self.phase, Phase::CatchingUp(_)) {
            return;
        }
        let records = match read.records {
            Ok(records) => records,
            Err(error) => return self.failed(ArchiveError::Unavailable(error.to_string()), ctx),
        };
        let mut projection = Projection::new(self.archived);
        for record in &records {
            projection.apply(record);
        }
        self.phase = Phase::CatchingUp(Some(read.reader));
        if let Some(batch) = projection.take() {
            self.write(batch, ctx);
        } else if self.archived >= self.committed {
            self.follow_again();
            self.proceed(ctx);
        } else {
            // Written by others but not readable yet.
            ctx.run_later(Duration::from_millis(10), Self::proceed);
        }
    }
}

impl Handler<Reached> for Archivist {
    type Result = ();

    fn handle(&mut self, reached: Reached, ctx: &mut Context<Self>) {
        match reached.result {
            // Another hub wrote it; this one's history must not continue that. Nobody tries
            // again: the journal might outgrow it.
            Ok(checkpoint) if checkpoint > self.tried => {
                let ahead = is_ahead(checkpoint, self.tried);
                self.go_down(ArchiveError::Unavailable(ahead));
                self.finish_close(ctx);
            }
            Ok(checkpoint) => {
                tracing::info!(checkpoint, "archive is back");
                self.metrics.archive_up.set(1);
                self.archived = checkpoint;
                self.phase = Phase::CatchingUp(None);
                self.proceed(ctx);
            }
            Err(error) => self.failed(error, ctx),
        }
    }
}

impl Handler<Flush> for Archivist {
    type Result = ();

    fn handle(&mut self, flush: Flush, ctx: &mut Context<Self>) {
        self.flush(flush.reply, ctx);
    }
}

impl Handler<Close> for Archivist {
    type Result = ();

    fn handle(&mut self, close: Close, ctx: &mut Context<Self>) {
        self.closing = Some(close.reply);
        self.proceed(ctx);
        self.finish_close(ctx);
    }
}

fn tell_down(error: &ArchiveError) {
    tracing::error!(%error, "archive down: history answers 503, everything else goes on");
}

/// What to do about an archive that knows more than the journal: it would silently miss what comes
/// next.
pub fn is_ahead(archived: Position, journal: Position) -> String {
    format!(
        "the archive is ahead of the journal (position {archived} against {journal}), so they do \
         not belong together; restore the journal, or move the archive away: then only history is \
         missing"
    )
}

#[cfg(test)]
mod tests;
