//! How many dead letters there are, counted in the archive for all who show it: once a second, or
//! less often if there are so many that counting takes its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::error::HubError;
use super::lately::{Found, Lately};
use crate::domain::redrive::RedriveFilter;
use crate::domain::timestamp::Timestamp;
use crate::metrics::hub_status::HubStatus;
use crate::phase::Phase;
use crate::ports::archive::{ArchiveReader, DeadLetterCounts, DeadLetterQuery};

/// What died within so long is news.
const LATELY: Duration = Duration::from_secs(3600);
/// Counting takes one part in so many of the archive's time.
const REST: u32 = 200;

/// The latest count. Clones are the same.
#[derive(Clone)]
pub(super) struct DeadLetterTally {
    archive: Arc<dyn ArchiveReader>,
    status: Arc<HubStatus>,
    all: Lately<Option<DeadLetterCounts>>,
    fresh: Lately<Option<u64>>,
}

impl DeadLetterTally {
    pub(super) fn new(archive: Arc<dyn ArchiveReader>, status: Arc<HubStatus>) -> Self {
        Self {
            archive,
            status,
            all: Lately::resting(REST),
            fresh: Lately::resting(REST),
        }
    }

    /// The count, `None` while nobody can tell: the hub starts, or the archive does not answer.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub(super) async fn latest(
        &self,
        phase: Phase,
    ) -> Result<Arc<Found<Option<DeadLetterCounts>>>, HubError> {
        let find = || {
            let archive = self.asked(phase);
            async move {
                let at = Instant::now();
                let what = match archive {
                    Some(archive) => archive.dead_letter_counts().await.ok(),
                    None => None,
                };
                Ok(Found { what, at, phase })
            }
        };
        self.all.get(phase, find).await
    }

    /// How many died within the last hour, `None` while nobody can tell. `now`: by the system's
    /// clock.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub(super) async fn lately(
        &self,
        phase: Phase,
        now: Timestamp,
    ) -> Result<Option<u64>, HubError> {
        let find = || {
            let archive = self.asked(phase);
            let lately = RedriveFilter {
                since: Some(now.minus(LATELY)),
                ..RedriveFilter::default()
            };
            async move {
                let at = Instant::now();
                let query = DeadLetterQuery::matching(&lately);
                let what = match archive {
                    Some(archive) => archive.count_dead_letters(query).await.ok(),
                    None => None,
                };
                Ok(Found { what, at, phase })
            }
        };
        Ok(self.fresh.get(phase, find).await?.what)
    }

    /// Who is asked; nobody while the hub starts, or the archive does not answer.
    fn asked(&self, phase: Phase) -> Option<Arc<dyn ArchiveReader>> {
        let answers = phase != Phase::Starting && self.status.archive_answers.get();
        answers.then(|| self.archive.clone())
    }
}
