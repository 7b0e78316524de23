//! Jobs that send many dead letters again, or delete them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dead_letter::DeadReason;
use super::ids::{JobId, MessageId, MessageType, Position, ServiceName};
use super::subscription::SubscriptionId;
use super::timestamp::Timestamp;

/// A redrive job and how far it is. Each version of it replaces the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RedriveJob {
    /// The same in all its versions.
    pub job: JobId,
    /// What becomes of the dead letters; older hubs had only one kind of job.
    #[serde(default)]
    pub kind: JobKind,
    /// Only messages that died by then are meant.
    pub started_at: Timestamp,
    /// Only events that died before this position are meant; `None`: no events, as in the jobs of
    /// hubs that sent them one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_before: Option<Position>,
    /// Who asked for it, where callers have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ServiceName>,
    /// Which dead letters it is about, unless some are chosen.
    pub filter: RedriveFilter,
    /// Those that were named one by one; `None`: the filter says which it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<ChosenLetters>,
    /// Messages go to this service, and no events are meant; `None`: all go to where they were for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<ServiceName>,
    /// Dead letters per second.
    pub rate: f64,
    /// Whether it goes on, and if not, why.
    pub status: JobStatus,
    /// In words, why it is paused, stopped or cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Dead letters it found at its start.
    pub matched: u64,
    /// Dead letters up to here are done: messages stand where they were accepted, events where they
    /// died.
    pub through: Position,
    /// Dead letters owed again because of it.
    pub redriven: u64,
    /// Of these, those that died again.
    pub failed: u64,
    /// Dead letters deleted because of it.
    #[serde(default)]
    pub deleted: u64,
    /// Dead letters that somebody else redrove or deleted before their turn came, and events whose
    /// subscription was no more.
    #[serde(default)]
    pub skipped: u64,
    /// Dead letters that died again since one was last delivered.
    pub failed_in_a_row: u32,
    /// The counts are of the facts up to here; what is recorded between here and this version is
    /// to be added.
    #[serde(default)]
    pub counted: Position,
}

impl RedriveJob {
    /// One that begins, at `rate` dead letters a second: it means all messages that died by now, and
    /// has done nothing yet.
    pub fn begun(job: JobId, started_at: Timestamp, rate: f64) -> Self {
        Self {
            job,
            kind: JobKind::Redrive,
            started_at,
            events_before: None,
            by: None,
            filter: RedriveFilter::default(),
            chosen: None,
            destination: None,
            rate,
            status: JobStatus::Running,
            cause: None,
            matched: 0,
            through: 0,
            redriven: 0,
            failed: 0,
            deleted: 0,
            skipped: 0,
            failed_in_a_row: 0,
            counted: 0,
        }
    }
}

impl RedriveJob {
    /// Whether hubs that knew no more than where dead letters stand in lists, and sent everything to
    /// where it was for, would read over what decides which it means, or where these go.
    pub fn is_misread_by_older_hubs(&self) -> bool {
        self.chosen.is_some() || self.destination.is_some() || self.filter.looks_inside()
    }
}

/// Dead letters that somebody named one by one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChosenLetters {
    /// How many were named.
    pub count: usize,
    /// Which. Only the first version of a job says so: with each step they would be written again.
    #[serde(default, skip_serializing_if = "no_ids")]
    pub ids: Arc<[MessageId]>,
}

impl ChosenLetters {
    /// These, each counted once.
    pub fn new(mut ids: Vec<MessageId>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self {
            count: ids.len(),
            ids: ids.into(),
        }
    }
}

fn no_ids(ids: &Arc<[MessageId]>) -> bool {
    ids.is_empty()
}

/// What a job does with the dead letters it means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Owes them again.
    #[default]
    Redrive,
    /// Takes them off the list for good.
    Delete,
}

/// Which dead letters, of messages and of events; an empty one means all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RedriveFilter {
    /// Of events: the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<ServiceName>,
    /// Who sent the message or published the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ServiceName>,
    /// Why the hub gave up on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeadReason>,
    /// Compared with the one given, or with the id of what was given none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Events that died on their way to it, and no messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<SubscriptionId>,
    /// Died at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Died before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of events: their event type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub message_type: Option<MessageType>,
    /// What the last attempt failed with has these words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_contains: Option<String>,
    /// The last attempt failed with these words, but for numbers and ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl RedriveFilter {
    /// Whether it means some for what they are and how they failed, which no list is ordered by.
    pub fn looks_inside(&self) -> bool {
        self.message_type.is_some() || self.error_contains.is_some() || self.error.is_some()
    }
}

/// How far a job is, with its name on the wire and on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It takes dead letter after dead letter.
    Running,
    /// It takes no dead letters until somebody resumes it.
    Paused,
    /// Every dead letter was sent again.
    Done,
    /// It stopped itself, as too many died again.
    Stopped,
    /// Somebody ended it; what it did stays done.
    Cancelled,
}

/// What an operator may do to a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Switch {
    /// Takes no more dead letters until it is resumed.
    Pause,
    /// Goes on where it was paused.
    Resume,
    /// Ends it for good.
    Cancel,
}

impl JobStatus {
    /// All there are, for lists and metrics.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Stopped,
        Self::Cancelled,
    ];

    /// As on the wire.
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
