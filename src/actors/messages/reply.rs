//! The way back to whoever asked.

use tokio::sync::oneshot;

use crate::ports::archive::ArchiveError;

pub type Reply<T> = oneshot::Sender<T>;

/// Whoever was asked is gone before it answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unanswered;

impl From<Unanswered> for ArchiveError {
    fn from(_: Unanswered) -> Self {
        Self::stopping()
    }
}
