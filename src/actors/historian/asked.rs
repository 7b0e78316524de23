//! What clients ask of the Historian: snapshots, states, versions.

use std::sync::Arc;

use actix::{Context, Handler};

use super::Historian;
use super::line::Place;
use super::states::States;
use crate::actors::messages::archivist::ArchiveRefusal;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::historian::{BuiltState, InspectStream, ReadState, TakeSnapshot};
use crate::actors::messages::reply::Reply;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;
use crate::domain::refusal::Refusal;

type Answer = Reply<Result<BuiltState, ArchiveRefusal>>;

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
) -> Result<BuiltState, ArchiveRefusal> {
    states.flush().await?;
    let turn = place.turn().await;
    if client.is_closed() {
        // Nobody hears it any more.
        return Err(Refusal::NotFound.into());
    }
    let state = states.at(stream, version, oldest).await?;
    Ok(BuiltState {
        version,
        state,
        turn,
    })
}

impl Handler<TakeSnapshot> for Historian {
    type Result = ();

    fn handle(&mut self, asked: TakeSnapshot, _: &mut Context<Self>) {
        let reply = asked.reply;
        let meant = self.version_meant(&asked.stream, asked.version);
        // It is new data, as a message would be.
        let refused = self.metrics.status.intake.refusal();
        let version = meant.and_then(|version| refused.map_or(Ok(version), Err));
        let version = match version {
            Ok(version) => version,
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        let snapshot = self.snapshot(asked.stream, version, asked.state);
        let facts = vec![Fact::Event(EventFact::SnapshotTaken(Arc::new(
            snapshot.clone(),
        )))];
        Record::and_then(&self.record, facts, move || {
            let _ = reply.send(Ok(snapshot));
        });
    }
}

impl Handler<ReadState> for Historian {
    type Result = ();

    fn handle(&mut self, asked: ReadState, _: &mut Context<Self>) {
        let (stream, reply) = (asked.stream, asked.reply);
        let (version, place) = match self.let_in(&stream, asked.version) {
            Ok(meant) => meant,
            Err(refusal) => return drop(reply.send(Err(refusal.into()))),
        };
        let (states, oldest) = (self.states.clone(), self.oldest());
        actix::spawn(async move {
            let built = build(&states, (&place, &reply), (&stream, version), oldest).await;
            let _ = reply.send(built);
        });
    }
}

impl Handler<InspectStream> for Historian {
    type Result = Option<u64>;

    fn handle(&mut self, asked: InspectStream, _: &mut Context<Self>) -> Option<u64> {
        self.snapshots.version(&asked.stream)
    }
}
