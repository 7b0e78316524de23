//! What is asked of DeadLetters.

use actix::Message as ActixMessage;

use super::archivist::ArchiveRefusal;
use super::reply::Reply;
use crate::domain::ids::{JobId, MessageId, ServiceName};
use crate::domain::payload::Payload;
use crate::domain::redrive::{RedriveJob, Switch};
use crate::domain::refusal::Refusal;

/// http → DeadLetters: make dead letter `id` owed again. Two at once: one wins, the
/// other is told.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Reprocess {
    pub id: MessageId,
    pub destination: Option<ServiceName>,
    pub payload: Option<Payload>,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → DeadLetters: dead letter `id` goes for good.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeleteDeadLetter {
    pub id: MessageId,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → DeadLetters: the settled message `id` goes for good, be it a dead letter or not.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct DeleteMessage {
    pub id: MessageId,
    pub reply: Reply<Result<(), ArchiveRefusal>>,
}

/// http → DeadLetters: begin this job; answered once it is in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct StartRedrive {
    pub job: RedriveJob,
    pub reply: Reply<Result<RedriveJob, Refusal>>,
}

/// http → DeadLetters: pause, resume or cancel; answered once that is in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SwitchRedrive {
    pub job: JobId,
    pub switch: Switch,
    pub reply: Reply<Result<RedriveJob, Refusal>>,
}

/// http → DeadLetters: the job if there is one of this id, or all, newest first.
#[derive(ActixMessage)]
#[rtype(result = "Vec<RedriveJob>")]
pub struct InspectRedrives {
    pub job: Option<JobId>,
}
