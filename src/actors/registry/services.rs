//! The services and instances the Registry knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::instance::Instance;
use super::listeners::Listener;
use crate::actors::children::Child;
use crate::domain::circuit::{CircuitChanged, Origin};
use crate::domain::fact::service::InstanceWithdrawn;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Registration, Target};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit::ForcedSince;
use crate::logic::feed_news::FeedId;

#[derive(Default)]
pub(super) struct Services {
    pub(super) known: BTreeMap<ServiceName, Service>,
    /// Kept for a service that deregistered, as it may come back.
    strategies: BTreeMap<ServiceName, Strategy>,
    /// The circuits that stand as somebody forced them.
    pub(super) forced: BTreeMap<ServiceName, ForcedSince>,
}

#[derive(Default)]
pub(super) struct Service {
    /// It registered, and did not deregister since. A name that only polled is a service as long
    /// as it polls.
    pub(super) registered: bool,
    /// It had no instances for so long that it goes once nothing waits for it.
    pub(super) is_lapsed: bool,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    /// Those with an address, by host and port.
    at: BTreeMap<Origin, BTreeSet<InstanceId>>,
    /// When somebody last asked for messages, and until when it counts as there.
    pub(super) polled: Option<Polled>,
    /// Sockets that take its messages. Volatile, as they are.
    pub(super) listeners: BTreeMap<FeedId, Listener>,
}

#[derive(Clone, Copy)]
pub(super) struct Polled {
    pub(super) at: Timestamp,
    until: Timestamp,
}

/// What a registration was to what was known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    New,
    /// It is checked elsewhere, or in another way.
    Moved,
    /// It is checked as before, so that a running probe can go on.
    Same,
}

impl Services {
    pub(super) fn know(&mut self, service: &ServiceName) {
        self.known.entry(service.clone()).or_default();
    }

    /// Adds an instance, or replaces what was registered of it; its health and history stay.
    /// `heard_at` is when it registered, by the hub's own clock.
    pub(super) fn put(&mut self, registration: Arc<Registration>, heard_at: Timestamp) -> Entry {
        let service = self.known.entry(registration.service.clone()).or_default();
        service.registered = true;
        service.is_lapsed = false;
        service.place(&registration);
        let Some(instance) = service.instances.get_mut(&registration.instance_id) else {
            let id = registration.instance_id.clone();
            let instance = Instance::new(registration, heard_at);
            service.instances.insert(id, instance);
            return Entry::New;
        };
        let before = std::mem::replace(&mut instance.registration, registration);
        let now = &instance.registration;
        instance.withdrawn = None;
        instance.is_expired = false;
        instance.last_seen = heard_at;
        instance.heard_at = heard_at;
        if (&before.address, &before.health_check) == (&now.address, &now.health_check) {
            Entry::Same
        } else {
            Entry::Moved
        }
    }

    /// The instance takes nothing new, unless it has registered again since; says whether this
    /// changes anything.
    pub(super) fn withdraw(&mut self, withdrawn: &InstanceWithdrawn) -> bool {
        let instance = self.instance_mut(&withdrawn.service, &withdrawn.instance_id);
        if let Some(instance) = instance
            && instance.registration.registered_at == withdrawn.registered_at
            && !instance.is_gone()
        {
            instance.withdrawn = Some((withdrawn.why, withdrawn.at));
            return true;
        }
        false
    }

    pub(super) fn remove_instance(&mut self, service: &ServiceName, id: &InstanceId) {
        if let Some(service) = self.known.get_mut(service)
            && let Some(instance) = service.instances.remove(id)
        {
            service.displace(&instance.registration);
        }
    }

    /// Forgets the service, unless somebody listens, who goes on doing so.
    pub(super) fn remove(&mut self, service: &ServiceName) {
        if let Some(known) = self.known.remove(service)
            && !known.listeners.is_empty()
        {
            let known = Service {
                listeners: known.listeners,
                ..Service::default()
            };
            self.known.insert(service.clone(), known);
        }
    }

    /// Another instance at the same host and port, with another path: most likely the same process,
    /// before somebody corrected its path.
    pub(super) fn beside(&self, registration: &Registration) -> Option<InstanceId> {
        let here = registration.address.as_ref()?;
        let (origin, url) = (Origin::of(&here.url), here.message_url());
        let service = self.known.get(&registration.service)?;
        let others = service.at.get(&origin)?.iter();
        let mut others = others.filter(|id| **id != registration.instance_id);
        let other = others.find(|id| {
            let instance = service.instances.get(*id);
            instance.is_some_and(|instance| {
                let there = instance.registration.address.as_ref();
                instance.is_staying() && there.is_some_and(|there| there.message_url() != url)
            })
        });
        other.cloned()
    }

    pub(super) fn instance(&self, service: &ServiceName, id: &InstanceId) -> Option<&Instance> {
        self.known.get(service)?.instances.get(id)
    }

    pub(super) fn instance_mut(
        &mut self,
        service: &ServiceName,
        id: &InstanceId,
    ) -> Option<&mut Instance> {
        self.known.get_mut(service)?.instances.get_mut(id)
    }

    /// Whoever there is more to know of than the name.
    pub(super) fn names(&self) -> BTreeSet<ServiceName> {
        let names = self.known.keys().chain(self.forced.keys());
        names.cloned().collect()
    }

    pub(super) fn instances_of(&self, service: &ServiceName) -> Vec<InstanceId> {
        let service = self.known.get(service);
        service.map_or_else(Vec::new, |service| {
            service.instances.keys().cloned().collect()
        })
    }

    pub(super) fn count_of(&self, service: &ServiceName) -> usize {
        let service = self.known.get(service);
        service.map_or(0, |service| service.instances.len())
    }

    /// As [`Services::count_of`], of each that has any.
    pub(super) fn counts(&self) -> Vec<(ServiceName, usize)> {
        let known = self.known.iter();
        let counts = known.map(|(name, service)| (name.clone(), service.instances.len()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether it is there now: registered, or polling.
    pub(super) fn is_registered(&self, service: &ServiceName) -> bool {
        self.known.get(service).is_some_and(Service::is_present)
    }

    /// Returns until when the service counts as having a puller.
    pub(super) fn polled(
        &mut self,
        service: &ServiceName,
        at: Timestamp,
        until: Timestamp,
    ) -> Timestamp {
        let service = self.known.entry(service.clone()).or_default();
        let until = service
            .polled
            .map_or(until, |polled| polled.until.max(until));
        service.polled = Some(Polled { at, until });
        service.is_lapsed = false;
        until
    }

    pub(super) fn has_puller(&self, service: &ServiceName, now: Timestamp) -> bool {
        let service = self.known.get(service);
        service.is_some_and(|service| service.has_puller(now))
    }

    pub(super) fn puller_left(&mut self, service: &ServiceName) {
        if let Some(service) = self.known.get_mut(service) {
            service.polled = None;
        }
    }

    pub(super) fn choose(&mut self, service: &ServiceName, strategy: Option<Strategy>) {
        match strategy {
            Some(strategy) => drop(self.strategies.insert(service.clone(), strategy)),
            None => drop(self.strategies.remove(service)),
        }
    }

    /// `None`: as configured for all.
    pub(super) fn strategy(&self, service: &ServiceName) -> Option<Strategy> {
        self.strategies.get(service).copied()
    }

    /// It changed then, by the hub's own clock; says whether this changes in what state a new
    /// circuit begins.
    pub(super) fn circuit_changed(
        &mut self,
        changed: &Arc<CircuitChanged>,
        since: Timestamp,
    ) -> bool {
        let Some(service) = changed.circuit.service() else {
            return false;
        };
        if changed.forced.is_some() {
            let changed = changed.clone();
            let forced = ForcedSince { changed, since };
            self.forced.insert(service.clone(), forced);
            return true;
        }
        self.forced.remove(service).is_some()
    }

    pub(super) fn forced(&self, service: &ServiceName) -> Option<ForcedSince> {
        self.forced.get(service).cloned()
    }

    /// The numbers of the probes there are.
    pub(super) fn probes(&self) -> impl Iterator<Item = u64> {
        let services = self.known.values();
        let instances = services.flat_map(|service| service.instances.values());
        let probes = instances.filter_map(|instance| instance.probe.as_ref());
        probes.map(Child::generation)
    }

    /// Looks at every instance; gives how many these are.
    ///
    /// # Panics
    /// If one is found elsewhere than it is registered.
    pub(super) fn check(&self) -> usize {
        for (name, service) in &self.known {
            service.check(name);
        }
        let services = self.known.values();
        services.map(|service| service.instances.len()).sum()
    }

    /// The instances that can be pushed to, health included.
    pub(super) fn targets(&self, service: &ServiceName) -> Arc<[Target]> {
        let Some(service) = self.known.get(service) else {
            return Arc::new([]);
        };
        let instances = service.instances.values();
        instances.filter_map(Instance::target).collect()
    }
}

impl Service {
    /// The instance is there from now on, and not where it was before.
    fn place(&mut self, registration: &Registration) {
        let id = &registration.instance_id;
        if let Some(before) = self.instances.get(id) {
            let before = before.registration.clone();
            self.displace(&before);
        }
        if let Some(address) = &registration.address {
            let origin = Origin::of(&address.url);
            self.at.entry(origin).or_default().insert(id.clone());
        }
    }

    fn displace(&mut self, registration: &Registration) {
        let Some(address) = &registration.address else {
            return;
        };
        let origin = Origin::of(&address.url);
        if let Some(ids) = self.at.get_mut(&origin) {
            ids.remove(&registration.instance_id);
            if ids.is_empty() {
                self.at.remove(&origin);
            }
        }
    }

    fn check(&self, name: &ServiceName) {
        let mut at: BTreeMap<Origin, BTreeSet<InstanceId>> = BTreeMap::new();
        for (id, instance) in &self.instances {
            let registration = &instance.registration;
            assert_eq!(
                (name, id),
                (&registration.service, &registration.instance_id)
            );
            if let Some(address) = &registration.address {
                let origin = Origin::of(&address.url);
                at.entry(origin).or_default().insert(id.clone());
            }
        }
        assert!(
            self.at == at,
            "instances of {name} are found where they are"
        );
        assert!(
            self.registered || self.instances.is_empty(),
            "{name} has instances, and so is registered"
        );
        assert!(
            !self.is_lapsed || self.instances.is_empty(),
            "{name} lapses without instances"
        );
    }

    pub(super) fn is_present(&self) -> bool {
        self.registered || self.polled.is_some() || !self.listeners.is_empty()
    }

    pub(super) fn has_puller(&self, now: Timestamp) -> bool {
        !self.listeners.is_empty() || self.is_polled(now)
    }

    /// Whether somebody asks for messages without a socket.
    pub(super) fn is_polled(&self, now: Timestamp) -> bool {
        self.polled.is_some_and(|polled| polled.until > now)
    }
}
