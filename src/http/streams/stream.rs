//! The stream that a request names.

use crate::actors::messages::historian::InspectStream;
use crate::domain::ids::StreamId;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};

/// A path segment that names a stream.
pub(super) fn stream_id(text: &str) -> Result<StreamId, HubError> {
    StreamId::parse(text).map_err(|error| HubError::invalid(Subject::Request, "stream_id", error))
}

/// The version of the stream's last event.
///
/// # Errors
/// 404 if there never was one.
pub(super) async fn version(hub: &Hub, id: &StreamId) -> Result<u64, HubError> {
    let asked = InspectStream { stream: id.clone() };
    let version = hub.clients.historian.query(asked).await?;
    version.ok_or_else(|| unknown(id))
}

pub(super) fn unknown(id: &StreamId) -> HubError {
    HubError::NotFound {
        what: format!("stream {id}"),
    }
}
