//! What clients ask of the Historian: snapshots, states, versions.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message};
use tokio::sync::OwnedSemaphorePermit;

use super::Historian;
use super::line::Place;
use super::states::States;
use crate::actors::messages::{
    ArchiveRefusal, HeldSnapshot, InspectStream, ReadState, Record, Reply, TakeSnapshot,
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
    state: Result<(Payload, OwnedSemaphorePermit), ArchiveRefusal>,
    reply: Answer,
}

type Answer = Reply<Result<HeldSnapshot, ArchiveRefusal>>;

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

    fn keep(&self, snapshot: Snapshot, room: Option<OwnedSemaphorePermit>, reply: Answer) {
        let facts = vec![Fact::SnapshotTaken(Arc::new(snapshot.clone()))];
        Record::and_then(&self.record, facts, move || {
            let _ = reply.send(Ok(HeldSnapshot { snapshot, room }));
        });
    }

    /// The version a client means, and its place among those who want a state.
    fn let_in(&self, stream: &StreamId, asked: Option<u64>) -> Result<(u64, Place), Refusal> {
        Ok((self.version_meant(stream, asked)?, self.line.join()?))
    }
}

/// Builds the state when it is the client's turn, and says with it how long the turn lasts.
async fn build(
    states: &States,
    (place, client): (&Place, &Answer),
    (stream, version): (&StreamId, u64),
    oldest: Sequence,
) -> Result<(Payload, OwnedSemaphorePermit), ArchiveRefusal> {
    states.flush().await?;
    let turn = place.turn().await;
    if client.is_closed() {
        // Nobody hears it any more.
        return Err(Refusal::NotFound.into());
    }
    Ok((states.at(stream, version, oldest).await?, turn))
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
            return self.keep(self.snapshot(stream, version, state), None, reply);
        }
        let place = match self.line.join() {
            Ok(place) => place,
            Err(refusal) => return drop(reply.send(Err(refusal.into()))),
        };
        let (states, home, oldest) = (self.states.clone(), ctx.address(), self.oldest());
        actix::spawn(async move {
            let state = build(&states, (&place, &reply), (&stream, version), oldest).await;
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
            Ok((state, room)) => {
                let snapshot = self.snapshot(built.stream, built.version, state);
                self.keep(snapshot, Some(room), built.reply);
            }
            Err(refusal) => drop(built.reply.send(Err(refusal))),
        }
    }
}

impl Handler<ReadState> for Historian {
    type Result = ();

    fn handle(&mut self, asked: ReadState, _: &mut Context<Self>) {
        let (stream_id, reply) = (asked.stream, asked.reply);
        let (version, place) = match self.let_in(&stream_id, asked.version) {
            Ok(meant) => meant,
            Err(refusal) => return drop(reply.send(Err(refusal.into()))),
        };
        let (states, oldest, at) = (self.states.clone(), self.oldest(), self.clock.now());
        actix::spawn(async move {
            let built = build(&states, (&place, &reply), (&stream_id, version), oldest).await;
            let _ = reply.send(built.map(|(state, room)| HeldSnapshot {
                snapshot: Snapshot {
                    stream_id,
                    version,
                    at,
                    state,
                },
                room: Some(room),
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
