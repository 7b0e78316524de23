//! What operators and circuits decide about the flow of messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::compaction_key::CompactionKey;
use super::sizes::SMALL_BYTES;
use crate::domain::circuit::CircuitChanged;
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::domain::redrive::RedriveJob;
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;

#[derive(Clone, PartialEq, Debug)]
pub enum ControlFact {
    CircuitChanged(Arc<CircuitChanged>),
    StrategyChosen(StrategyChosen),
    QuotaSet(QuotaSet),
    QueueSwitched(QueueSwitched),
    /// A redrive job began, went on or ended.
    RedriveAdvanced(Arc<RedriveJob>),
}

/// How a service's next instance is chosen from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StrategyChosen {
    pub service: ServiceName,
    pub at: Timestamp,
    /// `None`: as configured for all.
    pub strategy: Option<Strategy>,
}

/// What a service may send and be sent from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuotaSet {
    pub service: ServiceName,
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
    pub at: Timestamp,
    pub paused: bool,
    /// Who wanted it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl ControlFact {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::CircuitChanged(changed) => changed.at,
            Self::StrategyChosen(chosen) => chosen.at,
            Self::QuotaSet(set) => set.at,
            Self::QueueSwitched(switched) => switched.at,
            Self::RedriveAdvanced(job) => job.started_at,
        }
    }

    pub fn size_bytes(&self) -> usize {
        SMALL_BYTES
    }

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
            Self::RedriveAdvanced(job) => (CompactionKey::Redrive(job.job), true),
        }
    }
}
