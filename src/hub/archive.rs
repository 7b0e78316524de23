//! Reads that must see everything acknowledged so far.

use std::time::Duration;

use super::Hub;
use super::error::HubError;
use crate::actors::messages::archivist::Flush;

/// How long a read waits for an archive that is behind.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

impl Hub {
    /// Makes everything acknowledged so far visible in the archive.
    ///
    /// # Errors
    /// STORAGE_UNAVAILABLE while the archive is away or too far behind.
    pub async fn flush(&self) -> Result<(), HubError> {
        let flushed = self.clients.archivist.request(|reply| Flush { reply });
        match tokio::time::timeout(FLUSH_PATIENCE, flushed).await {
            Ok(flushed) => Ok(flushed??),
            Err(_) => {
                let behind = self.metrics.archive_lag.get().unwrap_or(0);
                Err(HubError::NoArchive(format!(
                    "it is {behind} records behind and catching up"
                )))
            }
        }
    }
}
