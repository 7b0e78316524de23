//! Jobs that send many dead letters again.

use serde::{Deserialize, Serialize};

use super::fact::DeadReason;
use super::ids::{JobId, Position, ServiceName};
use super::timestamp::Timestamp;

/// A redrive job and how far it is. Each version of it replaces the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RedriveJob {
    pub job: JobId,
    /// Only letters that died before are meant.
    pub started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ServiceName>,
    pub filter: RedriveFilter,
    /// Messages per second.
    pub rate: f64,
    pub status: JobStatus,
    /// In words, why it is paused, stopped or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Letters it found at its start.
    pub matched: u64,
    /// Letters up to here, in order of acceptance, are done.
    pub through: Position,
    /// Letters owed again because of it.
    pub redriven: u64,
    /// Of these, those that died again.
    pub failed: u64,
    /// Letters that somebody else redrove or deleted before their turn came.
    #[serde(default)]
    pub skipped: u64,
    /// Letters that died again since one was last delivered.
    pub failed_in_a_row: u32,
    /// The counts are of the facts up to here; what is recorded between here and this version is
    /// to be added.
    #[serde(default)]
    pub counted: Position,
}

/// Which dead letters; an empty one means all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RedriveFilter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<ServiceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ServiceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Died at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Died before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Running,
    Paused,
    /// Every letter was sent again.
    Done,
    /// It stopped itself, as too many died again.
    Stopped,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Stopped,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more will come of it.
    pub fn is_finished(self) -> bool {
        !matches!(self, Self::Running | Self::Paused)
    }
}
