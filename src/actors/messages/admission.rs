//! What clients ask of the Router.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::Message as ActixMessage;

use super::reply::Reply;
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::domain::refusal::Refusal;
use crate::logic::quotas::Source;

/// http → Router: how full the destinations are, and whether `service` was ever a destination.
#[derive(ActixMessage)]
#[rtype(result = "AdmissionReport")]
pub struct InspectAdmission {
    pub service: Option<ServiceName>,
}

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

/// How full one destination is, and how often it was since start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DestinationAdmission {
    /// One of its lanes is at least 90 % full.
    pub is_throttled: bool,
    /// One of its lanes is full.
    pub is_full: bool,
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

/// http → Router: this is the whole quota of `service` from now on; `None`: as configured.
/// Answered after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct SetQuota {
    pub service: ServiceName,
    pub quota: Option<Quota>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Router: the quotas in force, of one service or of all, by name.
#[derive(ActixMessage)]
#[rtype(result = "Vec<QuotaView>")]
pub struct InspectQuotas {
    pub service: Option<ServiceName>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct QuotaView {
    pub service: ServiceName,
    pub quota: Quota,
    pub source: Source,
}

/// Runtime → Router, Scheduler: the configuration was read again, and these are its quotas.
#[derive(ActixMessage, Clone)]
#[rtype(result = "()")]
pub struct QuotasConfigured(pub Arc<BTreeMap<ServiceName, Quota>>);

/// Runtime → Router: the configuration was read again, and so much may be owed.
#[derive(ActixMessage, Clone, Copy)]
#[rtype(result = "()")]
pub struct RoomConfigured {
    /// Messages per destination and level.
    pub max_queue_size: usize,
    pub max_queue_bytes: u64,
}
