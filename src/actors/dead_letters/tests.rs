mod claims;
mod events;
mod jobs;

use actix::Addr;
use tokio::sync::oneshot;

use super::*;
use crate::actors::fixtures::{
    accepted, committed, dead, delivered, disk_low, id, message, unwatched,
};
use crate::actors::messages::archivist::ArchiveRefusal;
use crate::actors::messages::dead_letters::{DeleteDeadLetter, DeleteMessage, Reprocess};
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{MessageFact, Redrive};
use crate::domain::ids::Position;
use crate::domain::message::{Message as HubMessage, State};
use crate::domain::refusal::Refusal;
use crate::logic::projection::Projection;
use crate::ports::archive::{ArchiveReader, ArchiveWriter};

const MOST_JOBS: usize = 2;

/// Between an archive with dead letters and a journal, with everything it says.
struct Office {
    address: Addr<DeadLetters>,
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<MemoryArchive>,
    recorded: Received<Record>,
    redelivered: Received<RedeliverEvent>,
    /// Of the next fact.
    position: Position,
}

/// An archivist that has nothing pending.
struct Idle;

impl Actor for Idle {
    type Context = Context<Self>;
}

impl Handler<Flush> for Idle {
    type Result = ();

    fn handle(&mut self, flush: Flush, _: &mut Context<Self>) {
        let _ = flush.reply.send(Ok(()));
    }
}

/// With so many dead letters in the archive.
async fn office(dead_letters: u128) -> Office {
    tokio::time::pause();
    let (record, recorded) = probe();
    let (redeliver, redelivered) = probe();
    let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
    let archive = Arc::new(MemoryArchive::default());
    let hops = Hops {
        record,
        flush: Idle.start().recipient(),
        redeliver,
    };
    let actor = DeadLetters::new(
        (clock, metrics.clone()),
        archive.clone(),
        MOST_JOBS,
        hops,
        unwatched(),
    );
    let office = Office {
        address: actor.start(),
        clock,
        metrics,
        archive,
        recorded,
        redelivered,
        position: 1000,
    };
    let messages = (1..=dead_letters).map(|number| office.message(number));
    let facts = messages.flat_map(|message| [accepted(message.clone()), dead(&message)]);
    office.archive(facts.collect()).await;
    office
}

type Answer = Result<(), ArchiveRefusal>;

impl Office {
    fn message(&self, number: u128) -> HubMessage {
        message(number, self.clock.now())
    }

    async fn archive(&self, facts: Vec<Fact>) {
        let after = self.archive.standing().await.unwrap().checkpoint;
        let mut projection = Projection::new(after);
        for record in committed(after + 1, facts).records.iter() {
            projection.apply(record);
        }
        if let Some(batch) = projection.take() {
            self.archive.apply(Arc::new(batch)).await.unwrap();
        }
    }

    /// As the journal does.
    fn commit(&mut self, facts: Vec<Fact>) {
        let first = self.position;
        self.position += facts.len() as Position;
        self.address.do_send(committed(first, facts));
    }

    /// The next message that is sent again, and who waits until the journal has it; versions of
    /// jobs are passed over.
    async fn next_redrive(&mut self) -> (Arc<Redrive>, Record) {
        loop {
            let record = self.recorded.recv().await;
            if let [Fact::Message(MessageFact::Redriven(redrive))] = &record.facts[..] {
                return (redrive.clone(), record);
            }
        }
    }

    fn reprocess(&self, number: u128) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Reprocess {
            id: id(number),
            destination: None,
            payload: None,
            reply,
        });
        answer
    }

    fn delete(&self, number: u128) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let id = id(number);
        self.address.do_send(DeleteDeadLetter { id, reply });
        answer
    }

    fn delete_message(&self, number: u128) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let id = id(number);
        self.address.do_send(DeleteMessage { id, reply });
        answer
    }
}
