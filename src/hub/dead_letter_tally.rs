//! How many dead letters there are, counted in the archive once a second at most for all who show it.

use std::sync::Arc;

use tokio::time::Instant;

use super::error::HubError;
use super::lately::{Found, Lately};
use crate::metrics::hub_status::HubStatus;
use crate::phase::Phase;
use crate::ports::archive::{ArchiveReader, DeadLetterCounts};

/// The latest count. Clones are the same.
#[derive(Clone)]
pub(super) struct DeadLetterTally {
    archive: Arc<dyn ArchiveReader>,
    status: Arc<HubStatus>,
    latest: Lately<Option<DeadLetterCounts>>,
}

impl DeadLetterTally {
    pub(super) fn new(archive: Arc<dyn ArchiveReader>, status: Arc<HubStatus>) -> Self {
        Self {
            archive,
            status,
            latest: Lately::default(),
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
            let archive = self.archive.clone();
            let answers = phase != Phase::Starting && self.status.archive_answers.get();
            async move {
                let at = Instant::now();
                let what = match answers {
                    true => archive.dead_letter_counts().await.ok(),
                    false => None,
                };
                Ok(Found { what, at, phase })
            }
        };
        self.latest.get(phase, find).await
    }
}
