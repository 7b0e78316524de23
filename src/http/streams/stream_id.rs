//! The stream that a request names.

use crate::domain::ids::StreamId;
use crate::hub::error::{HubError, Subject};

/// A path segment that names a stream.
pub(super) fn stream_id(text: &str) -> Result<StreamId, HubError> {
    StreamId::parse(text).map_err(|error| HubError::invalid(Subject::Request, "stream_id", error))
}
