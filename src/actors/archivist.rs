//! Brings what the journal says into the archive, in batches.
//!
//! Owns the projection of what is not written yet, and what is known of where the events begin
//! that can be read. Receives [`Committed`] and writes every flush interval, every `BATCH` of
//! changes, or when a reader asks by [`Flush`]; tells the EventStore how far the archive is
//! ([`Archived`]), and those who answer about events how far back these go ([`HistoryBegins`]).
//! When the archive fails or cannot keep up it drops what it holds and reads it from the journal
//! again later, so that its memory is bounded and nothing is missed. The hub works on meanwhile.
//! Looks every second whether the archive answers. Never writes to one that is another hub's.

mod catching_up;
mod found;
mod looking;
mod opening;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient, SpawnHandle};
use tokio::time::Instant;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::archivist::Flush;
use super::messages::event_store::Archived;
use super::messages::reply::Reply;
use super::messages::{Close, Committed, HistoryBegins, Open};
use crate::domain::event::Sequence;
use crate::domain::ids::Position;
use crate::logic::projection::{Batch, Projection};
use crate::logic::retained_events::RetainedEvents;
use crate::logic::writer::{Author, Writer};
use crate::metrics::Metrics;
use crate::ports::archive::{Archive, ArchiveError};
use crate::ports::journal::{JournalReader, Portion, Readers};
use found::{Silence, tell_down};

pub use found::{FoundArchive, events_in};

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
    metrics: Arc<Metrics>,
    archive: Arc<dyn Archive>,
    author: Author,
    /// As whom the archive takes batches; `None` until it was claimed.
    writer: Option<Writer>,
    open_reader: Readers,
    hops: Hops,
    flush_interval: Duration,
    phase: Phase,
    retained_events: RetainedEvents,
    /// The oldest event that can be read, as was told last.
    told_oldest: Sequence,
    /// The newest position heard of.
    committed: Position,
    /// Everything up to here is in the archive.
    archived: Position,
    /// Up to here the archive may have been written by this hub, now or in an earlier epoch.
    tried: Position,
    /// How far the archive is was found out.
    is_known: bool,
    /// Something is asked of the archive or of the journal.
    writing: bool,
    /// It is away, though it can be reached or is being written to.
    silent: Option<Silence>,
    counting: bool,
    count_at: Option<Instant>,
    waiters: Vec<(Position, Reply<Result<(), ArchiveError>>)>,
    timer: Option<SpawnHandle>,
    closing: Option<Reply<()>>,
    open: bool,
    _watch: DeathWatch,
}

/// Where the Archivist's messages go: to the EventStore, and where history begins to those who
/// are asked for it.
pub struct Hops {
    pub archived: Recipient<Archived>,
    pub history_begins: Vec<Recipient<HistoryBegins>>,
}

enum Phase {
    /// What is not written yet is held here.
    Following(Box<Projection>),
    /// What is not written yet is read from the journal.
    CatchingUp(Option<Box<dyn JournalReader>>),
    /// The archive failed; it is tried again by the timer.
    Down(ArchiveError),
}

impl Phase {
    /// From here on facts are taken as they come.
    fn following(archived: Position) -> Self {
        Self::Following(Box::new(Projection::new(archived)))
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Written {
    result: Result<Position, ArchiveError>,
}

impl Archivist {
    /// `found` is what the archive holds, or why it cannot be told: then the archive is tried again
    /// once the hub is open. Whose it is was looked at; it is claimed then.
    pub fn new(
        metrics: Arc<Metrics>,
        (archive, author): (Arc<dyn Archive>, Author),
        open_reader: Readers,
        found: Result<FoundArchive, ArchiveError>,
        flush_interval: Duration,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        metrics.status.archive_answers.set(found.is_ok());
        let mut retained_events = RetainedEvents::default();
        let is_known = found.is_ok();
        let (archived, phase) = match found {
            Ok(found) => {
                retained_events.opened(found.events);
                (found.checkpoint, Phase::following(found.checkpoint))
            }
            Err(error) => {
                tell_down(&error);
                (0, Phase::Down(error))
            }
        };
        Self {
            metrics,
            archive,
            author,
            writer: None,
            open_reader,
            hops,
            flush_interval,
            phase,
            retained_events,
            told_oldest: 1,
            committed: archived,
            archived,
            tried: archived,
            is_known,
            writing: false,
            silent: None,
            counting: false,
            count_at: None,
            waiters: Vec::new(),
            timer: None,
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

    fn write(&mut self, mut batch: Batch, ctx: &Context<Self>) {
        self.writing = true;
        batch.writer = self.writer;
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

    fn written(&mut self, result: Result<Position, ArchiveError>, ctx: &mut Context<Self>) {
        self.writing = false;
        match result {
            Ok(through) => {
                self.speaks_again();
                self.archived = through;
                self.hops.archived.do_send(Archived { through });
                self.answer_waiters();
                self.show_lag();
            }
            Err(error) => return self.failed(error, ctx),
        }
        self.go_on(ctx);
    }

    /// Writes on at once if somebody waits for it, else when the interval is over.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
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
        if let Some(silence) = &self.silent {
            let _ = reply.send(Err(silence.cause.clone()));
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
        let lag = i64::try_from(lag).unwrap_or(i64::MAX);
        let lag = Some(lag).filter(|_| self.is_known);
        self.metrics.archive_lag.set(lag);
    }
}

impl Actor for Archivist {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Archivist {
    fn check(&self) -> usize {
        if self.open {
            self.retained_events.check();
            let (archived, committed) = (self.archived, self.committed);
            assert!(
                archived <= committed,
                "{archived} is archived before {committed} was"
            );
        }
        let mut waiters = self.waiters.iter();
        let waits = waiters.all(|(position, _)| *position > self.archived);
        assert!(waits, "who waits for what is archived is answered");
        match &self.phase {
            Phase::Following(projection) => projection.check(),
            Phase::CatchingUp(_) | Phase::Down(_) => 0,
        }
    }
}

impl Handler<Committed> for Archivist {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let Some(last) = committed.records.last() else {
            return;
        };
        self.committed = self.committed.max(last.position);
        self.show_lag();
        for record in committed.records.iter() {
            self.retained_events.learn(&record.fact);
        }
        let Phase::Following(projection) = &mut self.phase else {
            return;
        };
        for record in committed.records.iter() {
            projection.apply(record);
            if record.position > self.archived {
                self.retained_events.expect(&record.fact);
            }
        }
        let (pending, bytes) = (projection.len(), projection.bytes());
        if !MOST_PENDING.has_room(pending, bytes) {
            tracing::info!(pending, "archive is behind; it catches up from the journal");
            self.phase = Phase::CatchingUp(None);
        }
        if self.open {
            self.tell_oldest_retained();
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
        self.tell_oldest_retained();
        self.open_archive(ctx);
        self.look_again(ctx);
    }
}

impl Handler<Written> for Archivist {
    type Result = ();

    fn handle(&mut self, written: Written, ctx: &mut Context<Self>) {
        self.written(written.result, ctx);
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

#[cfg(test)]
mod tests;
