//! A job over dead letters.

use serde::Serialize;
use utoipa::ToSchema;

use super::dead_letter_filter::FilterBody;
use crate::domain::ids::{JobId, ServiceName};
use crate::domain::redrive::{JobKind, JobStatus, RedriveFilter, RedriveJob};
use crate::domain::timestamp::Timestamp;

/// A job and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = RedriveJob)]
pub(crate) struct JobView {
    job: JobId,
    #[schema(value_type = String, pattern = "^(redrive|delete)$")]
    kind: JobKind,
    status: JobStatus,
    /// In words, why it stopped, or what a running one waits for.
    cause: Option<String>,
    /// Dead letters it found at its start, of messages and of events.
    matched: u64,
    /// Dead letters sent again so far.
    redriven: u64,
    /// Of these, those that died again.
    failed: u64,
    /// Dead letters deleted so far.
    deleted: u64,
    /// Dead letters that somebody else sent again or deleted before their turn came, and events
    /// whose subscription is no more.
    skipped: u64,
    /// Dead letters per second.
    rate: f64,
    #[schema(value_type = FilterBody)]
    filter: RedriveFilter,
    /// How many ids were given in place of a filter, which then has nothing in it; null: none.
    chosen: Option<usize>,
    /// Where the messages go; null: to whom they were for.
    destination: Option<ServiceName>,
    started_at: Timestamp,
    started_by: Option<ServiceName>,
}

impl From<RedriveJob> for JobView {
    fn from(job: RedriveJob) -> Self {
        let chosen = job.chosen.map(|chosen| chosen.count);
        Self {
            job: job.job,
            kind: job.kind,
            status: job.status,
            cause: job.cause,
            matched: job.matched,
            redriven: job.redriven,
            failed: job.failed,
            deleted: job.deleted,
            skipped: job.skipped,
            rate: job.rate,
            filter: job.filter,
            chosen,
            destination: job.destination,
            started_at: job.started_at,
            started_by: job.by,
        }
    }
}
