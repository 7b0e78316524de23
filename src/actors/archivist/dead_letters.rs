//! Dead letters, and settled messages, that clients send again or delete.

use actix::{AsyncContext, Context, Handler, Message};
use std::sync::Arc;
use tokio::sync::oneshot;

use super::Archivist;
use crate::actors::messages::archivist::{
    ArchiveRefusal, DeleteDeadLetter, DeleteMessage, ForJob, Reprocess,
};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::subscriptions::RedeliverEvent;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{DeadLetterDeleted, MessageDeleted, MessageFact, Redrive};
use crate::domain::ids::{JobId, MessageId};
use crate::domain::refusal::Refusal;
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::ports::archive::{ArchiveError, ArchiveReader, ArchivedDeadEvent, ArchivedMessage};

/// What is to become of a dead letter, given what the archive has of it and the time.
type Decide = Box<dyn FnOnce(DeadLetter, Timestamp) -> Result<Decision, Refusal> + Send>;

/// A dead letter as it stands in the list, or a settled message.
enum DeadLetter {
    Message(Box<ArchivedMessage>),
    Event(Box<ArchivedDeadEvent>),
}

impl DeadLetter {
    /// Whether it is the one the job found at its start, and did not die later.
    fn is_meant_by(&self, job: ForJob) -> bool {
        match self {
            Self::Message(row) => row.settled_at <= Some(job.died_by),
            Self::Event(row) => job.events_before > Some(row.position),
        }
    }
}

/// What somebody asks for by its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wanted {
    /// A dead letter, of a message or of an event.
    DeadLetter,
    /// A message that is settled.
    Settled,
}

enum Decision {
    Record(Fact),
    /// The EventBus has it written if there is somebody to send it to.
    Redeliver(Arc<DeadEvent>),
}

/// The dead letter was read.
#[derive(Message)]
#[rtype(result = "()")]
struct Read {
    id: MessageId,
    row: Result<Option<DeadLetter>, ArchiveError>,
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
        (wanted, id): (Wanted, MessageId),
        decide: Decide,
        reply: Reply<Result<(), ArchiveRefusal>>,
        ctx: &mut Context<Self>,
    ) {
        if !self.desk.claim(id) {
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
                Ok(Ok(())) => read(&*archive, wanted, id).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(ArchiveError::stopping()),
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

async fn read(
    archive: &dyn ArchiveReader,
    wanted: Wanted,
    id: MessageId,
) -> Result<Option<DeadLetter>, ArchiveError> {
    let is_wanted = |row: &ArchivedMessage| match wanted {
        Wanted::DeadLetter => row.dead_letter,
        Wanted::Settled => row.state.is_settled(),
    };
    let row = archive.message(id).await?.filter(is_wanted);
    if row.is_some() || wanted == Wanted::Settled {
        return Ok(row.map(|row| DeadLetter::Message(Box::new(row))));
    }
    let row = archive.dead_event(id).await?;
    Ok(row.map(|row| DeadLetter::Event(Box::new(row))))
}

/// The dead letter as it is sent again.
fn again(archived: ArchivedDeadEvent, at: Timestamp, job: Option<JobId>) -> Decision {
    Decision::Redeliver(Arc::new(DeadEvent {
        at,
        redriven: archived.dead_event.redriven + 1,
        job,
        ..archived.dead_event
    }))
}

impl Handler<Reprocess> for Archivist {
    type Result = ();

    fn handle(&mut self, reprocess: Reprocess, ctx: &mut Context<Self>) {
        let (destination, payload) = (reprocess.destination, reprocess.payload);
        let (job, metrics) = (reprocess.job, self.metrics.clone());
        let decide: Decide = Box::new(move |dead_letter, now| {
            if job.is_some_and(|job| !dead_letter.is_meant_by(job)) {
                return Err(Refusal::NotFound);
            }
            // Sending again writes the whole dead letter again, as a new one would.
            if let Some(refusal) = metrics.status.intake.refusal() {
                return Err(refusal);
            }
            let job = job.map(|job| job.job);
            let row = match dead_letter {
                DeadLetter::Message(row) => row,
                DeadLetter::Event(row) => return Ok(again(*row, now, job)),
            };
            let redrive = Redrive {
                message: row.message.redriven(now, destination, payload),
                times: row.redriven + 1,
                from: row.state,
                position: Some(row.position),
                job,
            };
            Ok(Decision::Record(Fact::Message(MessageFact::Redriven(
                Arc::new(redrive),
            ))))
        });
        let dead_letter = (Wanted::DeadLetter, reprocess.id);
        self.claim(dead_letter, decide, reprocess.reply, ctx);
    }
}

impl Handler<DeleteDeadLetter> for Archivist {
    type Result = ();

    fn handle(&mut self, delete: DeleteDeadLetter, ctx: &mut Context<Self>) {
        let (id, job) = (delete.id, delete.job);
        let decide: Decide = Box::new(move |dead_letter, at| {
            if job.is_some_and(|job| !dead_letter.is_meant_by(job)) {
                return Err(Refusal::NotFound);
            }
            let job = job.map(|job| job.job);
            let deleted = DeadLetterDeleted { id, at, job };
            Ok(Decision::Record(Fact::Message(
                MessageFact::DeadLetterDeleted(deleted),
            )))
        });
        self.claim((Wanted::DeadLetter, id), decide, delete.reply, ctx);
    }
}

impl Handler<DeleteMessage> for Archivist {
    type Result = ();

    fn handle(&mut self, delete: DeleteMessage, ctx: &mut Context<Self>) {
        let id = delete.id;
        let decide: Decide = Box::new(move |dead_letter, at| {
            let is_dead_letter = matches!(dead_letter, DeadLetter::Message(row) if row.dead_letter);
            Ok(Decision::Record(if is_dead_letter {
                let job = None;
                Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
                    id,
                    at,
                    job,
                }))
            } else {
                Fact::Message(MessageFact::MessageDeleted(MessageDeleted { id, at }))
            }))
        });
        self.claim((Wanted::Settled, id), decide, delete.reply, ctx);
    }
}

impl Archivist {
    /// Answers once the decision is in the journal.
    fn carry_out(
        &self,
        decision: Decision,
        id: MessageId,
        reply: Reply<Result<(), ArchiveRefusal>>,
        ctx: &Context<Self>,
    ) {
        let home = ctx.address();
        match decision {
            Decision::Record(fact) => {
                let (record, recorded) = oneshot::channel();
                self.hops.record.do_send(Record {
                    facts: vec![fact],
                    reply: Some(record),
                });
                actix::spawn(async move {
                    if recorded.await.is_ok() {
                        let _ = reply.send(Ok(()));
                    }
                    home.do_send(Unclaim(id));
                });
            }
            Decision::Redeliver(dead_event) => {
                let (redeliver, redelivered) = oneshot::channel();
                self.hops.redeliver.do_send(RedeliverEvent {
                    dead_event,
                    reply: redeliver,
                });
                actix::spawn(async move {
                    if let Ok(answer) = redelivered.await {
                        let _ = reply.send(answer.map(drop).map_err(ArchiveRefusal::from));
                    }
                    home.do_send(Unclaim(id));
                });
            }
        }
    }
}

impl Handler<Read> for Archivist {
    type Result = ();

    fn handle(&mut self, read: Read, ctx: &mut Context<Self>) {
        let dead_letter = match read.row {
            Ok(Some(dead_letter)) => dead_letter,
            other => {
                self.desk.release(read.id);
                let error = other
                    .err()
                    .map_or(Refusal::NotFound.into(), ArchiveRefusal::from);
                let _ = read.reply.send(Err(error));
                return;
            }
        };
        match (read.decide)(dead_letter, self.clock.wall()) {
            Ok(decision) => self.carry_out(decision, read.id, read.reply, ctx),
            Err(refusal) => {
                self.desk.release(read.id);
                let _ = read.reply.send(Err(refusal.into()));
            }
        }
    }
}

impl Handler<Unclaim> for Archivist {
    type Result = ();

    fn handle(&mut self, Unclaim(id): Unclaim, _: &mut Context<Self>) {
        self.desk.release(id);
    }
}
