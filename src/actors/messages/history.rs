//! What clients ask of the Historian.

use actix::Message as ActixMessage;
use tokio::sync::OwnedSemaphorePermit;

use super::{ArchiveRefusal, Reply};
use crate::domain::event::{Snapshot, StreamId};
use crate::domain::message::Payload;

/// A snapshot for a client.
#[derive(Debug)]
pub struct HeldSnapshot {
    pub snapshot: Snapshot,
    /// If the hub built its state: another is built when this is dropped.
    pub room: Option<OwnedSemaphorePermit>,
}

/// http → Historian: keep what a stream adds up to. Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct TakeSnapshot {
    pub stream: StreamId,
    /// `None`: the hub builds it from the events.
    pub state: Option<Payload>,
    /// `None`: the present one.
    pub version: Option<u64>,
    pub reply: Reply<Result<HeldSnapshot, ArchiveRefusal>>,
}

/// http → Historian: what the stream's events add up to, at `version` or now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ReadState {
    pub stream: StreamId,
    pub version: Option<u64>,
    /// As a snapshot that nobody takes.
    pub reply: Reply<Result<HeldSnapshot, ArchiveRefusal>>,
}

/// http → Historian: the version of the stream's last event, also if that is gone; `None`: there
/// never was one.
#[derive(ActixMessage)]
#[rtype(result = "Option<u64>")]
pub struct InspectStream {
    pub stream: StreamId,
}
