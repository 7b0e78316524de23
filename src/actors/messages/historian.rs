//! What is asked of the Historian.

use actix::Message as ActixMessage;
use tokio::sync::OwnedSemaphorePermit;

use super::archivist::ArchiveRefusal;
use super::reply::Reply;
use crate::domain::event::Snapshot;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;

/// What was built for a client.
#[derive(Debug)]
pub struct BuiltState {
    pub version: u64,
    pub state: JsonText,
    /// Another is built when this is dropped.
    pub turn: OwnedSemaphorePermit,
}

/// http → Historian: keep what a stream adds up to. Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct TakeSnapshot {
    pub stream: StreamId,
    pub state: JsonText,
    /// `None`: the present one.
    pub version: Option<u64>,
    pub reply: Reply<Result<Snapshot, Refusal>>,
}

/// http → Historian: what the stream's events add up to, at `version` or now.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct ReadState {
    pub stream: StreamId,
    pub version: Option<u64>,
    pub reply: Reply<Result<BuiltState, ArchiveRefusal>>,
}

/// http → Historian: the version of the stream's last event, also if that is gone; `None`: there
/// never was one.
#[derive(ActixMessage)]
#[rtype(result = "Option<u64>")]
pub struct InspectStream {
    pub stream: StreamId,
}
