//! The services and instances the Registry knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actors::health_probe::Watch;
use crate::actors::messages::{InstanceView, ServiceView};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Health, Registration, Target};
use crate::domain::timestamp::Timestamp;

#[derive(Default)]
pub struct Services(BTreeMap<ServiceName, Service>);

#[derive(Default)]
struct Service {
    /// It registered, and did not deregister since. A name that only polled is a service as long
    /// as it polls.
    registered: bool,
    instances: BTreeMap<InstanceId, Instance>,
    /// When somebody last asked for messages, and until when it counts as there.
    polled: Option<Polled>,
}

#[derive(Clone, Copy)]
struct Polled {
    at: Timestamp,
    until: Timestamp,
}

pub struct Instance {
    pub registration: Arc<Registration>,
    pub health: Health,
    pub last_seen: Option<Timestamp>,
    /// It answered 410 and has not registered since.
    pub gone: bool,
    pub probe: Option<Watch>,
    /// The number of its probe, to tell the death of the present one from those replaced.
    pub generation: u64,
}

impl Services {
    pub fn know(&mut self, service: &ServiceName) {
        self.0.entry(service.clone()).or_default();
    }

    /// Adds an instance, or replaces what was registered of it; its health and history stay.
    /// Says whether it is checked as before, so that a running probe can go on.
    pub fn put(&mut self, registration: Arc<Registration>) -> bool {
        let service = self.0.entry(registration.service.clone()).or_default();
        service.registered = true;
        let seen = registration.registered_at;
        match service.instances.get_mut(&registration.instance_id) {
            Some(instance) => {
                let before = std::mem::replace(&mut instance.registration, registration);
                let now = &instance.registration;
                let is_same =
                    (&before.address, &before.health_check) == (&now.address, &now.health_check);
                if !is_same && instance.health == Health::Unhealthy {
                    // What made it so may be just what was repaired.
                    instance.health = Health::Unknown;
                }
                instance.gone = false;
                instance.last_seen = Some(seen);
                is_same
            }
            None => {
                let id = registration.instance_id.clone();
                let instance = Instance {
                    registration,
                    health: Health::Unknown,
                    last_seen: Some(seen),
                    gone: false,
                    probe: None,
                    generation: 0,
                };
                service.instances.insert(id, instance);
                false
            }
        }
    }

    pub fn remove_instance(&mut self, service: &ServiceName, id: &InstanceId) {
        if let Some(service) = self.0.get_mut(service) {
            service.instances.remove(id);
        }
    }

    /// Forgets the instances; the name stays a destination.
    pub fn remove(&mut self, service: &ServiceName) {
        self.0.insert(service.clone(), Service::default());
    }

    pub fn instance(&self, service: &ServiceName, id: &InstanceId) -> Option<&Instance> {
        self.0.get(service)?.instances.get(id)
    }

    pub fn instance_mut(
        &mut self,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Option<&mut Instance> {
        self.0.get_mut(service)?.instances.get_mut(id)
    }

    pub fn all(&self) -> Vec<(ServiceName, Vec<InstanceId>)> {
        let ids = |service: &Service| service.instances.keys().cloned().collect();
        self.0
            .iter()
            .map(|(name, service)| (name.clone(), ids(service)))
            .collect()
    }

    /// Whether the name was ever a destination.
    pub fn is_known(&self, service: &ServiceName) -> bool {
        self.0.contains_key(service)
    }

    /// Whether it is there now: registered, or polling.
    pub fn is_registered(&self, service: &ServiceName) -> bool {
        self.0.get(service).is_some_and(Service::is_present)
    }

    /// Returns until when the service counts as having a puller.
    pub fn polled(&mut self, service: &ServiceName, at: Timestamp, until: Timestamp) -> Timestamp {
        let service = self.0.entry(service.clone()).or_default();
        let until = service
            .polled
            .map_or(until, |polled| polled.until.max(until));
        service.polled = Some(Polled { at, until });
        until
    }

    pub fn has_puller(&self, service: &ServiceName, now: Timestamp) -> bool {
        let polled = self.0.get(service).and_then(|service| service.polled);
        polled.is_some_and(|polled| polled.until > now)
    }

    pub fn puller_left(&mut self, service: &ServiceName) {
        if let Some(service) = self.0.get_mut(service) {
            service.polled = None;
        }
    }

    /// The instances that can be pushed to, health included.
    pub fn targets(&self, service: &ServiceName) -> Arc<[Target]> {
        let Some(service) = self.0.get(service) else {
            return Arc::new([]);
        };
        let reachable = service.instances.values().filter(|instance| !instance.gone);
        reachable.filter_map(target).collect()
    }

    /// Healthy when all instances are, unhealthy when none is available, else degraded.
    pub fn status(&self, name: &ServiceName, now: Timestamp) -> Health {
        let Some(service) = self.0.get(name) else {
            return Health::Unhealthy;
        };
        let pulled = self.has_puller(name, now);
        let mut healths = service.instances.values().filter(|instance| !instance.gone);
        let available = pulled
            || healths
                .clone()
                .any(|instance| instance.health != Health::Unhealthy);
        let all_well =
            healths.all(|instance| matches!(instance.health, Health::Healthy | Health::Unknown));
        match (available, all_well) {
            (false, _) => Health::Unhealthy,
            (true, true) => Health::Healthy,
            (true, false) => Health::Degraded,
        }
    }

    pub fn view(&self, name: &ServiceName, now: Timestamp) -> Option<ServiceView> {
        let service = self.0.get(name)?;
        service.is_present().then(|| {
            let instances: Vec<_> = service.instances.values().map(view).collect();
            let seen = instances
                .iter()
                .filter_map(|instance| instance.last_seen)
                .max();
            ServiceView {
                service: name.clone(),
                status: self.status(name, now),
                last_seen: seen.max(service.polled.map(|polled| polled.at)),
                instances,
            }
        })
    }

    pub fn views(&self, now: Timestamp) -> Vec<ServiceView> {
        self.0
            .keys()
            .filter_map(|name| self.view(name, now))
            .collect()
    }
}

impl Service {
    fn is_present(&self) -> bool {
        self.registered || self.polled.is_some()
    }
}

fn target(instance: &Instance) -> Option<Target> {
    Some(Target {
        instance_id: instance.registration.instance_id.clone(),
        address: instance.registration.address.clone()?,
        max_in_flight: instance.registration.max_in_flight,
        health: instance.health,
        weight: instance.registration.weight,
        capabilities: instance.registration.capabilities.as_slice().into(),
    })
}

fn view(instance: &Instance) -> InstanceView {
    InstanceView {
        registration: instance.registration.clone(),
        health: instance.health,
        last_seen: instance.last_seen,
    }
}
