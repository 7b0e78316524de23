//! Sends dead letters again, or has them deleted, many by one job and not too fast.
//!
//! Owns the redrive jobs and one armed sleep. Receives what clients ask about jobs, [`Committed`],
//! and [`Drain`]; reads from the archive which dead letters a job means, messages and events alike,
//! sends
//! [`Reprocess`] to the Archivist and [`Record`] to the EventStore. Never delivers anything and
//! never changes a dead letter: a dead letter it asks for is given out by the Archivist as if a
//! client had asked.

use std::sync::Arc;

use actix::{
    Actor, ActorContext, AsyncContext, Context, Handler, Message, MessageResult, Recipient,
};
use tokio::sync::oneshot;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::archivist::{ArchiveRefusal, DeleteDeadLetter, Flush, ForJob, Reprocess};
use super::messages::event_store::Record;
use super::messages::redriver::{InspectRedrives, StartRedrive, SwitchRedrive};
use super::messages::reply::Reply;
use super::messages::{Committed, Drain, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::ids::{JobId, Position};
use crate::domain::redrive::{JobKind, JobStatus, RedriveJob};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::redrive::action::Action;
use crate::logic::redrive::{Answer, ListedDeadLetter, News, PAGE, Redrives};
use crate::metrics::Metrics;
use crate::ports::archive::{ArchiveError, DeadLetterArchive, DeadLetterQuery};

pub struct Redriver {
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<dyn DeadLetterArchive>,
    hops: Hops,
    redrives: Redrives,
    /// So many may be unfinished.
    most_jobs: usize,
    timer: Timer,
    _watch: DeathWatch,
}

/// Where the Redriver's messages go.
pub struct Hops {
    pub record: Recipient<Record>,
    pub flush: Recipient<Flush>,
    pub reprocess: Recipient<Reprocess>,
    pub delete: Recipient<DeleteDeadLetter>,
}

/// The next dead letters of a job, or in words why they cannot be read now.
#[derive(Message)]
#[rtype(result = "()")]
struct PageRead {
    job: JobId,
    page: Result<Vec<ListedDeadLetter>, String>,
}

/// What became of a dead letter that was asked for.
#[derive(Message)]
#[rtype(result = "()")]
struct Answered {
    job: JobId,
    dead_letter: ListedDeadLetter,
    answer: Answer,
}

/// The journal has what this client asked for.
#[derive(Message)]
#[rtype(result = "()")]
struct VersionRecorded {
    job: JobId,
    reply: Reply<Result<RedriveJob, Refusal>>,
}

impl Redriver {
    pub fn new(
        (clock, metrics): (Clock, Arc<Metrics>),
        archive: Arc<dyn DeadLetterArchive>,
        most_jobs: usize,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            clock,
            metrics,
            archive,
            hops,
            redrives: Redrives::default(),
            most_jobs,
            timer: Timer::default(),
            _watch: watch,
        }
    }

    /// Does what is due and sleeps until the next.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        for action in self.redrives.due(now) {
            match action {
                Action::Read { job, after } => self.read(job, after, ctx),
                Action::Reprocess { job, dead_letter } => self.reprocess(job, dead_letter, ctx),
                Action::Record(version) => self.record(*version),
            }
        }
        self.show_jobs();
        self.arm(now, ctx);
    }

    fn arm(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let next = self.redrives.next(now);
        self.timer.set(next, now, ctx, |redriver, ctx| {
            redriver.timer.fired();
            redriver.proceed(ctx);
        });
    }

    /// Reads the job's next dead letters, after what is pending was written to the archive: what
    /// was redriven a moment ago must not be found there as a dead letter.
    fn read(&self, job: JobId, after: Position, ctx: &Context<Self>) {
        let Some(view) = self.redrives.view(job) else {
            return;
        };
        let query = DeadLetterQuery::of_job(&view);
        let (archive, home) = (self.archive.clone(), ctx.address());
        let flushed = Flush::ask(&self.hops.flush);
        actix::spawn(async move {
            let page = match flushed.await {
                Ok(()) => archive.dead_letters_after(query, after, PAGE).await,
                Err(error) => Err(error),
            };
            let page = page.map_err(|error| error.to_string()).map(|page| {
                let dead_letters = page.into_iter();
                dead_letters
                    .map(|(position, id)| ListedDeadLetter { position, id })
                    .collect()
            });
            home.do_send(PageRead { job, page });
        });
    }

    fn reprocess(&self, job: JobId, dead_letter: ListedDeadLetter, ctx: &Context<Self>) {
        let Some(view) = self.redrives.view(job) else {
            return;
        };
        let (reply, answer) = oneshot::channel();
        let id = dead_letter.id;
        let for_job = Some(ForJob {
            job,
            died_by: view.started_at,
            events_before: view.events_before,
        });
        match view.kind {
            JobKind::Redrive => self.hops.reprocess.do_send(Reprocess {
                id,
                destination: None,
                payload: None,
                job: for_job,
                reply,
            }),
            JobKind::Delete => self.hops.delete.do_send(DeleteDeadLetter {
                id,
                job: for_job,
                reply,
            }),
        }
        let home = ctx.address();
        actix::spawn(async move {
            let answer = match answer.await {
                Ok(Ok(())) => Answer::Done,
                Ok(Err(ArchiveRefusal::Refused(
                    refusal @ (Refusal::StorageFull(_)
                    | Refusal::ShortOf(_)
                    | Refusal::DeadEventsFull { .. }),
                ))) => Answer::NotNow(refusal.to_string()),
                Ok(Err(ArchiveRefusal::Refused(_))) => Answer::Gone,
                Ok(Err(ArchiveRefusal::Archive(error))) => Answer::NotNow(error.to_string()),
                Err(_) => Answer::NotNow(ArchiveError::stopping().to_string()),
            };
            home.do_send(Answered {
                job,
                dead_letter,
                answer,
            });
        });
    }

    fn record(&self, version: RedriveJob) {
        let before = self.redrives.view(version.job);
        if version.status.is_finished() && before.is_some_and(|job| !job.status.is_finished()) {
            let (job, status, cause) = (version.job, version.status.name(), &version.cause);
            let (redriven, deleted) = (version.redriven, version.deleted);
            tracing::info!(%job, status, cause, redriven, deleted, "redrive job over");
        }
        self.hops
            .record
            .do_send(Record::unasked(vec![fact(version)]));
    }

    /// Answers with the job as it is once the journal has this version of it.
    fn record_then_answer(
        &self,
        version: RedriveJob,
        reply: Reply<Result<RedriveJob, Refusal>>,
        ctx: &Context<Self>,
    ) {
        let (job, home) = (version.job, ctx.address());
        Record::and_then(&self.hops.record, vec![fact(version)], move || {
            home.do_send(VersionRecorded { job, reply });
        });
    }

    fn show_jobs(&self) {
        for status in [JobStatus::Running, JobStatus::Paused] {
            self.metrics
                .redrives
                .show_jobs(status, self.redrives.count(status));
        }
    }
}

fn fact(version: RedriveJob) -> Fact {
    Fact::Control(ControlFact::RedriveAdvanced(Arc::new(version)))
}

impl Actor for Redriver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Redriver {
    fn check(&self) -> usize {
        self.redrives.check()
    }
}

impl Handler<Committed> for Redriver {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let mut has_news = false;
        for record in committed.records.iter() {
            let Some(news) = self.redrives.learn(record.position, &record.fact) else {
                continue;
            };
            has_news = true;
            if committed.replay {
                continue;
            }
            match news {
                News::Redriven => self.metrics.redrives.redriven.inc(),
                News::Deleted => self.metrics.redrives.deleted.inc(),
                News::Failed => self.metrics.redrives.failed.inc(),
                News::Advanced | News::Over => {}
            }
        }
        if has_news {
            self.proceed(ctx);
        }
    }
}

impl Handler<Open> for Redriver {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.redrives.open();
        self.proceed(ctx);
    }
}

impl Handler<StartRedrive> for Redriver {
    type Result = ();

    fn handle(&mut self, start: StartRedrive, ctx: &mut Context<Self>) {
        match self.redrives.expect(start.job.job, self.most_jobs) {
            Ok(()) => self.record_then_answer(start.job, start.reply, ctx),
            Err(refusal) => drop(start.reply.send(Err(refusal))),
        }
    }
}

impl Handler<SwitchRedrive> for Redriver {
    type Result = ();

    fn handle(&mut self, asked: SwitchRedrive, ctx: &mut Context<Self>) {
        match self.redrives.switch(asked.job, asked.switch) {
            Ok(version) => self.record_then_answer(version, asked.reply, ctx),
            Err(refusal) => drop(asked.reply.send(Err(refusal))),
        }
    }
}

impl Handler<InspectRedrives> for Redriver {
    type Result = MessageResult<InspectRedrives>;

    fn handle(&mut self, inspect: InspectRedrives, _: &mut Context<Self>) -> Self::Result {
        MessageResult(match inspect.job {
            Some(job) => self.redrives.view(job).into_iter().collect(),
            None => self.redrives.views(),
        })
    }
}

impl Handler<PageRead> for Redriver {
    type Result = ();

    fn handle(&mut self, read: PageRead, ctx: &mut Context<Self>) {
        let before = self.redrives.view(read.job).and_then(|job| job.cause);
        if let (Err(cause), None) = (&read.page, before) {
            tracing::warn!(job = %read.job, cause, "redrive job waits for the archive");
        }
        self.redrives
            .page_read(read.job, read.page, self.clock.now());
        self.proceed(ctx);
    }
}

impl Handler<Answered> for Redriver {
    type Result = ();

    fn handle(&mut self, answered: Answered, ctx: &mut Context<Self>) {
        if answered.answer == Answer::Gone {
            self.metrics.redrives.skipped.inc();
        }
        let now = self.clock.now();
        self.redrives
            .answered(answered.job, answered.dead_letter, answered.answer, now);
        self.proceed(ctx);
    }
}

impl Handler<VersionRecorded> for Redriver {
    type Result = ();

    fn handle(&mut self, recorded: VersionRecorded, _: &mut Context<Self>) {
        let view = self.redrives.view(recorded.job);
        let _ = recorded.reply.send(view.ok_or(Refusal::NotFound));
    }
}

impl Handler<Drain> for Redriver {
    type Result = ();

    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) {
        for version in self.redrives.close() {
            self.record(version);
        }
        let _ = drain.reply.send(());
        ctx.stop();
    }
}

#[cfg(test)]
mod tests;
