//! What happens to services and their instances.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sizes::SMALL_BYTES;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Health, Registration};
use crate::domain::timestamp::Timestamp;

/// What happened to a service or to one of its instances.
#[derive(Clone, PartialEq, Debug)]
pub enum ServiceFact {
    /// A name became a destination without registering, by asking for messages.
    ServiceSeen(ServiceSeen),
    /// An instance is there from now on, or is another than it was.
    ServiceRegistered(Arc<Registration>),
    /// An instance left, or gave no sign of life for too long.
    InstanceDeregistered(InstanceDeregistered),
    /// An instance stays registered but takes nothing new until it registers again.
    InstanceWithdrawn(InstanceWithdrawn),
    /// A service left with all its instances, or nobody of it was there for too long.
    ServiceDeregistered(ServiceGone),
    /// An instance is well, or not, in another way than before.
    HealthChanged(HealthChanged),
}

/// A service, seen for the first time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceSeen {
    /// Its name.
    pub service: ServiceName,
    /// When that was.
    pub at: Timestamp,
}

/// A service that is no more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceGone {
    /// Its name.
    pub service: ServiceName,
    /// When it was forgotten or deregistered.
    pub at: Timestamp,
}

/// An instance that is no more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceDeregistered {
    /// Of which service.
    pub service: ServiceName,
    /// Which instance.
    pub instance_id: InstanceId,
    /// When it left.
    pub at: Timestamp,
    /// Of the registration that is meant; `None`: whichever there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
}

impl InstanceDeregistered {
    /// Whether an instance that registered last at `registered_at` is meant, and not only what it
    /// was before.
    pub fn means(&self, registered_at: Timestamp) -> bool {
        self.registered_at
            .is_none_or(|meant| meant == registered_at)
    }
}

/// An instance that is to get nothing new.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceWithdrawn {
    /// Of which service.
    pub service: ServiceName,
    /// Which instance.
    pub instance_id: InstanceId,
    /// Of the registration that is meant; a later one is not.
    pub registered_at: Timestamp,
    /// When that was said.
    pub at: Timestamp,
    /// Who or what said so.
    pub why: Withdrawal,
}

/// Why an instance takes nothing new.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// Somebody wants it to finish what it has.
    Draining,
    /// It answered 410.
    Gone,
}

/// An instance is well in another way than before; also what subscribers are told of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HealthChanged {
    /// Of which service.
    pub service: ServiceName,
    /// Which instance.
    pub instance_id: InstanceId,
    /// When the hub noticed.
    pub at: Timestamp,
    /// What it was.
    pub from: Health,
    /// What it is from now on.
    pub to: Health,
    /// In words: what led to it.
    pub cause: String,
}

impl ServiceFact {
    /// When it happened, by the clock of the hub that wrote it.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::ServiceSeen(seen) => seen.at,
            Self::ServiceDeregistered(gone) => gone.at,
            Self::ServiceRegistered(registration) => registration.registered_at,
            Self::InstanceDeregistered(gone) => gone.at,
            Self::InstanceWithdrawn(withdrawn) => withdrawn.at,
            Self::HealthChanged(changed) => changed.at,
        }
    }

    /// Roughly what the fact takes in memory, in bytes.
    pub fn size_bytes(&self) -> usize {
        SMALL_BYTES
    }
}
