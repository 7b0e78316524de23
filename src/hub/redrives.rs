//! Jobs that send many dead letters again, or delete them.

use rand::RngExt;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::dead_letters::{InspectRedrives, StartRedrive, SwitchRedrive};
use crate::domain::ids::{JobId, Position};
use crate::domain::redrive::{JobKind, RedriveFilter, RedriveJob, Switch};
use crate::ports::archive::DeadLetterQuery;

/// A job that somebody wants.
#[derive(Debug)]
pub struct RedriveRequest {
    /// What becomes of the dead letters.
    pub kind: JobKind,
    /// Which dead letters.
    pub filter: RedriveFilter,
    /// Dead letters per second.
    pub rate: f64,
    /// Only counts those that match.
    pub dry_run: bool,
}

/// What came of it.
pub enum RedriveStart {
    /// So many match.
    Counted(u64),
    /// The job runs.
    Started(Box<RedriveJob>),
}

impl Hub {
    /// Begins a job over the dead letters that are in the list now.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator asks, LIMIT_REACHED, STORAGE_UNAVAILABLE.
    pub async fn start_redrive(
        &self,
        context: &RequestContext<'_>,
        request: RedriveRequest,
    ) -> Result<RedriveStart, HubError> {
        context.principal.may(Operation::RunRedrives)?;
        self.flush().await?;
        // Whatever died before this is in the archive.
        let events_before = self.archive.standing().await?.checkpoint + 1;
        let dry_run = request.dry_run;
        let mut job = new_job(context, request, events_before);
        let dead_letters = DeadLetterQuery::of_job(&job);
        job.matched = self.archive.count_dead_letters(dead_letters).await?;
        if dry_run {
            return Ok(RedriveStart::Counted(job.matched));
        }
        let dead_letters = &self.clients.dead_letters;
        let job = dead_letters
            .request(|reply| StartRedrive { job, reply })
            .await??;
        let outcome = format!("{} dead letters match", job.matched);
        let action = match job.kind {
            JobKind::Redrive => "start_redrive",
            JobKind::Delete => "delete_dead_letters",
        };
        Act::new(action, "redrive job", &job.job)
            .with(&outcome)
            .tell(context);
        Ok(RedriveStart::Started(Box::new(job)))
    }

    /// All jobs, newest first.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator asks.
    pub async fn redrives(
        &self,
        context: &RequestContext<'_>,
    ) -> Result<Vec<RedriveJob>, HubError> {
        context.principal.may(Operation::RunRedrives)?;
        let all = InspectRedrives { job: None };
        self.clients.dead_letters.query(all).await
    }

    /// One job.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator asks, NOT_FOUND.
    pub async fn redrive(
        &self,
        context: &RequestContext<'_>,
        job: JobId,
    ) -> Result<RedriveJob, HubError> {
        context.principal.may(Operation::RunRedrives)?;
        let one = InspectRedrives { job: Some(job) };
        let found = self.clients.dead_letters.query(one).await?.pop();
        found.ok_or_else(|| unknown(job))
    }

    /// Pauses a job, lets it go on or ends it.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator asks, NOT_FOUND, CONFLICT if it is finished.
    pub async fn switch_redrive(
        &self,
        context: &RequestContext<'_>,
        job: JobId,
        switch: Switch,
    ) -> Result<RedriveJob, HubError> {
        context.principal.may(Operation::RunRedrives)?;
        let switched =
            self.clients
                .dead_letters
                .request(|reply| SwitchRedrive { job, switch, reply });
        let switched = switched.await?;
        let view = switched.map_err(|refusal| HubError::refused(refusal, unknown(job)))?;
        let action = match switch {
            Switch::Pause => "pause_redrive",
            Switch::Resume => "resume_redrive",
            Switch::Cancel => "cancel_redrive",
        };
        let outcome = match view.kind {
            JobKind::Redrive => format!("{} redriven so far", view.redriven),
            JobKind::Delete => format!("{} deleted so far", view.deleted),
        };
        Act::new(action, "redrive job", &job)
            .with(&outcome)
            .tell(context);
        Ok(view)
    }
}

fn new_job(
    context: &RequestContext<'_>,
    request: RedriveRequest,
    events_before: Position,
) -> RedriveJob {
    let id = JobId::generate(context.now, rand::rng().random());
    RedriveJob {
        kind: request.kind,
        events_before: Some(events_before),
        by: context.principal.name.clone(),
        filter: request.filter,
        ..RedriveJob::begun(id, context.now, request.rate)
    }
}

fn unknown(job: JobId) -> HubError {
    HubError::NotFound {
        what: format!("redrive job {job}"),
    }
}
