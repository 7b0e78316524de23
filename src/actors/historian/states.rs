//! Reads from the archive what the events of a stream add up to.

use std::sync::Arc;

use actix::Recipient;

use crate::actors::messages::archivist::{ArchiveRefusal, Flush};
use crate::domain::event::{Event, Sequence};
use crate::domain::ids::StreamId;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::logic::event_query::EventQuery;
use crate::logic::fold::Fold;
use crate::ports::archive::{ArchiveError, ArchiveReader};

/// No state that the hub builds is longer, in bytes: far less than a record of the journal takes.
pub(super) const MOST_STATE_BYTES: usize = 16 << 20;
/// Events read at once, if they are small.
const PAGE: usize = 32;
/// How often a reading begins anew because retention took events from under it.
const TRIES: usize = 3;

/// The archive, and who brings it up to date.
#[derive(Clone)]
pub(super) struct States {
    pub archive: Arc<dyn ArchiveReader>,
    pub flush: Recipient<Flush>,
}

/// How far a reading came.
enum Reading {
    Complete,
    /// The next event that is needed is not there.
    Gap,
    TooLarge,
}

impl States {
    /// Makes everything committed so far readable.
    pub(super) async fn flush(&self) -> Result<(), ArchiveError> {
        Flush::ask(&self.flush).await
    }

    /// What the stream's events up to `version` add up to.
    ///
    /// # Errors
    /// [`Refusal::EventsGone`] with `oldest` if events before are gone that no snapshot covers;
    /// [`Refusal::StateTooLarge`] if the state is, or was on the way, longer than
    /// [`MOST_STATE_BYTES`].
    pub(super) async fn at(
        &self,
        stream: &StreamId,
        version: u64,
        oldest: Sequence,
    ) -> Result<JsonText, ArchiveRefusal> {
        for _ in 0..TRIES {
            let snapshot = self.archive.snapshot(stream.clone(), version).await?;
            let mut fold = Fold::default();
            let mut covered = 0;
            if let Some(snapshot) = snapshot {
                fold.merge(&snapshot.state);
                covered = snapshot.version;
            }
            match self.lay_over(&mut fold, stream, covered, version).await? {
                Reading::Complete => return Ok(fold.state()),
                Reading::Gap => {}
                Reading::TooLarge => {
                    let limit = MOST_STATE_BYTES;
                    return Err(Refusal::StateTooLarge { limit }.into());
                }
            }
        }
        Err(Refusal::EventsGone { oldest }.into())
    }

    /// The version of the stream's newest snapshot; 0: there is none.
    pub(super) async fn covered(&self, stream: &StreamId) -> Result<u64, ArchiveError> {
        let newest = self.archive.snapshot(stream.clone(), u64::MAX).await?;
        Ok(newest.map_or(0, |snapshot| snapshot.version))
    }

    /// Lays the events after version `covered`, up to `through`, over what is in `fold`.
    async fn lay_over(
        &self,
        fold: &mut Fold,
        stream: &StreamId,
        mut covered: u64,
        through: u64,
    ) -> Result<Reading, ArchiveError> {
        while covered < through {
            let query = EventQuery {
                stream_id: Some(stream.clone()),
                from_version: Some(covered + 1),
                to_version: Some(through),
                limit: PAGE,
                ..EventQuery::default()
            };
            let page = self.archive.events(query).await?;
            if page.items.is_empty() {
                return Ok(Reading::Gap);
            }
            for event in page.items {
                if version_of(&event) != covered + 1 {
                    return Ok(Reading::Gap);
                }
                fold.merge(&event.payload);
                if fold.bytes() > MOST_STATE_BYTES {
                    return Ok(Reading::TooLarge);
                }
                covered += 1;
            }
        }
        Ok(Reading::Complete)
    }
}

fn version_of(event: &Event) -> u64 {
    event.stream.as_ref().map_or(0, |place| place.version)
}
