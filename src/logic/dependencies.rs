//! Whether a service has what it needs (docs/explanation/dependencies.md).

use std::collections::{BTreeMap, VecDeque};

use crate::domain::ids::{Label, ServiceName};
use crate::domain::service::Dependency;

/// A dependency, and how much of it there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DependencyStatus {
    /// What is needed.
    pub dependency: Dependency,
    /// Available instances.
    pub found: u32,
}

impl DependencyStatus {
    /// Whether there is as much of it as is needed.
    pub fn is_met(&self) -> bool {
        self.found >= self.dependency.minimum_instances
    }

    /// What is missing, in words; `None` if nothing is.
    pub fn issue(&self) -> Option<String> {
        if self.is_met() {
            return None;
        }
        let Dependency {
            service,
            minimum_instances: required,
            version,
            ..
        } = &self.dependency;
        let plural = if *required == 1 { "" } else { "s" };
        let version = match version {
            Some(version) => format!(" version {version}"),
            None => String::new(),
        };
        let found = self.found;
        Some(format!(
            "Requires {required} instance{plural} of {service}{version}, found {found}"
        ))
    }
}

/// What a service needs, and what of it there is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DependencyReport {
    /// One for each dependency, met or not.
    pub findings: Vec<DependencyStatus>,
    /// Each begins and ends with the service, and names who needs whom on the way.
    pub cycles: Vec<Vec<ServiceName>>,
}

impl DependencyReport {
    /// Whether everything needed is there, critical or not.
    pub fn is_satisfied(&self) -> bool {
        self.findings.iter().all(DependencyStatus::is_met)
    }

    /// What is missing, in words.
    pub fn issues(&self) -> Vec<String> {
        self.findings
            .iter()
            .filter_map(DependencyStatus::issue)
            .collect()
    }
}

/// What the instances of a service need between them: of each service and version once, the most
/// that any of them asks for, critical if it is to any.
pub fn union<'a>(all: impl IntoIterator<Item = &'a Dependency>) -> Vec<Dependency> {
    let mut needed: BTreeMap<(&ServiceName, Option<&Label>), Dependency> = BTreeMap::new();
    for dependency in all {
        let key = (&dependency.service, dependency.version.as_ref());
        let known = needed.entry(key).or_insert_with(|| dependency.clone());
        known.minimum_instances = known.minimum_instances.max(dependency.minimum_instances);
        known.critical |= dependency.critical;
    }
    needed.into_values().collect()
}

/// Looks for each dependency; `found` says how many available instances there are.
pub fn check(
    dependencies: Vec<Dependency>,
    found: impl Fn(&Dependency) -> u32,
) -> Vec<DependencyStatus> {
    let look = |dependency| DependencyStatus {
        found: found(&dependency),
        dependency,
    };
    dependencies.into_iter().map(look).collect()
}

/// The ways on which `service` needs itself: for each service it needs directly the shortest one,
/// so that there are no more of them than dependencies. `needs` says who needs whom.
pub fn cycles(
    service: &ServiceName,
    needs: &BTreeMap<ServiceName, Vec<ServiceName>>,
) -> Vec<Vec<ServiceName>> {
    let home = ways_to(service, needs);
    let mut cycles = Vec::new();
    for direct in needs.get(service).into_iter().flatten() {
        let mut cycle = vec![service.clone(), direct.clone()];
        let mut at = direct;
        while at != service
            && let Some(next) = home.get(at)
        {
            cycle.push((*next).clone());
            at = next;
        }
        if at == service && !cycles.contains(&cycle) {
            cycles.push(cycle);
        }
    }
    cycles
}

/// The next step of the shortest way to `service`, for everybody who needs it in some way.
fn ways_to<'a>(
    service: &'a ServiceName,
    needs: &'a BTreeMap<ServiceName, Vec<ServiceName>>,
) -> BTreeMap<&'a ServiceName, &'a ServiceName> {
    let mut needed_by: BTreeMap<&ServiceName, Vec<&ServiceName>> = BTreeMap::new();
    for (name, direct) in needs {
        for needed in direct {
            needed_by.entry(needed).or_default().push(name);
        }
    }
    let mut next = BTreeMap::new();
    let mut queue = VecDeque::from([service]);
    while let Some(reached) = queue.pop_front() {
        for name in needed_by.get(reached).into_iter().flatten().copied() {
            if name != service && !next.contains_key(name) {
                next.insert(name, reached);
                queue.push_back(name);
            }
        }
    }
    next
}

#[cfg(test)]
mod tests;
