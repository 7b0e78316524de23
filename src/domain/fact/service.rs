//! What happens to services and their instances.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sizes::SMALL_BYTES;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Health, Registration};
use crate::domain::timestamp::Timestamp;

#[derive(Clone, PartialEq, Debug)]
pub enum ServiceFact {
    /// A name became a destination without registering, by asking for messages.
    ServiceSeen(ServiceSeen),
    ServiceRegistered(Arc<Registration>),
    InstanceDeregistered(InstanceDeregistered),
    /// An instance stays registered but takes nothing new until it registers again.
    InstanceWithdrawn(InstanceWithdrawn),
    ServiceDeregistered(ServiceSeen),
    /// An instance is well, or not, in another way than before.
    HealthChanged(HealthChanged),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServiceSeen {
    pub service: ServiceName,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceDeregistered {
    pub service: ServiceName,
    pub instance_id: InstanceId,
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

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceWithdrawn {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    /// Of the registration that is meant; a later one is not.
    pub registered_at: Timestamp,
    pub at: Timestamp,
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

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HealthChanged {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub at: Timestamp,
    pub from: Health,
    pub to: Health,
    /// In words: what led to it.
    pub cause: String,
}

impl ServiceFact {
    pub fn at(&self) -> Timestamp {
        match self {
            Self::ServiceSeen(seen) | Self::ServiceDeregistered(seen) => seen.at,
            Self::ServiceRegistered(registration) => registration.registered_at,
            Self::InstanceDeregistered(gone) => gone.at,
            Self::InstanceWithdrawn(withdrawn) => withdrawn.at,
            Self::HealthChanged(changed) => changed.at,
        }
    }

    pub fn size_bytes(&self) -> usize {
        SMALL_BYTES
    }
}
