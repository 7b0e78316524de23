//! Streams: the events of one thing, and what they add up to.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::Hub;
use super::access::Operation;
use super::error::HubError;
use super::reading::Reading;
use super::request::RequestContext;
use crate::actors::messages::archivist::ArchiveRefusal;
use crate::actors::messages::historian::{InspectStream, ReadState, TakeSnapshot};
use crate::domain::event::{Event, Snapshot};
use crate::domain::event_lists::StreamEntry;
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::event_query::EventQuery;
use crate::logic::name_query::NameQuery;
use crate::logic::page::Page;

/// How far a stream is, and what is kept of it.
#[derive(Debug)]
pub struct StreamSummary {
    /// Of its last event.
    pub version: u64,
    /// Events kept; `None` while the archive does not answer, or nothing is.
    pub count: Option<u64>,
    /// When the oldest event kept was published.
    pub first_at: Option<Timestamp>,
    /// When the newest event kept was published.
    pub last_at: Option<Timestamp>,
}

/// A page of the events of a stream.
pub struct StreamPage {
    /// Of the stream's last event.
    pub version: u64,
    /// What stands for the events that were asked for and are gone.
    pub snapshot: Option<Snapshot>,
    /// The events after that.
    pub events: Page<Arc<Event>>,
}

/// What the events of a stream up to a version add up to. Another is built when this is dropped.
#[derive(Debug)]
pub struct StreamState {
    /// The last event in it.
    pub version: u64,
    /// A JSON object.
    pub state: JsonText,
    turn: OwnedSemaphorePermit,
}

/// A snapshot that is on disk. If its state was built, another is built when this is dropped.
pub struct TakenSnapshot {
    /// As it is kept.
    pub snapshot: Snapshot,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Which version of a stream, and the name that whoever asks has for it.
#[derive(Clone, Copy, Debug)]
pub struct WantedVersion {
    /// `None`: the present one.
    pub version: Option<u64>,
    /// As the client calls it.
    pub field: &'static str,
}

impl Hub {
    /// One stream. How far it is, is known also without the archive.
    ///
    /// # Errors
    /// NOT_FOUND if it never had an event.
    pub async fn stream(&self, id: &StreamId) -> Result<StreamSummary, HubError> {
        let version = self.stream_version(id).await?;
        let kept = match self.flush().await {
            Ok(()) => self
                .archive
                .stream(id.clone())
                .await
                .map_err(HubError::from),
            Err(error) => Err(error),
        };
        let kept = match kept {
            Ok(kept) => kept,
            Err(HubError::NoArchive(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(StreamSummary {
            version,
            count: kept.as_ref().map(|kept| kept.count),
            first_at: kept.as_ref().and_then(|kept| kept.first_at),
            last_at: kept.as_ref().and_then(|kept| kept.last_at),
        })
    }

    /// A page of the streams that have events. Whatever was acknowledged before is among them.
    ///
    /// # Errors
    /// QUEUE_FULL if too much is read at once; STORAGE_UNAVAILABLE.
    pub async fn streams(
        &self,
        reading: &mut Reading<'_>,
        query: NameQuery,
    ) -> Result<Page<StreamEntry>, HubError> {
        reading.begin_in_archive().await?;
        Ok(self.archive.streams(query).await?)
    }

    /// Of its last event.
    async fn stream_version(&self, id: &StreamId) -> Result<u64, HubError> {
        let inspect = InspectStream { stream: id.clone() };
        let version = self.clients.historian.query(inspect).await?;
        version.ok_or_else(|| unknown(id))
    }

    /// The events of a stream from version `from` on, after a snapshot if the first of them are gone.
    ///
    /// # Errors
    /// NOT_FOUND if it never had an event, GONE if events are gone and no snapshot stands for them;
    /// QUEUE_FULL, STORAGE_UNAVAILABLE.
    pub async fn stream_events(
        &self,
        reading: &mut Reading<'_>,
        id: &StreamId,
        from: u64,
        limit: usize,
    ) -> Result<StreamPage, HubError> {
        let version = self.stream_version(id).await?;
        let query = |from| EventQuery {
            stream_id: Some(id.clone()),
            from_version: Some(from),
            limit,
            ..EventQuery::default()
        };
        let page = self.search_events(reading, query(from), None).await?;
        // The last one that is gone.
        let gone = match page.items.first() {
            Some(first) => first.stream_version() - 1,
            None => version,
        };
        let whole = |snapshot, events| StreamPage {
            version,
            snapshot,
            events,
        };
        if gone < from {
            return Ok(whole(None, page));
        }
        reading.begin_in_archive().await?;
        reading.begin_snapshot().await?;
        let exact = self.archive.snapshot(id.clone(), gone).await?;
        if let Some(snapshot) = exact.filter(|snapshot| snapshot.version == gone) {
            return Ok(whole(Some(snapshot), page));
        }
        // Somebody took a later one, so that none was needed when the events went.
        let newest = self.archive.snapshot(id.clone(), u64::MAX).await?;
        let newest = newest.filter(|snapshot| snapshot.version > gone);
        let Some(snapshot) = newest else {
            return Err(Refusal::VersionsGone { oldest: gone + 1 }.into());
        };
        let query = query(snapshot.version + 1);
        let page = self.search_events(reading, query, None).await?;
        Ok(whole(Some(snapshot), page))
    }

    /// What a stream adds up to.
    ///
    /// # Errors
    /// NOT_FOUND if it never had an event, VERSION_CONFLICT if it has no such version, GONE,
    /// PAYLOAD_TOO_LARGE, QUEUE_FULL, STORAGE_UNAVAILABLE.
    pub async fn stream_state(
        &self,
        id: &StreamId,
        wanted: WantedVersion,
    ) -> Result<StreamState, HubError> {
        let built = self.clients.historian.request(|reply| ReadState {
            stream: id.clone(),
            version: wanted.version,
            reply,
        });
        let built = built.await?.map_err(|refusal| match refusal {
            ArchiveRefusal::Refused(refusal) => refused(refusal, id, wanted.field),
            ArchiveRefusal::Archive(error) => error.into(),
        })?;
        Ok(StreamState {
            version: built.version,
            state: built.state,
            turn: built.turn,
        })
    }

    /// Keeps what a stream adds up to: `state`, or what its events do.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator gives the state, which everybody reads as what the events add
    /// up to; else as [`Hub::stream_state`], and STORAGE_FULL.
    pub async fn take_snapshot(
        &self,
        context: &RequestContext<'_>,
        reading: &mut Reading<'_>,
        id: &StreamId,
        (state, wanted): (Option<JsonText>, WantedVersion),
    ) -> Result<TakenSnapshot, HubError> {
        let (state, version, turn) = match state {
            Some(state) => {
                context.principal.may(Operation::ReplaceState)?;
                (state, wanted.version, None)
            }
            None => {
                let built = self.stream_state(id, wanted).await?;
                (built.state, Some(built.version), Some(built.turn))
            }
        };
        // Nobody is turned away for what was done.
        reading.begin_with(state.as_json().len()).await?;
        let taken = self.clients.historian.request(|reply| TakeSnapshot {
            stream: id.clone(),
            state,
            version,
            reply,
        });
        let refused = |refusal| refused(refusal, id, wanted.field);
        let snapshot = taken.await?.map_err(refused)?;
        Ok(TakenSnapshot {
            snapshot,
            _turn: turn,
        })
    }

    /// The snapshot with the highest version.
    ///
    /// # Errors
    /// NOT_FOUND if there is none, or the stream never had an event; QUEUE_FULL,
    /// STORAGE_UNAVAILABLE.
    pub async fn latest_snapshot(
        &self,
        reading: &mut Reading<'_>,
        id: &StreamId,
    ) -> Result<Snapshot, HubError> {
        self.stream_version(id).await?;
        reading.begin_in_archive().await?;
        reading.begin_snapshot().await?;
        let newest = self.archive.snapshot(id.clone(), u64::MAX).await?;
        newest.ok_or_else(|| HubError::NotFound {
            what: format!("a snapshot of stream {id}"),
        })
    }
}

/// `field`: as the client calls the version.
fn refused(refusal: Refusal, id: &StreamId, field: &'static str) -> HubError {
    match refusal {
        Refusal::VersionConflict { current, .. } => HubError::NoSuchVersion { field, current },
        refusal => HubError::refused(refusal, unknown(id)),
    }
}

fn unknown(id: &StreamId) -> HubError {
    HubError::NotFound {
        what: format!("stream {id}"),
    }
}
