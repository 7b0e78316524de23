//! What is done with one dead letter, or with one settled message.
//!
//! Whoever sends it again or deletes it has it for himself until the journal has the fact, so that
//! two at once never send it out twice.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message};
use tokio::sync::oneshot;

use super::DeadLetters;
use crate::actors::messages::archivist::{ArchiveRefusal, Flush};
use crate::actors::messages::dead_letters::{DeleteDeadLetter, DeleteMessage, Reprocess};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::subscriptions::RedeliverEvent;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{DeadLetterDeleted, MessageDeleted, MessageFact, Redrive};
use crate::domain::ids::{JobId, MessageId, Position, ServiceName};
use crate::domain::message::State;
use crate::domain::payload::Payload;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::DeadEvent;
use crate::domain::timestamp::Timestamp;
use crate::logic::redrive::ListedDeadLetter;
use crate::ports::archive::{
    ArchiveError, ArchiveReader, ArchivedMessage, DeadLetter, dead_letter,
};

/// One that somebody wants to have.
pub(super) struct DeadLetterClaim {
    pub id: MessageId,
    pub treatment: Treatment,
    pub claimant: Claimant,
}

/// What is to become of it.
pub(super) enum Treatment {
    /// It is owed again; a message perhaps to another, or with another payload.
    SendAgain {
        destination: Option<ServiceName>,
        payload: Option<Payload>,
    },
    Delete,
    /// As any settled message, be it a dead letter or not.
    DeleteSettled,
}

pub(super) enum Claimant {
    Client(Reply<Result<(), ArchiveRefusal>>),
    Job(ForJob),
}

/// A redrive job wants it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ForJob {
    pub job: JobId,
    pub dead_letter: ListedDeadLetter,
    /// A message that died later is not meant.
    pub died_by: Timestamp,
    /// An event that died here or later is not meant; `None`: no event is.
    pub events_before: Option<Position>,
}

/// What came of a claim; `None`: nobody knows, since the journal ends.
pub(super) type ClaimOutcome = Option<Result<(), ArchiveRefusal>>;

/// What follows from a claim.
enum Decision {
    Record(Fact),
    /// Subscriptions has it written if there is somebody to send it to.
    Redeliver(Arc<DeadEvent>),
}

/// It was read in the archive.
#[derive(Message)]
#[rtype(result = "()")]
struct Read {
    claim: DeadLetterClaim,
    row: Result<Option<DeadLetter>, ArchiveError>,
}

/// A claim is over.
#[derive(Message)]
#[rtype(result = "()")]
struct ClaimEnded {
    /// What is free for others now; `None`: it was another's all the time.
    released: Option<MessageId>,
    claimant: Claimant,
    outcome: ClaimOutcome,
}

impl ForJob {
    /// Whether it is the one the job found at its start, and did not die later.
    pub(super) fn means(&self, dead_letter: &DeadLetter) -> bool {
        match dead_letter {
            DeadLetter::Message(row) => row.settled_at <= Some(self.died_by),
            DeadLetter::Event(row) => self.events_before > Some(row.position),
        }
    }
}

impl DeadLetters {
    pub(super) fn claim(&mut self, claim: DeadLetterClaim, ctx: &Context<Self>) {
        let home = ctx.address();
        if !self.claimed.insert(claim.id) {
            let refusal = Refusal::WrongState {
                state: State::Dead,
                hint: "another request is at work on this dead letter",
            };
            return home.do_send(ClaimEnded {
                released: None,
                claimant: claim.claimant,
                outcome: Some(Err(refusal.into())),
            });
        }
        let (archive, flushed) = (self.archive.clone(), Flush::ask(&self.hops.flush));
        actix::spawn(async move {
            let row = match flushed.await {
                Ok(()) => read(&*archive, &claim).await,
                Err(error) => Err(error),
            };
            home.do_send(Read { claim, row });
        });
    }

    fn decide(&self, claim: &DeadLetterClaim, row: DeadLetter) -> Result<Decision, Refusal> {
        let (id, at) = (claim.id, self.clock.wall());
        let mut job = None;
        if let Claimant::Job(for_job) = &claim.claimant {
            if !for_job.means(&row) {
                return Err(Refusal::NotFound);
            }
            job = Some(for_job.job);
        }
        let is_dead = !matches!(&row, DeadLetter::Message(row) if !row.dead_letter);
        let fact = match &claim.treatment {
            Treatment::SendAgain {
                destination,
                payload,
            } => {
                // Sending again writes the whole dead letter again, as a new one would.
                if let Some(refusal) = self.metrics.status.intake.refusal() {
                    return Err(refusal);
                }
                match row {
                    DeadLetter::Message(row) => {
                        let (to, payload) = (destination.clone(), payload.clone());
                        message_again(*row, at, (to, payload), job)
                    }
                    DeadLetter::Event(row) => {
                        let dead_event = DeadEvent {
                            at,
                            redriven: row.dead_event.redriven + 1,
                            job,
                            ..row.dead_event
                        };
                        return Ok(Decision::Redeliver(Arc::new(dead_event)));
                    }
                }
            }
            Treatment::DeleteSettled if !is_dead => {
                MessageFact::MessageDeleted(MessageDeleted { id, at })
            }
            Treatment::Delete | Treatment::DeleteSettled => {
                MessageFact::DeadLetterDeleted(DeadLetterDeleted { id, at, job })
            }
        };
        Ok(Decision::Record(Fact::Message(fact)))
    }

    /// The claim is over once the journal has what was decided.
    fn carry_out(&self, decision: Decision, claim: DeadLetterClaim, ctx: &Context<Self>) {
        let home = ctx.address();
        let end = move |outcome| {
            home.do_send(ClaimEnded {
                released: Some(claim.id),
                claimant: claim.claimant,
                outcome,
            });
        };
        match decision {
            Decision::Record(fact) => {
                let (reply, recorded) = oneshot::channel();
                self.hops.record.do_send(Record {
                    facts: vec![fact],
                    reply: Some(reply),
                });
                actix::spawn(async move { end(recorded.await.ok().map(Ok)) });
            }
            Decision::Redeliver(dead_event) => {
                let (reply, redelivered) = oneshot::channel();
                let asked = RedeliverEvent { dead_event, reply };
                self.hops.redeliver.do_send(asked);
                actix::spawn(async move {
                    let answer = redelivered.await.ok();
                    end(answer.map(|answer| answer.map(drop).map_err(ArchiveRefusal::from)));
                });
            }
        }
    }

    fn end_claim(&mut self, claimant: Claimant, outcome: ClaimOutcome, ctx: &mut Context<Self>) {
        match (claimant, outcome) {
            (Claimant::Job(for_job), outcome) => self.claim_of_job_ended(for_job, outcome, ctx),
            (Claimant::Client(reply), Some(outcome)) => drop(reply.send(outcome)),
            (Claimant::Client(_), None) => {}
        }
    }
}

async fn read(
    archive: &dyn ArchiveReader,
    claim: &DeadLetterClaim,
) -> Result<Option<DeadLetter>, ArchiveError> {
    let Treatment::DeleteSettled = claim.treatment else {
        return dead_letter(archive, claim.id).await;
    };
    let row = archive.message(claim.id).await?;
    let row = row.filter(|row| row.state.is_settled());
    Ok(row.map(|row| DeadLetter::Message(Box::new(row))))
}

/// The message is owed again.
fn message_again(
    row: ArchivedMessage,
    at: Timestamp,
    (destination, payload): (Option<ServiceName>, Option<Payload>),
    job: Option<JobId>,
) -> MessageFact {
    MessageFact::Redriven(Arc::new(Redrive {
        message: row.message.redriven(at, destination, payload),
        times: row.redriven + 1,
        from: row.state,
        position: Some(row.position),
        job,
    }))
}

impl Handler<Reprocess> for DeadLetters {
    type Result = ();

    fn handle(&mut self, reprocess: Reprocess, ctx: &mut Context<Self>) {
        let treatment = Treatment::SendAgain {
            destination: reprocess.destination,
            payload: reprocess.payload,
        };
        let (id, claimant) = (reprocess.id, Claimant::Client(reprocess.reply));
        self.claim(
            DeadLetterClaim {
                id,
                treatment,
                claimant,
            },
            ctx,
        );
    }
}

impl Handler<DeleteDeadLetter> for DeadLetters {
    type Result = ();

    fn handle(&mut self, delete: DeleteDeadLetter, ctx: &mut Context<Self>) {
        let claim = DeadLetterClaim {
            id: delete.id,
            treatment: Treatment::Delete,
            claimant: Claimant::Client(delete.reply),
        };
        self.claim(claim, ctx);
    }
}

impl Handler<DeleteMessage> for DeadLetters {
    type Result = ();

    fn handle(&mut self, delete: DeleteMessage, ctx: &mut Context<Self>) {
        let claim = DeadLetterClaim {
            id: delete.id,
            treatment: Treatment::DeleteSettled,
            claimant: Claimant::Client(delete.reply),
        };
        self.claim(claim, ctx);
    }
}

impl Handler<Read> for DeadLetters {
    type Result = ();

    fn handle(&mut self, Read { claim, row }: Read, ctx: &mut Context<Self>) {
        let decision = match row {
            Ok(Some(row)) => self.decide(&claim, row).map_err(ArchiveRefusal::from),
            Ok(None) => Err(Refusal::NotFound.into()),
            Err(error) => Err(error.into()),
        };
        match decision {
            Ok(decision) => self.carry_out(decision, claim, ctx),
            Err(refusal) => {
                self.claimed.remove(&claim.id);
                self.end_claim(claim.claimant, Some(Err(refusal)), ctx);
            }
        }
    }
}

impl Handler<ClaimEnded> for DeadLetters {
    type Result = ();

    fn handle(&mut self, ended: ClaimEnded, ctx: &mut Context<Self>) {
        if let Some(id) = ended.released {
            self.claimed.remove(&id);
        }
        self.end_claim(ended.claimant, ended.outcome, ctx);
    }
}
