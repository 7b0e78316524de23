//! What operators and circuits decide about the flow of messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::compaction_key::CompactionKey;
use super::sizes::SMALL_BYTES;
use crate::domain::circuit::CircuitChanged;
use crate::domain::ids::{MessageId, ServiceName};
use crate::domain::quota::Quota;
use crate::domain::redrive::RedriveJob;
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;

/// What was decided about the flow of messages, by operators or by the hub itself.
#[derive(Clone, PartialEq, Debug)]
pub enum ControlFact {
    /// A circuit is in another state, by itself or forced.
    CircuitChanged(Arc<CircuitChanged>),
    /// A service's instances are chosen in another way.
    StrategyChosen(StrategyChosen),
    /// A service has another quota.
    QuotaSet(QuotaSet),
    /// A queue, or all of them, is paused or goes on.
    QueueSwitched(QueueSwitched),
    /// A redrive job began, went on or ended.
    RedriveAdvanced(Arc<RedriveJob>),
}

/// How a service's next instance is chosen from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StrategyChosen {
    /// Whose instances.
    pub service: ServiceName,
    /// When it was chosen.
    pub at: Timestamp,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
}

/// What a service may send and be sent from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuotaSet {
    /// Whose quota.
    pub service: ServiceName,
    /// When it was set.
    pub at: Timestamp,
    /// `None`: as configured, if it is.
    pub quota: Option<Quota>,
}

/// A queue hands out nothing from now on, or goes on doing so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueSwitched {
    /// `None`: the queues of all services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// Since when it is so: to pause what is paused does not change it.
    pub at: Timestamp,
    /// Whether nothing is handed out.
    pub paused: bool,
    /// Who wanted it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl ControlFact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::CircuitChanged(changed) => changed.at,
            Self::StrategyChosen(chosen) => chosen.at,
            Self::QuotaSet(set) => set.at,
            Self::QueueSwitched(switched) => switched.at,
            Self::RedriveAdvanced(job) => job.started_at,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        let ids = match self {
            Self::RedriveAdvanced(job) => job.chosen.as_ref().map_or(0, |chosen| chosen.ids.len()),
            _ => 0,
        };
        SMALL_BYTES + ids * size_of::<MessageId>()
    }

    /// What this is the latest word on, and whether it says anything but what holds without it.
    pub fn compaction_key(&self) -> (CompactionKey, bool) {
        match self {
            Self::CircuitChanged(changed) => {
                let key = CompactionKey::Circuit(changed.circuit.clone());
                (key, changed.forced.is_some())
            }
            Self::StrategyChosen(chosen) => {
                let key = CompactionKey::Strategy(chosen.service.clone());
                (key, chosen.strategy.is_some())
            }
            Self::QuotaSet(set) => {
                let key = CompactionKey::Quota(set.service.clone());
                (key, set.quota.is_some())
            }
            Self::QueueSwitched(switched) => {
                let key = CompactionKey::Queue(switched.service.clone());
                (key, switched.paused)
            }
            Self::RedriveAdvanced(job) => match &job.chosen {
                Some(chosen) if !chosen.ids.is_empty() => {
                    (CompactionKey::ChosenLetters(job.job), true)
                }
                _ => (CompactionKey::Redrive(job.job), true),
            },
        }
    }
}
