//! What clients ask of the Historian: snapshots, states, versions.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message};

use super::Historian;
use super::states::States;
use crate::actors::messages::{
    ArchiveRefusal, InspectStream, ReadState, Record, Reply, TakeSnapshot,
};
use crate::domain::event::{Sequence, Snapshot, StreamId};
use crate::domain::fact::Fact;
use crate::domain::message::Payload;
use crate::domain::refusal::Refusal;

/// What a client asked for was built.
#[derive(Message)]
#[rtype(result = "()")]
struct Built {
    stream: StreamId,
    version: u64,
    state: Result<Payload, ArchiveRefusal>,
    reply: Reply<Result<Snapshot, ArchiveRefusal>>,
}

impl Historian {
    /// The version a client means.
    fn version_meant(&self, stream: &StreamId, asked: Option<u64>) -> Result<u64, Refusal> {
        let current = self.snapshots.version(stream).ok_or(Refusal::NotFound)?;
        match asked {
            Some(version) if version > current => Err(Refusal::VersionConflict {
                expected: i64::try_from(version).unwrap_or(i64::MAX),
                current,
            }),
            asked => Ok(asked.unwrap_or(current)),
        }
    }

    fn keep(&self, snapshot: Snapshot, reply: Reply<Result<Snapshot, ArchiveRefusal>>) {
        let facts = vec![Fact::SnapshotTaken(Arc::new(snapshot.clone()))];
        Record::and_then(&self.record, facts, move || {
            let _ = reply.send(Ok(snapshot));
        });
    }
}

async fn build(
    states: &States,
    stream: &StreamId,
    version: u64,
    oldest: Sequence,
) -> Result<Payload, ArchiveRefusal> {
    states.flush().await?;
    states.at(stream, version, oldest).await
}

impl Handler<TakeSnapshot> for Historian {
    type Result = ();

    fn handle(&mut self, asked: TakeSnapshot, ctx: &mut Context<Self>) {
        let (stream, reply) = (asked.stream, asked.reply);
        let version = match self.version_meant(&stream, asked.version) {
            // It is new data, as a message would be.
            Ok(_) if self.metrics.disk_guard.get() > 0 => Err(Refusal::StorageFull),
            meant => meant,
        };
        let version = match version {
            Ok(version) => version,
            Err(refusal) => return drop(reply.send(Err(refusal.into()))),
        };
        if let Some(state) = asked.state {
            return self.keep(self.snapshot(stream, version, state), reply);
        }
        let (states, home, oldest) = (self.states.clone(), ctx.address(), self.oldest());
        actix::spawn(async move {
            let state = build(&states, &stream, version, oldest).await;
            home.do_send(Built {
                stream,
                version,
                state,
                reply,
            });
        });
    }
}

impl Handler<Built> for Historian {
    type Result = ();

    fn handle(&mut self, built: Built, _: &mut Context<Self>) {
        match built.state {
            Ok(state) => {
                let snapshot = self.snapshot(built.stream, built.version, state);
                self.keep(snapshot, built.reply);
            }
            Err(refusal) => drop(built.reply.send(Err(refusal))),
        }
    }
}

impl Handler<ReadState> for Historian {
    type Result = ();

    fn handle(&mut self, asked: ReadState, _: &mut Context<Self>) {
        let (stream_id, reply) = (asked.stream, asked.reply);
        let version = match self.version_meant(&stream_id, asked.version) {
            Ok(version) => version,
            Err(refusal) => return drop(reply.send(Err(refusal.into()))),
        };
        let (states, oldest, at) = (self.states.clone(), self.oldest(), self.clock.now());
        actix::spawn(async move {
            let state = build(&states, &stream_id, version, oldest).await;
            let _ = reply.send(state.map(|state| Snapshot {
                stream_id,
                version,
                at,
                state,
            }));
        });
    }
}

impl Handler<InspectStream> for Historian {
    type Result = Option<u64>;

    fn handle(&mut self, asked: InspectStream, _: &mut Context<Self>) -> Option<u64> {
        self.snapshots.version(&asked.stream)
    }
}
