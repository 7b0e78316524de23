//! Redrive jobs: the dead letters that a job means are read, and claimed one by one as if a client
//! had asked.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message, MessageResult};

use super::DeadLetters;
use super::claims::{ClaimOutcome, Claimant, DeadLetterClaim, ForJob, Treatment};
use crate::actors::messages::archivist::{ArchiveRefusal, Flush};
use crate::actors::messages::dead_letters::{InspectRedrives, StartRedrive, SwitchRedrive};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::ids::{JobId, Position};
use crate::domain::redrive::{JobKind, JobStatus, RedriveJob};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::redrive::action::Action;
use crate::logic::redrive::{ListedDeadLetter, PAGE, ReadPage, RedriveOutcome};
use crate::ports::archive::{self, ArchiveError, MeantLetters};

/// The next dead letters of a job, or in words why they cannot be read now.
#[derive(Message)]
#[rtype(result = "()")]
struct PageRead {
    job: JobId,
    page: Result<ReadPage, String>,
}

/// The journal has what this client asked for.
#[derive(Message)]
#[rtype(result = "()")]
struct VersionRecorded {
    job: JobId,
    reply: Reply<Result<RedriveJob, Refusal>>,
}

impl DeadLetters {
    /// Does what is due and sleeps until the next.
    pub(super) fn proceed(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        for action in self.redrives.due(now) {
            match action {
                Action::Read { job, after } => self.read(job, after, ctx),
                Action::Reprocess { job, dead_letter } => self.claim_for(job, dead_letter, ctx),
                Action::Record(version) => self.record(*version),
            }
        }
        self.show_jobs();
        self.arm(now, ctx);
    }

    fn arm(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let next = self.redrives.next(now);
        self.timer.set(next, now, ctx, |dead_letters, ctx| {
            dead_letters.timer.fired();
            dead_letters.proceed(ctx);
        });
    }

    /// Reads the job's next dead letters, after what is pending was written to the archive: what
    /// was redriven a moment ago must not be found there as a dead letter.
    fn read(&self, job: JobId, after: Position, ctx: &Context<Self>) {
        let Some(view) = self.redrives.view(job) else {
            return;
        };
        let (archive, home) = (self.archive.clone(), ctx.address());
        let flushed = Flush::ask(&self.hops.flush);
        actix::spawn(async move {
            let page = match flushed.await {
                Ok(()) => archive::meant_after(&*archive, &view, after, PAGE).await,
                Err(error) => Err(error),
            };
            let page = page.map_err(|error| error.to_string()).map(read_page);
            home.do_send(PageRead { job, page });
        });
    }

    fn claim_for(&mut self, job: JobId, dead_letter: ListedDeadLetter, ctx: &Context<Self>) {
        let Some(view) = self.redrives.view(job) else {
            return;
        };
        let treatment = match view.kind {
            JobKind::Redrive => Treatment::SendAgain {
                destination: view.destination,
                payload: None,
            },
            JobKind::Delete => Treatment::Delete,
        };
        let claimant = Claimant::Job(ForJob {
            job,
            dead_letter,
            died_by: view.started_at,
            events_before: view.events_before,
        });
        let id = dead_letter.id;
        self.claim(
            DeadLetterClaim {
                id,
                treatment,
                claimant,
            },
            ctx,
        );
    }

    pub(super) fn claim_of_job_ended(
        &mut self,
        for_job: ForJob,
        outcome: ClaimOutcome,
        ctx: &mut Context<Self>,
    ) {
        let answer = answer(outcome);
        if answer == RedriveOutcome::Gone {
            self.metrics.redrives.skipped.inc();
        }
        let now = self.clock.now();
        self.redrives
            .answered(for_job.job, for_job.dead_letter, answer, now);
        self.proceed(ctx);
    }

    pub(super) fn record(&self, version: RedriveJob) {
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

fn read_page(part: MeantLetters) -> ReadPage {
    let found = part.found.into_iter();
    ReadPage {
        dead_letters: found
            .map(|(position, id)| ListedDeadLetter { position, id })
            .collect(),
        through: part.through,
        is_last: part.is_last,
    }
}

fn answer(outcome: ClaimOutcome) -> RedriveOutcome {
    match outcome {
        Some(Ok(())) => RedriveOutcome::Done,
        Some(Err(ArchiveRefusal::Refused(
            refusal @ (Refusal::StorageFull(_)
            | Refusal::ShortOf(_)
            | Refusal::DeadEventsFull { .. }),
        ))) => RedriveOutcome::NotNow(refusal.to_string()),
        Some(Err(ArchiveRefusal::Refused(_))) => RedriveOutcome::Gone,
        Some(Err(ArchiveRefusal::Archive(error))) => RedriveOutcome::NotNow(error.to_string()),
        None => RedriveOutcome::NotNow(ArchiveError::stopping().to_string()),
    }
}

fn fact(version: RedriveJob) -> Fact {
    Fact::Control(ControlFact::RedriveAdvanced(Arc::new(version)))
}

impl Handler<StartRedrive> for DeadLetters {
    type Result = ();

    fn handle(&mut self, start: StartRedrive, ctx: &mut Context<Self>) {
        match self.redrives.expect(start.job.job, self.most_jobs) {
            Ok(()) => self.record_then_answer(start.job, start.reply, ctx),
            Err(refusal) => drop(start.reply.send(Err(refusal))),
        }
    }
}

impl Handler<SwitchRedrive> for DeadLetters {
    type Result = ();

    fn handle(&mut self, asked: SwitchRedrive, ctx: &mut Context<Self>) {
        match self.redrives.switch(asked.job, asked.switch) {
            Ok(version) => self.record_then_answer(version, asked.reply, ctx),
            Err(refusal) => drop(asked.reply.send(Err(refusal))),
        }
    }
}

impl Handler<InspectRedrives> for DeadLetters {
    type Result = MessageResult<InspectRedrives>;

    fn handle(&mut self, inspect: InspectRedrives, _: &mut Context<Self>) -> Self::Result {
        MessageResult(match inspect.job {
            Some(job) => self.redrives.view(job).into_iter().collect(),
            None => self.redrives.views(),
        })
    }
}

impl Handler<PageRead> for DeadLetters {
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

impl Handler<VersionRecorded> for DeadLetters {
    type Result = ();

    fn handle(&mut self, recorded: VersionRecorded, _: &mut Context<Self>) {
        let view = self.redrives.view(recorded.job);
        let _ = recorded.reply.send(view.ok_or(Refusal::NotFound));
    }
}
