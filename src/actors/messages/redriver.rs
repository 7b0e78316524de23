//! What is asked of the Redriver.

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::ids::JobId;
use crate::domain::redrive::{RedriveJob, Switch};
use crate::domain::refusal::Refusal;

/// http → Redriver: begin this job; answered once it is in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct StartRedrive {
    pub job: RedriveJob,
    pub reply: Reply<Result<RedriveJob, Refusal>>,
}

/// http → Redriver: pause, resume or cancel; answered once that is in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SwitchRedrive {
    pub job: JobId,
    pub switch: Switch,
    pub reply: Reply<Result<RedriveJob, Refusal>>,
}

/// http → Redriver: the job if there is one of this id, or all, newest first.
#[derive(ActixMessage)]
#[rtype(result = "Vec<RedriveJob>")]
pub struct InspectRedrives {
    pub job: Option<JobId>,
}
