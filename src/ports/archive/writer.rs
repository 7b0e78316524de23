//! The one who writes to the archive, and looks after it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::error::ArchiveError;
use crate::logic::census::Census;
use crate::logic::ownership::{ArchiveStanding, Claim, Claimed};
use crate::logic::projection::Batch;

/// An archive that takes longer to say that it is there is away.
pub const LOOK_LIMIT: Duration = Duration::from_secs(4);

/// Stores batches of changes.
pub trait ArchiveWriter: Send + Sync {
    /// Makes who asks the one whose batches are taken, in one transaction, durably. Fails with
    /// [`ArchiveError::Denied`] if the archive is not his.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, ArchiveError>>;

    /// Writes the batch and its checkpoint in one transaction, durably.
    ///
    /// A batch the archive already holds changes nothing, so after an error the same batch is
    /// simply applied again. One that does not begin at the checkpoint is refused with
    /// [`ArchiveError::OutOfStep`], one of another writer with [`ArchiveError::Denied`].
    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>>;

    /// Asks next to nothing of it, beside all else that it may be busy with: whether it answers, lets
    /// itself be written to, and how far it is.
    /// Whoever looks waits no longer than [`LOOK_LIMIT`].
    fn look(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>>;

    /// Gives a little of the space back that is free in it; says whether there is more.
    fn tidy(&self) -> BoxFuture<'_, Result<bool, ArchiveError>> {
        ready(Ok(false)).boxed()
    }

    /// How large it is. Takes long if there is much in it.
    fn census(&self) -> BoxFuture<'_, Result<Census, ArchiveError>>;

    /// Leaves it in good order: nothing more is asked of it.
    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
