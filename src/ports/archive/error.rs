//! Why an archive does not do what it was asked for.

use crate::domain::ids::Position;
use crate::logic::ownership::OwnershipDenial;

/// Why the archive did not do what it was asked to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive cannot be reached or used right now.
    #[error("archive unavailable: {0}")]
    Unavailable(String),
    /// The archive cannot be opened at all; start-up ends.
    #[error("{0}")]
    CannotOpen(String),
    /// The archive is not where the batch begins, having been replaced perhaps: go on with the
    /// journal from after `checkpoint`.
    #[error("archive is at position {checkpoint}, not where it was left")]
    OutOfStep {
        /// It holds everything up to here, and nothing behind it.
        checkpoint: Position,
    },
    /// The archive is not this hub's, and will not be however often it is asked.
    #[error("{0}")]
    Denied(OwnershipDenial),
}

impl ArchiveError {
    /// Whoever was asked is gone before it answered.
    pub fn stopping() -> Self {
        Self::Unavailable("the hub is stopping".to_owned())
    }
}
