//! An attempt under way.

use crate::domain::attempt::Attempt;
use crate::domain::ids::InstanceId;
use crate::domain::moment::Moment;
use crate::domain::service::Target;
use crate::domain::timestamp::Timestamp;
use crate::logic::breaker::Ticket;
use crate::logic::outcome::{Answered, describe, status_code};
use crate::logic::queues::Delivery;
use crate::ports::transport::PushResponse;

pub(super) struct InFlight {
    pub delivery: Delivery,
    pub ticket: Ticket,
    pub started_at: Timestamp,
    /// The instance that has it now, as it was when it got it.
    pub pushed_to: Target,
    pub pushed_at: Timestamp,
    /// The instances it went to within this attempt, in order.
    pub tried: Vec<InstanceId>,
    /// Others do well and had no room for it.
    pub others_full: bool,
    /// Not to be tried again before this: the latest that one of those it went to asked for.
    pub not_before: Option<Timestamp>,
}

impl InFlight {
    pub(super) fn new(
        delivery: Delivery,
        ticket: Ticket,
        pushed_to: Target,
        now: Timestamp,
    ) -> Self {
        Self {
            delivery,
            ticket,
            started_at: now,
            pushed_to,
            pushed_at: now,
            tried: Vec::with_capacity(1),
            others_full: false,
            not_before: None,
        }
    }

    /// What an instance answered, whatever the next one does.
    pub(super) fn heard(&mut self, answered: Answered, now: Timestamp) {
        if let Answered::Failed { retry_after } = answered {
            let wish = retry_after.map(|after| now.plus(after));
            self.not_before = self.not_before.max(wish);
        }
    }

    /// What is written down about it, by its last answer.
    pub(super) fn attempt(
        &self,
        answer: &PushResponse,
        answered: Answered,
        now: Moment,
    ) -> Attempt {
        let (number, outcome) = (self.delivery.attempt, answered.outcome());
        Attempt {
            instance: Some(self.pushed_to.instance_id.clone()),
            status_code: status_code(answer),
            error: describe(answer),
            ..Attempt::ended(number, outcome, self.started_at, now)
        }
    }
}
