//! What is measured by service. The gauges are made anew at each scrape from what the owners of the
//! numbers say, so that who is gone leaves none behind; the counters of who is gone go with it.

use std::collections::{HashMap, HashSet};

use prometheus::{IntCounterVec, IntGaugeVec};

use super::maker::{Labels, Maker};
use super::service_queues::ServiceQueues;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit_survey::CircuitSummary;
use crate::logic::queues::view::QueueDepths;

/// A service as it is at a scrape.
#[derive(Clone, Debug, Default)]
pub struct ServiceNow {
    pub name: String,
    /// `None`: nobody is registered under this name, but something is left for it.
    pub health: Option<Health>,
    /// Its instances, by their health.
    pub instances: Vec<(Health, usize)>,
    pub depths: QueueDepths,
    /// In the list; `None` while nobody can tell.
    pub dead_letters: Option<u64>,
}

/// Everything that has a label of its own.
#[derive(Clone, Debug, Default)]
pub struct ServicesPicture<'a> {
    /// Those that are registered, and those for which something is left.
    pub services: Vec<ServiceNow>,
    /// The circuits of services and of callbacks.
    pub circuits: &'a [CircuitName],
    /// Those of them that are not closed.
    pub not_closed: &'a [CircuitSummary],
    /// Names that there is a queue of, be it empty.
    pub destinations: usize,
    /// All queues are paused.
    pub all_paused: bool,
}

pub struct Services {
    /// How many have series of their own, at most.
    most: usize,
    labels: Labels,
    queues: ServiceQueues,
    dead_letters: IntGaugeVec,
    circuit_state: IntGaugeVec,
    health: IntGaugeVec,
    instances: IntGaugeVec,
    circuit_transitions: IntCounterVec,
    health_changes: IntCounterVec,
    refusals: IntCounterVec,
    destinations: prometheus::IntGauge,
    circuits: prometheus::IntGauge,
    all_paused: prometheus::IntGauge,
}

/// Why a message for a service was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    LaneFull,
    MemoryFull,
    /// The sender is over its quota.
    RateLimited,
    /// With `on_unavailable: reject`.
    CircuitOpen,
    NoInstance,
}

impl NotTaken {
    const ALL: [Self; 5] = [
        Self::LaneFull,
        Self::MemoryFull,
        Self::RateLimited,
        Self::CircuitOpen,
        Self::NoInstance,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::LaneFull => "lane_full",
            Self::MemoryFull => "memory_full",
            Self::RateLimited => "rate_limited",
            Self::CircuitOpen => "circuit_open",
            Self::NoInstance => "no_instance",
        }
    }
}

const CIRCUIT_STATES: [CircuitState; 3] = [
    CircuitState::Closed,
    CircuitState::HalfOpen,
    CircuitState::Open,
];

impl Services {
    pub fn new(make: &Maker<'_>, most: usize) -> Self {
        Self {
            most,
            labels: Labels::new(most),
            queues: ServiceQueues::new(make),
            dead_letters: make.gauges(
                "message_hub_service_dead_letters",
                "Entries in the dead letter list, by destination; missing while the archive does not answer",
                "service",
            ),
            circuit_state: make.gauges(
                "message_hub_circuit_state",
                "0 closed, 1 half open, 2 open",
                "service",
            ),
            health: make.gauges(
                "message_hub_service_health",
                "2 healthy, 1 degraded, 0 unhealthy",
                "service",
            ),
            instances: make.gauges_by(
                "message_hub_service_instances",
                "Registered instances, by their health",
                &["service", "health"],
            ),
            circuit_transitions: make.counters_by(
                "message_hub_circuit_transitions_total",
                "Changes of a circuit's state, by the state it went to",
                &["service", "to"],
            ),
            health_changes: make.counters_by(
                "message_hub_service_health_changes_total",
                "Changes of the health of instances, by what it became",
                &["service", "to"],
            ),
            refusals: make.counters_by(
                "message_hub_refusals_total",
                "Messages that were not taken, by their destination and why",
                &["service", "reason"],
            ),
            destinations: make.gauge(
                "message_hub_destinations",
                "Services that there is a queue of in memory; one that is gone and has nothing left has none",
            ),
            circuits: make.gauge(
                "message_hub_circuits",
                "Circuits in memory, of services and of the origins of callbacks",
            ),
            all_paused: make.gauge(
                "message_hub_all_queues_paused",
                "1 while all queues are paused together",
            ),
        }
    }

    pub fn count_transition(&self, circuit: &str, to: CircuitState) {
        let labels = [self.labels.cap(circuit), to.name()];
        self.circuit_transitions.with_label_values(&labels).inc();
    }

    pub fn count_health_change(&self, service: &str, to: Health) {
        let labels = [self.labels.cap(service), to.name()];
        self.health_changes.with_label_values(&labels).inc();
    }

    pub fn count_refusal(&self, destination: &str, why: NotTaken) {
        let labels = [self.labels.cap(destination), why.name()];
        self.refusals.with_label_values(&labels).inc();
    }

    /// Nothing is left of this service, nor of what was counted of it.
    pub fn forget(&self, service: &str) {
        if self.labels.forget(service) {
            self.forget_counters(service);
        }
    }

    /// Puts the gauges where things are now.
    pub fn show(&self, picture: &ServicesPicture<'_>, now: Timestamp) {
        let circuits = picture.circuits.iter().map(CircuitName::to_string);
        let circuits: Vec<String> = circuits.collect();
        self.free(&picture.services, &circuits);
        self.clear();
        self.all_paused.set(i64::from(picture.all_paused));
        self.destinations.set(whole(picture.destinations));
        self.circuits.set(whole(picture.circuits.len()));
        let shown = shown(&picture.services, self.most);
        for service in &shown {
            self.show_one(service, now);
        }
        let names: HashSet<&str> = shown.iter().map(|one| one.name.as_str()).collect();
        let is_shown = |name: &str| names.contains(name) || name.starts_with("callback:");
        let not_closed = picture.not_closed.iter();
        let states: HashMap<_, _> = not_closed
            .map(|one| (one.circuit.as_str(), one.state))
            .collect();
        let circuits = circuits.iter().map(String::as_str);
        for circuit in circuits.filter(|one| is_shown(one)).take(self.most) {
            let value = match states.get(circuit) {
                None | Some(CircuitState::Closed) => 0,
                Some(CircuitState::HalfOpen) => 1,
                Some(CircuitState::Open) => 2,
            };
            let name = &[circuit];
            self.circuit_state.with_label_values(name).set(value);
        }
    }

    fn show_one(&self, service: &ServiceNow, now: Timestamp) {
        let name = &[service.name.as_str()];
        self.queues.show(&service.name, &service.depths, now);
        if let Some(dead_letters) = service.dead_letters {
            let dead_letters = i64::try_from(dead_letters).unwrap_or(i64::MAX);
            self.dead_letters.with_label_values(name).set(dead_letters);
        }
        if let Some(health) = service.health {
            let value = match health {
                Health::Healthy | Health::Unknown => 2,
                Health::Degraded => 1,
                Health::Unhealthy => 0,
            };
            self.health.with_label_values(name).set(value);
        }
        for (health, count) in &service.instances {
            let labels = [service.name.as_str(), health.name()];
            self.instances.with_label_values(&labels).set(whole(*count));
        }
    }

    fn clear(&self) {
        self.queues.clear();
        for gauges in [
            &self.dead_letters,
            &self.circuit_state,
            &self.health,
            &self.instances,
        ] {
            gauges.reset();
        }
    }

    /// Gives the labels of those who are gone to others.
    fn free(&self, services: &[ServiceNow], circuits: &[String]) {
        let names = services.iter().map(|one| one.name.as_str());
        let there: HashSet<&str> = names.chain(circuits.iter().map(String::as_str)).collect();
        let registered = services.iter().filter(|one| one.health.is_some());
        let registered: Vec<&str> = registered.map(|one| one.name.as_str()).collect();
        for gone in self.labels.settle(&registered, &there) {
            self.forget_counters(&gone);
        }
    }

    /// A series that there never was is none to be removed.
    fn forget_counters(&self, service: &str) {
        for to in CIRCUIT_STATES {
            let labels = [service, to.name()];
            let _ = self.circuit_transitions.remove_label_values(&labels);
        }
        for to in Health::ALL {
            let labels = [service, to.name()];
            let _ = self.health_changes.remove_label_values(&labels);
        }
        for why in NotTaken::ALL {
            let labels = [service, why.name()];
            let _ = self.refusals.remove_label_values(&labels);
        }
    }
}

/// Who is shown, if there is no room for all: who is registered rather than a name that something
/// is left for, and then by name, so that the same are shown each time.
fn shown(services: &[ServiceNow], most: usize) -> Vec<&ServiceNow> {
    let mut shown: Vec<&ServiceNow> = services.iter().collect();
    shown.sort_by_key(|one| (one.health.is_none(), one.name.as_str()));
    shown.truncate(most);
    shown
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::Registry;

    struct Shelf {
        registry: Registry,
        services: Services,
    }

    fn shelf(most: usize) -> Shelf {
        let registry = Registry::new();
        let services = Services::new(
            &Maker {
                registry: &registry,
            },
            most,
        );
        Shelf { registry, services }
    }

    impl Shelf {
        fn show(&self, services: &[ServiceNow], circuits: &[(&str, CircuitState)]) -> String {
            let names = circuits.iter().map(|(name, _)| CircuitName::parse(name));
            let not_closed = circuits.iter();
            let not_closed = not_closed.filter(|(_, state)| *state != CircuitState::Closed);
            let not_closed = not_closed.map(|(name, state)| CircuitSummary::of(name, *state));
            let names: Vec<_> = names.map(Result::unwrap).collect();
            let not_closed: Vec<_> = not_closed.collect();
            let picture = ServicesPicture {
                services: services.to_vec(),
                circuits: &names,
                not_closed: &not_closed,
                ..ServicesPicture::default()
            };
            self.services.show(&picture, Timestamp::default());
            let families = self.registry.gather();
            prometheus::TextEncoder::new()
                .encode_to_string(&families)
                .unwrap()
        }
    }

    fn registered(name: &str) -> ServiceNow {
        ServiceNow {
            name: name.to_owned(),
            health: Some(Health::Healthy),
            ..ServiceNow::default()
        }
    }

    fn left_over(name: &str) -> ServiceNow {
        ServiceNow {
            health: None,
            ..registered(name)
        }
    }

    #[test]
    fn who_is_gone_leaves_no_series() {
        let shelf = shelf(10);
        shelf.services.count_transition("mail", CircuitState::Open);
        shelf.services.count_refusal("mail", NotTaken::LaneFull);
        let open = [("mail", CircuitState::Open)];
        let text = shelf.show(&[registered("mail")], &open);
        for series in [
            "message_hub_circuit_state{service=\"mail\"} 2",
            "message_hub_service_health{service=\"mail\"} 2",
            "message_hub_queue_depth{service=\"mail\"} 0",
            "message_hub_refusals_total{reason=\"lane_full\",service=\"mail\"} 1",
        ] {
            assert!(text.contains(series), "{series} in\n{text}");
        }
        let text = shelf.show(&[], &[]);
        assert!(!text.contains("mail"), "{text}");
    }

    #[test]
    fn no_gauge_is_shared_and_those_beyond_the_limit_have_none() {
        let shelf = shelf(2);
        let services = [left_over("a"), registered("b"), registered("c")];
        let circuits = ["a", "b", "c"].map(|name| (name, CircuitState::Open));
        let text = shelf.show(&services, &circuits);
        assert!(!text.contains("other"), "{text}");
        assert!(!text.contains("service=\"a\""), "{text}");
        for name in ["b", "c"] {
            let series = format!("message_hub_circuit_state{{service=\"{name}\"}} 2");
            assert!(text.contains(&series), "{text}");
        }
    }

    #[test]
    fn counters_of_registered_services_win_over_names_that_only_appeared() {
        let shelf = shelf(2);
        for name in ["x", "y", "late"] {
            shelf.services.count_refusal(name, NotTaken::LaneFull);
        }
        let services = [left_over("x"), left_over("y"), registered("late")];
        let text = shelf.show(&services, &[]);
        assert!(text.contains("service=\"other\"} 1"), "{text}");
        shelf.services.count_refusal("late", NotTaken::LaneFull);
        let text = shelf.show(&services, &[]);
        let series = "message_hub_refusals_total{reason=\"lane_full\",service=\"late\"} 1";
        assert!(text.contains(series), "{text}");
    }

    #[test]
    fn the_place_of_one_that_is_forgotten_is_free_at_once() {
        let shelf = shelf(2);
        for name in ["a", "b", "c"] {
            shelf.services.count_refusal(name, NotTaken::NoInstance);
        }
        shelf.services.forget("a");
        shelf.services.count_refusal("d", NotTaken::NoInstance);
        let text = shelf.show(&["b", "c", "d"].map(registered), &[]);
        assert!(text.contains("service=\"d\"} 1"), "{text}");
        assert!(text.contains("service=\"other\"} 1"), "{text}");
    }

    #[test]
    fn a_service_can_be_forgotten() {
        let shelf = shelf(5);
        shelf.services.count_refusal("x", NotTaken::NoInstance);
        shelf.services.forget("x");
        let text = shelf.show(&[left_over("x")], &[]);
        assert!(!text.contains("no_instance"), "{text}");
    }
}
