//! Old messages and dead letters go, in small steps, each of which the archive takes in before the
//! next one is looked for.

use actix::{AsyncContext, Context, Handler, Message};

use super::Historian;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact};
use crate::domain::ids::MessageId;
use crate::domain::redrive::RedriveFilter;
use crate::domain::timestamp::Timestamp;
use crate::logic::retention::messages::{Age, STRETCH, Step};
use crate::ports::archive::{ArchiveError, DeadLetterQuery};

/// The next stretch of messages was read.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct StretchRead(Result<Vec<Age>, ArchiveError>);

/// The next old dead letters were found.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct DeadLettersFound(Result<Vec<MessageId>, ArchiveError>);

impl Historian {
    /// Whether messages or dead letters ever become old.
    pub(super) fn removes_messages(&self, now: Timestamp) -> bool {
        self.messages.cutoff(now).is_some() || self.messages.dead_letters_cutoff(now).is_some()
    }

    pub(super) fn begin_sweep(&mut self, now: Timestamp) {
        if !self.sweeping && self.messages.cutoff(now).is_some() {
            self.sweeping = true;
            self.messages.begin(now);
        }
        self.clearing = self.messages.dead_letters_cutoff(now).is_some();
    }

    pub(super) fn sweep(&mut self, ctx: &Context<Self>) {
        self.busy = true;
        let (states, home, after) = (self.states.clone(), ctx.address(), self.messages.after());
        actix::spawn(async move {
            let read = match states.flush().await {
                Ok(()) => states.archive.ages_after(after, STRETCH).await,
                Err(error) => Err(error),
            };
            home.do_send(StretchRead(read));
        });
    }

    fn sweep_ends(&mut self, ctx: &mut Context<Self>) {
        self.sweeping = false;
        let removed = self.messages.removed();
        if removed > 0 {
            tracing::info!(removed, "old messages went");
        }
        self.finish(ctx);
    }

    pub(super) fn clear(&mut self, now: Timestamp, ctx: &Context<Self>) {
        self.busy = true;
        let old = RedriveFilter {
            until: self.messages.dead_letters_cutoff(now),
            ..RedriveFilter::default()
        };
        let (states, home) = (self.states.clone(), ctx.address());
        actix::spawn(async move {
            let query = DeadLetterQuery::matching(&old);
            let found = match states.flush().await {
                Ok(()) => states.archive.dead_letters_after(query, 0, STRETCH).await,
                Err(error) => Err(error),
            };
            let ids = |found: Vec<(_, MessageId)>| found.into_iter().map(|(_, id)| id).collect();
            home.do_send(DeadLettersFound(found.map(ids)));
        });
    }
}

impl Handler<StretchRead> for Historian {
    type Result = ();

    fn handle(&mut self, StretchRead(read): StretchRead, ctx: &mut Context<Self>) {
        let ages = match read {
            Ok(ages) => ages,
            Err(error) => return self.put_off(&error, ctx),
        };
        match self.messages.read(&ages, self.clock.wall()) {
            Step::Remove(removed) => self.finish_with(
                vec![Fact::Message(MessageFact::MessagesRemoved(removed))],
                ctx,
            ),
            Step::GoOn => self.finish(ctx),
            Step::Over => self.sweep_ends(ctx),
        }
    }
}

impl Handler<DeadLettersFound> for Historian {
    type Result = ();

    fn handle(&mut self, DeadLettersFound(found): DeadLettersFound, ctx: &mut Context<Self>) {
        let ids = match found {
            Ok(ids) => ids,
            Err(error) => return self.put_off(&error, ctx),
        };
        if ids.is_empty() {
            self.clearing = false;
            return self.finish(ctx);
        }
        tracing::info!(removed = ids.len(), "old dead letters go");
        let at = self.clock.wall();
        let deleted = ids
            .into_iter()
            .map(|id| DeadLetterDeleted { id, at, job: None });
        let facts = deleted
            .map(|one| Fact::Message(MessageFact::DeadLetterDeleted(one)))
            .collect();
        self.finish_with(facts, ctx);
    }
}
