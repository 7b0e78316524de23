//! One step of retention: which events go next, and the snapshots that stay in their place.

use std::sync::Arc;

use actix::Recipient;
use tokio::sync::oneshot;

use super::states::States;
use crate::actors::messages::archivist::ArchiveRefusal;
use crate::actors::messages::event_store::Record;
use crate::clock::Clock;
use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Sequence, Snapshot};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;
use crate::ports::archive::ArchiveError;

/// Snapshots are handed to the journal when they are this large together, in bytes.
const CHUNK: usize = 1 << 20;

/// What a step works with.
pub(super) struct Removal {
    pub clock: Clock,
    pub states: States,
    pub record: Recipient<Record>,
    pub oldest: Sequence,
    pub newest: Sequence,
}

impl Removal {
    /// The first event that is not older than `cutoff`, or the next one to come; the oldest that
    /// is kept if older ones than that event were lost: nobody knows how old they were, and a
    /// backup may bring them back.
    pub(super) async fn first_young(&self, cutoff: Timestamp) -> Result<Sequence, ArchiveError> {
        self.states.flush().await?;
        let first = EventQuery {
            from_sequence: Some(self.oldest),
            limit: 1,
            ..EventQuery::default()
        };
        let first = self.states.archive.events(first).await?.items.pop();
        if first.is_none_or(|event| event.published_at >= cutoff) {
            return Ok(self.oldest);
        }
        let query = EventQuery {
            from_sequence: Some(self.oldest),
            from_timestamp: Some(cutoff),
            limit: 1,
            ..EventQuery::default()
        };
        let young = self.states.archive.events(query).await?;
        // All that was published since the archive was asked is young.
        let none = self.newest + 1;
        Ok(young
            .items
            .first()
            .map_or(none, |event| event.sequence.min(none)))
    }

    /// Has the journal take a snapshot of every stream with events before `end` that has no newer
    /// one; those that are left come back, for the record that removes the events.
    pub(super) async fn snapshots(&self, end: Sequence) -> Result<Vec<Fact>, ArchiveError> {
        let mut facts = Vec::new();
        let mut bytes = 0;
        for head in self.states.archive.streams_before(end).await? {
            let Some(state) = self.state(&head).await? else {
                continue;
            };
            bytes += state.as_json().len();
            facts.push(Fact::Event(EventFact::SnapshotTaken(Arc::new(Snapshot {
                stream_id: head.id,
                version: head.version,
                at: self.clock.wall(),
                state,
            }))));
            if bytes >= CHUNK {
                self.record(std::mem::take(&mut facts)).await?;
                bytes = 0;
            }
        }
        Ok(facts)
    }

    /// What the snapshot of a stream would hold; `None`: it needs none.
    async fn state(&self, head: &StreamHead) -> Result<Option<JsonText>, ArchiveError> {
        if self.states.covered(&head.id).await? >= head.version {
            return Ok(None);
        }
        match self.states.at(&head.id, head.version, self.oldest).await {
            Ok(state) => Ok(Some(state)),
            Err(ArchiveRefusal::Archive(error)) => Err(error),
            // The archive lost events some other way, or what they add up to is more than anybody
            // could ask for. Waiting changes neither, and one stream must not keep the events of
            // all others for ever.
            Err(ArchiveRefusal::Refused(refusal)) => {
                let (stream, version) = (&head.id, head.version);
                tracing::warn!(%stream, version, %refusal, "events go without a snapshot");
                Ok(None)
            }
        }
    }

    async fn record(&self, facts: Vec<Fact>) -> Result<(), ArchiveError> {
        let (reply, recorded) = oneshot::channel();
        let reply = Some(reply);
        self.record.do_send(Record { facts, reply });
        let stopping = |_| ArchiveError::Unavailable(Refusal::Stopping.to_string());
        recorded.await.map_err(stopping)
    }
}
