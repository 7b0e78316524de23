//! The status of a message, as it is told where it was sent.

use crate::domain::message::Status;

/// In the words of an answer to a send.
pub(crate) fn word(status: Status) -> &'static str {
    match status {
        Status::Delivered => "delivered",
        Status::Failed => "failed",
        Status::Pending => "accepted",
    }
}
