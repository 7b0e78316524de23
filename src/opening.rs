//! What a hub opens as it is configured: its door, its journal, its archive. Whoever only asks
//! whether a configuration is good asks here as well, without a hub.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::adapters::archive::{PostgresArchive, SqliteArchive};
use crate::adapters::journal_file::{FileJournal, JournalOptions, SyncMode};
use crate::adapters::private_files;
use crate::adapters::tls::Trust;
use crate::config::{Config, Database, WalSync};
use crate::exit::Exit;
use crate::ports::archive::Archive;
use crate::telemetry;

/// Why the hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Configuration(String),
    #[error("{0}")]
    Storage(String),
    #[error("{0}")]
    Internal(String),
}

impl StartError {
    pub fn exit(&self) -> Exit {
        match self {
            Self::Configuration(_) => Exit::Usage,
            Self::Storage(_) => Exit::Storage,
            Self::Internal(_) => Exit::Internal,
        }
    }
}

/// Whether this version can run a hub so configured, as far as can be told without trying.
///
/// # Errors
/// [`StartError::Configuration`] names the key.
pub fn check(config: &Config) -> Result<(), StartError> {
    telemetry::filter(config).map_err(StartError::Configuration)?;
    let trust = trust(config)?;
    match &config.storage.database_url {
        Database::Sqlite(_) => Ok(()),
        Database::Postgres(url) => open_postgres(url, &trust).map(drop),
    }
}

/// Whom the hub trusts when it calls others.
pub fn trust(config: &Config) -> Result<Trust, StartError> {
    let trust = Trust::new(config.security.tls_ca_file.as_deref());
    trust.map_err(|error| StartError::Configuration(error.to_string()))
}

/// What the hub stores is its user's alone.
pub fn keep_private(config: &Config) -> Result<(), StartError> {
    private_files::umask();
    let archive = match &config.storage.database_url {
        Database::Sqlite(path) => Some(path.as_path()),
        Database::Postgres(_) => None,
    };
    let kept = private_files::keep(&config.storage.data_dir, archive);
    kept.map_err(|error| StartError::Storage(error.to_string()))
}

/// Where it listens is told with it, as the configuration may leave the port to the system.
pub fn listen(config: &Config) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = || {
        let listener = TcpListener::bind((config.server.host.as_str(), config.server.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound().map_err(|error: io::Error| cannot_listen(config, &error))
}

pub fn cannot_listen(config: &Config, error: &io::Error) -> StartError {
    let (host, port) = (&config.server.host, config.server.port);
    let advice = if error.kind() == io::ErrorKind::AddrInUse {
        "; stop what listens there, or choose another port (port: or MESSAGE_HUB_PORT)"
    } else {
        ""
    };
    StartError::Storage(format!("cannot listen on {host}:{port}: {error}{advice}"))
}

pub fn open_journal(config: &Config) -> Result<FileJournal, StartError> {
    let options = JournalOptions {
        segment_bytes: config.storage.wal_segment_bytes,
        sync: match config.storage.wal_sync {
            WalSync::Disk => SyncMode::Disk,
            WalSync::Os => SyncMode::Os,
        },
        dedup_capacity: config.delivery.dedup_capacity,
        dedup_window: config.delivery.dedup_window,
    };
    let opened = FileJournal::open(config.storage.data_dir.join("wal"), options);
    opened.map_err(|error| StartError::Storage(error.to_string()))
}

pub async fn open_archive(config: &Config, trust: &Trust) -> Result<Arc<dyn Archive>, StartError> {
    match &config.storage.database_url {
        Database::Sqlite(path) => {
            let opened = SqliteArchive::open(path).await;
            Ok(Arc::new(
                opened.map_err(|error| StartError::Storage(error.to_string()))?,
            ))
        }
        Database::Postgres(url) => Ok(Arc::new(open_postgres(url, trust)?)),
    }
}

/// Whether it can be reached shows later.
fn open_postgres(url: &str, trust: &Trust) -> Result<PostgresArchive, StartError> {
    let opened = PostgresArchive::open(url, trust);
    opened.map_err(|error| StartError::Configuration(error.to_string()))
}
