//! Jobs that send many dead letters again, or delete them.

use rand::RngExt;

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::{HubError, Subject};
use super::request::RequestContext;
use crate::actors::messages::dead_letters::{InspectRedrives, StartRedrive, SwitchRedrive};
use crate::domain::ids::{JobId, MessageId, Position, ServiceName};
use crate::domain::redrive::{ChosenLetters, JobKind, RedriveFilter, RedriveJob, Switch};
use crate::ports::archive;

/// A job that somebody wants.
#[derive(Debug)]
pub struct RedriveRequest {
    /// What becomes of the dead letters.
    pub kind: JobKind,
    /// Which dead letters.
    pub target: RedriveTarget,
    /// Messages go there instead of to whom they were for, and no events are meant.
    pub destination: Option<ServiceName>,
    /// Dead letters per second.
    pub rate: f64,
    /// Only counts those that match.
    pub dry_run: bool,
}

/// Which dead letters a job is about.
#[derive(Debug)]
pub enum RedriveTarget {
    /// All that match when it starts.
    Matching(RedriveFilter),
    /// At most [`MOST_CHOSEN`] by their ids, as far as they are in the list when it starts.
    Chosen(Vec<MessageId>),
}

/// So many dead letters can be named for a job; who means more says by what they match.
pub const MOST_CHOSEN: usize = 1000;

/// What came of it.
pub enum RedriveStart {
    /// So many match.
    Counted(u64),
    /// The job runs.
    Started(Box<RedriveJob>),
}

/// The redrive jobs, for an operator: whoever has them was asked. So nothing else of a request has
/// to be looked at before, of which nobody else is told what is wrong with it.
pub struct RedriveJobs<'a> {
    hub: &'a Hub,
    context: RequestContext<'a>,
}

/// What somebody wants with redrive jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RedriveWish {
    /// To see how they get on.
    See,
    /// To begin one, or to switch it.
    Run,
}

impl Hub {
    /// The way to all that is done with redrive jobs, or seen of them.
    ///
    /// # Errors
    /// AUTH_FAILED for who may not.
    pub fn redrives<'a>(
        &'a self,
        context: &RequestContext<'a>,
        to: RedriveWish,
    ) -> Result<RedriveJobs<'a>, HubError> {
        context.principal.may(match to {
            RedriveWish::See => Operation::SeeRedrives,
            RedriveWish::Run => Operation::RunRedrives,
        })?;
        Ok(RedriveJobs {
            hub: self,
            context: *context,
        })
    }
}

impl RedriveTarget {
    /// Whether dead letters have to be looked into to tell which are meant, as in a search.
    pub fn looks_inside(&self) -> bool {
        matches!(self, Self::Matching(filter) if filter.looks_inside())
    }

    fn may_go_elsewhere(&self) -> Result<(), HubError> {
        match self {
            Self::Matching(filter) if filter.subscription_id.is_some() => {
                let problem = "an event goes to its subscription as it was published";
                Err(HubError::invalid(Subject::Request, "destination", problem))
            }
            Self::Matching(_) | Self::Chosen(_) => Ok(()),
        }
    }
}

impl RedriveJobs<'_> {
    /// Begins a job over the dead letters that are in the list now.
    ///
    /// # Errors
    /// LIMIT_REACHED, STORAGE_UNAVAILABLE; SERVICE_NOT_FOUND if they are to go to a service that
    /// nobody ever registered, INVALID_REQUEST if they are only events.
    pub async fn start(&self, request: RedriveRequest) -> Result<RedriveStart, HubError> {
        let hub = self.hub;
        // Its body may have taken its time since the request came.
        let context = &RequestContext {
            now: hub.clock.wall(),
            ..self.context
        };
        if let Some(service) = &request.destination {
            request.target.may_go_elsewhere()?;
            hub.admission("destination", Some(service)).await?;
        }
        hub.flush().await?;
        // Whatever died before this is in the archive.
        let events_before = hub.archive.standing().await?.checkpoint + 1;
        let dry_run = request.dry_run;
        let mut job = new_job(context, request, events_before);
        job.matched = archive::count_meant(&*hub.archive, &job).await?;
        if dry_run {
            return Ok(RedriveStart::Counted(job.matched));
        }
        let dead_letters = &hub.clients.dead_letters;
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
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn all(&self) -> Result<Vec<RedriveJob>, HubError> {
        let all = InspectRedrives { job: None };
        self.hub.clients.dead_letters.query(all).await
    }

    /// One job.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub async fn one(&self, job: JobId) -> Result<RedriveJob, HubError> {
        let one = InspectRedrives { job: Some(job) };
        let found = self.hub.clients.dead_letters.query(one).await?.pop();
        found.ok_or_else(|| unknown(job))
    }

    /// Pauses a job, lets it go on or ends it.
    ///
    /// # Errors
    /// NOT_FOUND, CONFLICT if it is finished.
    pub async fn switch(&self, job: JobId, switch: Switch) -> Result<RedriveJob, HubError> {
        let switched = self
            .hub
            .clients
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
            .tell(&self.context);
        Ok(view)
    }
}

fn new_job(
    context: &RequestContext<'_>,
    request: RedriveRequest,
    events_before: Position,
) -> RedriveJob {
    let id = JobId::generate(context.now, rand::rng().random());
    let (filter, chosen) = match request.target {
        RedriveTarget::Matching(filter) => (filter, None),
        RedriveTarget::Chosen(ids) => (RedriveFilter::default(), Some(ChosenLetters::new(ids))),
    };
    RedriveJob {
        kind: request.kind,
        events_before: Some(events_before),
        by: context.principal.name.clone(),
        filter,
        chosen,
        destination: request.destination,
        ..RedriveJob::begun(id, context.now, request.rate)
    }
}

fn unknown(job: JobId) -> HubError {
    HubError::NotFound {
        what: format!("redrive job {job}"),
    }
}
