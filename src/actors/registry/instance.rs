//! One instance, as the Registry knows it.

use std::sync::Arc;

use crate::actors::children::Child;
use crate::actors::health_probe::Watch;
use crate::domain::fact::Fact;
use crate::domain::fact::service::{InstanceWithdrawn, ServiceFact, Withdrawal};
use crate::domain::moment::Moment;
use crate::domain::service::{Address, Health, Registration, Target};
use crate::domain::timestamp::Timestamp;
use crate::logic::service_view::{InstanceTransport, InstanceView, OutOfRotation};

pub(super) struct Instance {
    pub registration: Arc<Registration>,
    /// Volatile, with what follows: unknown after a restart, until the first sign of life.
    pub health: Health,
    /// By the system's clock.
    pub since: Timestamp,
    pub cause: Option<String>,
    /// By the hub's own clock, as what follows.
    pub last_seen: Timestamp,
    /// Its last heartbeat, or what is as good as one: its registration, the start of the hub.
    pub heard_at: Timestamp,
    /// Why it takes nothing new, and since when by the system's clock. Over when it registers again.
    pub withdrawn: Option<(Withdrawal, Timestamp)>,
    /// That it gave no sign of life for too long is on its way to the journal.
    pub is_expired: bool,
    pub probe: Option<Child<Watch>>,
}

impl Instance {
    pub(super) fn new(registration: Arc<Registration>, heard_at: Timestamp) -> Self {
        let registered_at = registration.registered_at;
        Self {
            registration,
            health: Health::Unknown,
            since: registered_at,
            cause: None,
            last_seen: heard_at,
            heard_at,
            withdrawn: None,
            is_expired: false,
            probe: None,
        }
    }

    /// Its probe, unless that died and another one is to come.
    pub(super) fn living_probe(&self) -> Option<&Watch> {
        self.probe.as_ref()?.living()
    }

    /// Why it is sent nothing, if it is not.
    pub(super) fn out_of_rotation(&self) -> Option<OutOfRotation> {
        match self.withdrawn {
            Some((Withdrawal::Gone, _)) => Some(OutOfRotation::Gone),
            Some((Withdrawal::Draining, _)) => Some(OutOfRotation::Draining),
            None => (self.health == Health::Unhealthy).then_some(OutOfRotation::Unhealthy),
        }
    }

    pub(super) fn is_available(&self) -> bool {
        self.out_of_rotation().is_none()
    }

    /// Messages are sent to its address; it does not ask for them.
    pub(super) fn is_pushed_to(&self) -> bool {
        self.registration.address.is_some()
    }

    /// It wants nothing more, which is more than to drain.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.withdrawn, Some((Withdrawal::Gone, _)))
    }

    /// Whether its health says something about its service: who left does not count.
    pub(super) fn is_staying(&self) -> bool {
        self.withdrawn.is_none()
    }

    /// That it takes nothing new, for the journal.
    pub(super) fn withdrawal(&self, why: Withdrawal, at: Timestamp) -> Fact {
        Fact::Service(ServiceFact::InstanceWithdrawn(InstanceWithdrawn {
            service: self.registration.service.clone(),
            instance_id: self.registration.instance_id.clone(),
            registered_at: self.registration.registered_at,
            at,
            why,
        }))
    }

    pub(super) fn draining_since(&self) -> Option<Timestamp> {
        match self.withdrawn {
            Some((Withdrawal::Draining, since)) => Some(since),
            _ => None,
        }
    }

    /// Whether somebody would notice if it came back to life.
    pub(super) fn may_expire(&self) -> bool {
        self.registration.ttl_ms.is_some() || self.registration.health_check.is_some()
    }

    /// When its next heartbeat is overdue, if it promised any.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let ttl = self.registration.ttl()?;
        Some(self.heard_at.plus(ttl))
    }

    /// Whether it is still where it was when it had this address.
    pub(super) fn is_at(&self, address: &Address) -> bool {
        self.registration.address.as_deref() == Some(address)
    }

    /// What the balancer may choose; health decides there.
    pub(super) fn target(&self) -> Option<Target> {
        if !self.is_staying() {
            return None;
        }
        Some(Target {
            instance_id: self.registration.instance_id.clone(),
            address: self.registration.address.clone()?,
            max_in_flight: self.registration.max_in_flight,
            health: self.health,
            is_checked: self.may_expire(),
            weight: self.registration.weight,
            capabilities: self.registration.capabilities.as_slice().into(),
        })
    }

    pub(super) fn view(&self, now: Moment) -> InstanceView {
        let transport = match self.registration.address {
            Some(_) => InstanceTransport::Http,
            None => InstanceTransport::Pull,
        };
        InstanceView {
            registration: self.registration.clone(),
            transport,
            health: self.health,
            since: self.since,
            cause: self.cause.clone(),
            last_seen: now.wall_time(self.last_seen),
            expires_at: self.expires_at().map(|at| now.wall_time(at)),
            draining_since: self.draining_since(),
            out_of_rotation: self.out_of_rotation(),
        }
    }
}
