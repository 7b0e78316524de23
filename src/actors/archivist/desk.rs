//! The dead letter desk: gives out each dead letter to one client at a time.
//!
//! A letter that somebody reprocesses or deletes is claimed until the journal has the fact, so
//! that two clients at once never send it out twice.

use actix::{AsyncContext, Context, Handler, Message};
use ahash::AHashSet;
use std::sync::Arc;
use tokio::sync::oneshot;

use super::Archivist;
use crate::actors::messages::{ArchiveRefusal, DeleteDeadLetter, Record, Reply, Reprocess};
use crate::domain::fact::{DeadLetterDeleted, Fact, Redrive};
use crate::domain::ids::MessageId;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::{ArchiveError, ArchivedMessage};

#[derive(Default)]
pub struct Desk {
    claimed: AHashSet<MessageId>,
}

/// What is to become of a dead letter, given its row and the time.
type Decide = Box<dyn FnOnce(ArchivedMessage, Timestamp) -> Result<Fact, Refusal> + Send>;

/// The letter was read.
#[derive(Message)]
#[rtype(result = "()")]
struct Read {
    id: MessageId,
    row: Result<Option<ArchivedMessage>, ArchiveError>,
    decide: Decide,
    reply: Reply<Result<(), ArchiveRefusal>>,
}

/// The journal has the fact, or never will.
#[derive(Message)]
#[rtype(result = "()")]
struct Unclaim(MessageId);

impl Archivist {
    fn claim(
        &mut self,
        id: MessageId,
        decide: Decide,
        reply: Reply<Result<(), ArchiveRefusal>>,
        ctx: &mut Context<Self>,
    ) {
        if !self.desk.claimed.insert(id) {
            let hint = "another request is at work on this dead letter";
            let state = crate::domain::message::State::Dead;
            let _ = reply.send(Err(Refusal::WrongState { state, hint }.into()));
            return;
        }
        let (flushed, is_flushed) = oneshot::channel();
        self.flush(flushed, ctx);
        let (archive, home) = (self.archive.clone(), ctx.address());
        actix::spawn(async move {
            let row = match is_flushed.await {
                Ok(Ok(())) => archive.message(id).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(ArchiveError::Unavailable("the hub is stopping".to_owned())),
            };
            home.do_send(Read {
                id,
                row,
                decide,
                reply,
            });
        });
    }
}

impl Handler<Reprocess> for Archivist {
    type Result = ();

    fn handle(&mut self, reprocess: Reprocess, ctx: &mut Context<Self>) {
        let (destination, payload) = (reprocess.destination, reprocess.payload);
        let (job, metrics) = (reprocess.job, self.metrics.clone());
        let decide: Decide = Box::new(move |row, now| {
            if job.is_some_and(|job| row.settled_at > Some(job.died_by)) {
                return Err(Refusal::NotFound);
            }
            // Sending again writes the whole message again, as a new one would.
            if metrics.disk_guard.get() > 0 {
                return Err(Refusal::StorageFull);
            }
            Ok(Fact::Redriven(Arc::new(Redrive {
                message: row.message.redriven(now, destination, payload),
                times: row.redriven + 1,
                from: row.state,
                job: job.map(|job| job.job),
            })))
        });
        self.claim(reprocess.id, decide, reprocess.reply, ctx);
    }
}

impl Handler<DeleteDeadLetter> for Archivist {
    type Result = ();

    fn handle(&mut self, delete: DeleteDeadLetter, ctx: &mut Context<Self>) {
        let id = delete.id;
        let decide: Decide =
            Box::new(move |_, at| Ok(Fact::DeadLetterDeleted(DeadLetterDeleted { id, at })));
        self.claim(id, decide, delete.reply, ctx);
    }
}

impl Handler<Read> for Archivist {
    type Result = ();

    fn handle(&mut self, read: Read, ctx: &mut Context<Self>) {
        let row = match read.row {
            Ok(Some(row)) if row.dead_letter => row,
            other => {
                self.desk.claimed.remove(&read.id);
                let error = other
                    .err()
                    .map_or(Refusal::NotFound.into(), ArchiveRefusal::from);
                let _ = read.reply.send(Err(error));
                return;
            }
        };
        let fact = match (read.decide)(row, self.clock.now()) {
            Ok(fact) => fact,
            Err(refusal) => {
                self.desk.claimed.remove(&read.id);
                return drop(read.reply.send(Err(refusal.into())));
            }
        };
        let (reply, recorded) = oneshot::channel();
        self.hops.record.do_send(Record {
            facts: vec![fact],
            reply: Some(reply),
        });
        let (home, id) = (ctx.address(), read.id);
        actix::spawn(async move {
            if recorded.await.is_ok() {
                let _ = read.reply.send(Ok(()));
            }
            home.do_send(Unclaim(id));
        });
    }
}

impl Handler<Unclaim> for Archivist {
    type Result = ();

    fn handle(&mut self, Unclaim(id): Unclaim, _: &mut Context<Self>) {
        self.desk.claimed.remove(&id);
    }
}
