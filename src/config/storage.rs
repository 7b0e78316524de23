//! Where the journal and the archive are, and what is written when.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::period;
use super::seconds::secs;
use super::secret::{Hidden, hide};
use super::value::{bytes, path, whole};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct StorageConfig {
    #[serde(deserialize_with = "path", default = "beside_the_hub")]
    pub data_dir: PathBuf,
    #[serde(default)]
    pub database_url: Database,
    #[serde(default)]
    pub wal_sync: WalSync,
    #[serde(
        deserialize_with = "whole::<65_536, 4_294_967_296, _, _>",
        default = "bytes::<{ 64 << 20 }>"
    )]
    pub wal_segment_bytes: u64,
    /// How long facts gather before they are written to the archive.
    #[serde(with = "period", default = "secs::<1>")]
    pub wal_flush_interval: Duration,
    /// Below this much free space the hub takes nothing more in.
    #[serde(
        deserialize_with = "whole::<0, { u64::MAX }, _, _>",
        default = "bytes::<{ 256 << 20 }>"
    )]
    pub disk_reserve: u64,
}

impl StorageConfig {
    /// Puts the data directory where the URL of the archive names it.
    pub(super) fn place_archive(&mut self) {
        if let Database::Sqlite(path) = &mut self.database_url {
            let directory = self.data_dir.to_string_lossy();
            *path = path.to_string_lossy().replace(DATA_DIR, &directory).into();
        }
    }
}

fn beside_the_hub() -> PathBuf {
    PathBuf::from("data")
}

/// What stands for the data directory in a URL.
const DATA_DIR: &str = "{data_dir}";

/// Where the archive is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// The whole URL, password and all.
    Postgres(String),
}

impl Default for Database {
    fn default() -> Self {
        Self::Sqlite(format!("{DATA_DIR}/hub.db").into())
    }
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Hidden(url) = Hidden::<String>::deserialize(deserializer)?;
        let database = Self::parse(&url);
        database.ok_or_else(|| Error::custom("must be sqlite://PATH or postgresql://…"))
    }
}

impl Serialize for Database {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sqlite(_) => serializer.collect_str(self),
            Self::Postgres(url) => hide(url, &self.to_string(), serializer),
        }
    }
}

impl Database {
    fn parse(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            // SQLite keeps what has such a name in memory, and the directory is no file.
            let is_file = !path.is_empty() && !path.starts_with(":memory:") && path != DATA_DIR;
            return is_file.then(|| Self::Sqlite(path.into()));
        }
        let is_postgres = url.starts_with("postgresql://") || url.starts_with("postgres://");
        is_postgres.then(|| Self::Postgres(url.to_owned()))
    }
}

/// The URL with user, password and whatever else may be secret hidden.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgresql", url));
                let (place, query) = match rest.split_once('?') {
                    Some((place, query)) => (place, Some(query)),
                    None => (rest, None),
                };
                // Where one of them ends cannot be told, as after a raw ? in the password.
                if query.is_some_and(|query| query.contains('@')) {
                    return write!(f, "{scheme}://***");
                }
                match place.rsplit_once('@') {
                    Some((_, address)) => write!(f, "{scheme}://***@{address}")?,
                    None => write!(f, "{scheme}://{place}")?,
                }
                let pairs = query.into_iter().flat_map(|query| query.split('&'));
                for (index, pair) in pairs.enumerate() {
                    let mark = if index == 0 { '?' } else { '&' };
                    // Passwords may be given here too; only what is known to be none is shown.
                    match pair.split_once('=') {
                        Some(("sslmode" | "application_name" | "connect_timeout", _)) => {
                            write!(f, "{mark}{pair}")?;
                        }
                        Some((name, _)) => write!(f, "{mark}{name}=***")?,
                        None => write!(f, "{mark}***")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

/// What an acknowledged message has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WalSync {
    #[default]
    Disk,
    /// The page cache only: survives a crash of the hub, not of the machine.
    Os,
}

impl WalSync {
    /// As in the `durability` field of an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Os => "os",
        }
    }
}
