//! Reads that must see everything acknowledged so far.

use std::time::Duration;

use crate::actors::messages::Flush;
use crate::hub::Hub;
use crate::hub::error::HubError;

/// How long a read waits for an archive that is behind.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// Makes everything acknowledged so far visible in the archive.
pub(crate) async fn flush(hub: &Hub) -> Result<(), HubError> {
    let flushed = hub.clients.archivist.ask(|reply| Flush { reply });
    match tokio::time::timeout(FLUSH_PATIENCE, flushed).await {
        Ok(flushed) => Ok(flushed??),
        Err(_) => {
            let behind = hub.metrics.archive_lag.get().unwrap_or(0);
            Err(HubError::NoArchive(format!(
                "it is {behind} records behind and catching up"
            )))
        }
    }
}
