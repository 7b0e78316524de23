//! What is found in an archive, or that it cannot be told.

use crate::domain::event::Sequence;
use crate::domain::ids::Position;
use crate::logic::event_query::EventQuery;
use crate::ports::archive::{ArchiveError, EventArchive};

/// What was found in an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FoundArchive {
    /// It holds everything up to here.
    pub checkpoint: Position,
    /// The first event in it and the last.
    pub events: Option<(Sequence, Sequence)>,
}

/// The first event that an archive holds and the last.
///
/// # Errors
/// As [`EventArchive::events`].
pub async fn events_in(
    archive: &dyn EventArchive,
) -> Result<Option<(Sequence, Sequence)>, ArchiveError> {
    let mut ends = Vec::new();
    for descending in [false, true] {
        let end = EventQuery {
            descending,
            limit: 1,
            ..EventQuery::default()
        };
        let page = archive.events(end).await?;
        ends.extend(page.items.first().map(|event| event.sequence));
    }
    Ok(ends.first().copied().zip(ends.last().copied()))
}

/// Why nothing is asked of an archive at present but to write what is being written.
pub(super) struct Silence {
    pub cause: ArchiveError,
    /// That it answers a look is not enough: it failed to write, and has not written since. It might
    /// go and come back every second.
    pub until_written: bool,
}

pub(super) fn tell_down(error: &ArchiveError) {
    tracing::error!(%error, "archive down: history answers 503, everything else goes on");
}
