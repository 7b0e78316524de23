//! What the Registry tells of its services.

use std::collections::BTreeMap;

use super::instance::Instance;
use super::services::{Service, Services};
use crate::domain::ids::{Label, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::service::{Dependency, Health};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::dependencies::{DependencyReport, DependencyStatus, check, cycles, union};
use crate::logic::service_view::{ServiceSummary, ServiceView, ServicesSurvey};

impl Services {
    /// Whether a service has what its instances need, or what is given `instead`.
    pub(super) fn report(
        &self,
        name: &ServiceName,
        instead: Option<Vec<Dependency>>,
        now: Timestamp,
    ) -> Option<DependencyReport> {
        let needed = match instead {
            Some(needed) => union(&needed),
            None => {
                let service = self.known.get(name).filter(|known| known.is_present());
                service?.needs()
            }
        };
        let mut graph: BTreeMap<ServiceName, Vec<ServiceName>> = BTreeMap::new();
        for (other, service) in self.known.iter().filter(|(other, _)| *other != name) {
            graph.insert(other.clone(), names(&service.needs()));
        }
        graph.insert(name.clone(), names(&needed));
        Some(DependencyReport {
            cycles: cycles(name, &graph),
            findings: check(needed, |needed| self.found(needed, now)),
        })
    }

    pub(super) fn view(
        &self,
        name: &ServiceName,
        usual: Strategy,
        moment: Moment,
    ) -> Option<ServiceView> {
        let now = moment.hub;
        let service = self.known.get(name).filter(|known| known.is_present())?;
        let findings = check(service.needs(), |needed| self.found(needed, now));
        let strategy = self.strategy(name);
        let available = service.available(None, now);
        Some(ServiceView {
            service: name.clone(),
            status: service.status(&findings, available),
            last_seen: service.last_seen().map(|at| moment.wall_time(at)),
            instances: service.instance_views(name, moment),
            available,
            strategy: strategy.unwrap_or(usual),
            has_own_strategy: strategy.is_some(),
            issues: findings
                .iter()
                .filter_map(DependencyStatus::issue)
                .collect(),
        })
    }

    pub(super) fn views(&self, usual: Strategy, now: Moment) -> Vec<ServiceView> {
        let names = self.known.keys();
        names
            .filter_map(|name| self.view(name, usual, now))
            .collect()
    }

    /// Says of each what [`Services::views`] would, and copies nothing of what is registered.
    pub(super) fn summaries(&self, now: Timestamp) -> Vec<ServiceSummary> {
        self.all(now).collect()
    }

    /// The same of those among these that are registered.
    pub(super) fn summaries_of(
        &self,
        names: &[ServiceName],
        now: Timestamp,
    ) -> Vec<ServiceSummary> {
        let known = names.iter().filter_map(|name| {
            let service = self.known.get(name).filter(|known| known.is_present())?;
            Some(self.summary(name, service, now))
        });
        known.collect()
    }

    /// What all of them come to.
    pub(super) fn survey(&self, now: Timestamp) -> ServicesSurvey {
        let mut survey = ServicesSurvey::default();
        for summary in self.all(now) {
            survey.registered += 1;
            match summary.status {
                Health::Healthy | Health::Unknown => (),
                Health::Degraded => survey.degraded += 1,
                Health::Unhealthy => survey.unhealthy += 1,
            }
            survey.consumers += summary.consumers;
            survey.is_one_failing |= summary.is_failing;
        }
        survey
    }

    fn all(&self, now: Timestamp) -> impl Iterator<Item = ServiceSummary> {
        let present = self.known.iter().filter(|(_, known)| known.is_present());
        present.map(move |(name, service)| self.summary(name, service, now))
    }

    fn summary(&self, name: &ServiceName, service: &Service, now: Timestamp) -> ServiceSummary {
        let findings = check(service.needs(), |needed| self.found(needed, now));
        let available = service.available(None, now);
        let status = service.status(&findings, available);
        let mut instances = service.instances.values();
        ServiceSummary {
            service: name.clone(),
            status,
            instances: service.by_health(),
            available,
            consumers: service.consumers(available),
            is_failing: status == Health::Unhealthy && instances.any(Instance::is_pushed_to),
        }
    }

    fn found(&self, needed: &Dependency, now: Timestamp) -> u32 {
        let service = self.known.get(&needed.service);
        service.map_or(0, |service| service.available(needed.version.as_ref(), now))
    }
}

impl Service {
    /// What its instances need between them.
    fn needs(&self) -> Vec<Dependency> {
        let instances = self.instances.values();
        let dependencies = instances.flat_map(|instance| &instance.registration.dependencies);
        let mut dependencies = dependencies.peekable();
        match dependencies.peek() {
            // Most services need none, and of all of them this is asked often.
            None => Vec::new(),
            Some(_) => union(dependencies),
        }
    }

    /// The instances that can take messages, of one version or of any. Those that pull do so as
    /// long as anybody polls; who polls without being registered is one more, of no version.
    fn available(&self, version: Option<&Label>, now: Timestamp) -> u32 {
        let mut count = match version {
            None => self.unregistered_listeners() as u32,
            Some(_) => 0,
        };
        let (mut has_pulling, has_puller) = (false, self.has_puller(now));
        for instance in self.instances.values().filter(|one| one.is_available()) {
            let registration = &instance.registration;
            if registration.address.is_none() {
                if !has_puller {
                    continue;
                }
                has_pulling = true;
            }
            if version.is_none() || version == registration.version.as_ref() {
                count += 1;
            }
        }
        if version.is_none() && !has_pulling && self.is_polled(now) {
            count += 1;
        }
        count
    }

    /// Healthy when all instances are, unhealthy when none is available, else degraded; at most
    /// degraded without what it cannot do without.
    fn status(&self, findings: &[DependencyStatus], available: u32) -> Health {
        if available == 0 {
            return Health::Unhealthy;
        }
        let lacks = |finding: &DependencyStatus| finding.dependency.critical && !finding.is_met();
        let well = |health| matches!(health, Health::Healthy | Health::Unknown);
        let mut staying = self.instances.values().filter(|one| one.is_staying());
        if staying.all(|one| well(one.health)) && !findings.iter().any(lacks) {
            Health::Healthy
        } else {
            Health::Degraded
        }
    }

    /// Whoever keeps a socket open is well.
    fn by_health(&self) -> [usize; Health::ALL.len()] {
        Health::ALL.map(|health| {
            let instances = self.instances.values();
            let of_it = instances.filter(|instance| instance.health == health);
            let listening = match health {
                Health::Healthy => self.unregistered_listeners(),
                _ => 0,
            };
            of_it.count() + listening
        })
    }

    /// Who takes messages by itself: who has not lost its health, and who polls without a name.
    fn consumers(&self, available: u32) -> usize {
        let well = |one: &&Instance| one.health != Health::Unhealthy;
        let well = || self.instances.values().filter(well);
        let pushed = well().filter(|one| one.is_pushed_to()).count();
        let there = well().count() + self.unregistered_listeners();
        let available = usize::try_from(available).unwrap_or(0);
        there - pushed + usize::from(available > there)
    }

    fn last_seen(&self) -> Option<Timestamp> {
        let seen = self.instances.values().map(|instance| instance.last_seen);
        seen.max().max(self.polled.map(|polled| polled.at))
    }
}

fn names(needed: &[Dependency]) -> Vec<ServiceName> {
    let mut names: Vec<_> = needed.iter().map(|one| one.service.clone()).collect();
    names.dedup();
    names
}
