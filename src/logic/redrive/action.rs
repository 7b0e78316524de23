//! What redrive jobs need done.

use super::walk::ListedDeadLetter;
use crate::domain::ids::{JobId, Position};
use crate::domain::redrive::RedriveJob;

/// What whoever asked for what is due has to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Read the next [`PAGE`](super::PAGE) dead letters that stand after `after`; then call
    /// [`Redrives::page_read`](super::Redrives::page_read).
    Read {
        /// For which job.
        job: JobId,
        /// Where its walk is; 0: at the beginning.
        after: Position,
    },
    /// Have the dead letter owed again, or deleted; then call
    /// [`Redrives::answered`](super::Redrives::answered).
    Reprocess {
        /// For which job.
        job: JobId,
        /// One that stood in the list when it was read.
        dead_letter: ListedDeadLetter,
    },
    /// Write this version of a job to the journal.
    Record(Box<RedriveJob>),
}
