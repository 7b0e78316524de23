//! How full the destinations are, as those are told who ask.

use std::collections::BTreeMap;

use crate::domain::ids::ServiceName;

/// How full all destinations are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdmissionReport {
    /// Whether the service that was asked about was ever registered or asked for messages.
    pub is_known: bool,
    /// Those that are owed messages, or had events.
    pub destinations: BTreeMap<ServiceName, DestinationAdmission>,
    /// Of those that were forgotten since.
    pub past_events: AdmissionEvents,
    /// What came last would still not fit into `max_queue_bytes`.
    pub memory_full: bool,
}

/// The destinations that are nearly full, however many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdmissionSurvey {
    /// Those of which a lane is full, by name.
    pub full: Vec<ServiceName>,
    /// The others of which a lane is at least 90 % full, by name.
    pub throttled: Vec<ServiceName>,
    /// What came last would still not fit into `max_queue_bytes`.
    pub memory_full: bool,
}

impl AdmissionSurvey {
    /// Messages are refused.
    pub fn is_overloaded(&self) -> bool {
        self.memory_full || !self.full.is_empty()
    }
}

/// How full one destination is, and how often it was since start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DestinationAdmission {
    /// One of its lanes is at least 90 % full.
    pub is_throttled: bool,
    /// One of its lanes is full.
    pub is_full: bool,
    /// What happened at its lanes.
    pub events: AdmissionEvents,
}

/// What happened at the admission gate since start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AdmissionEvents {
    /// Messages refused for want of room.
    pub overflows: u64,
    /// How often a lane became 90 % full.
    pub throttles: u64,
}

impl std::ops::AddAssign for AdmissionEvents {
    fn add_assign(&mut self, other: Self) {
        self.overflows += other.overflows;
        self.throttles += other.throttles;
    }
}
