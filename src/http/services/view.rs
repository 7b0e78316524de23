//! Services as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{InstanceId, Label, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::service::{Dependency, Endpoint, Health, HealthCheck};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::circuit_view::CircuitView;
use crate::logic::service_view::{InstanceTransport, InstanceView, OutOfRotation, ServiceView};

/// A service and its instances.
#[derive(Serialize, ToSchema)]
#[schema(as = Service)]
pub(super) struct ServiceDetails {
    service: ServiceName,
    status: Health,
    /// When an instance last gave a sign of life.
    last_seen: Option<Timestamp>,
    /// Of the instance that registered last.
    version: Option<Label>,
    /// Instances that can take messages; one more if somebody polls without being registered.
    available: u32,
    /// How the next instance is chosen.
    load_balancing_strategy: Strategy,
    /// Whether that was chosen for this service; else it is what is configured for all.
    own_strategy: bool,
    dependencies: DependencySummary,
    /// By their ids, about 4 MiB of them at most.
    instances: Vec<InstanceDetails>,
    /// There are more instances: `GET /v1/services/{service}?after=` this one shows them. Null: these
    /// are all.
    instances_after: Option<InstanceId>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Instance)]
pub(super) struct InstanceDetails {
    instance_id: InstanceId,
    /// How messages come to it.
    transport: InstanceTransport,
    status: Health,
    /// `draining` or `gone` (it answered 410) while it takes nothing new, whatever its health; else
    /// its health.
    #[schema(pattern = "^(healthy|degraded|unhealthy|unknown|draining|gone)$")]
    state: &'static str,
    /// Pushes under way; null where the hub does not push.
    in_flight: Option<u32>,
    /// Since when it is so; at the earliest since the hub started.
    since: Timestamp,
    /// What led to it.
    cause: Option<String>,
    /// Why it is sent nothing; null if it is sent messages, or pulls them.
    out_of_rotation: Option<OutOfRotation>,
    draining_since: Option<Timestamp>,
    version: Option<Label>,
    url: Option<String>,
    message_endpoint: Option<String>,
    health_check: Option<HealthCheckDetails>,
    weight: u32,
    /// Empty: all types of messages.
    capabilities: Vec<MessageType>,
    max_in_flight: u32,
    /// Seconds.
    ttl: Option<f64>,
    /// When its next heartbeat is overdue.
    expires_at: Option<Timestamp>,
    dependencies: Vec<DependencyView>,
    endpoints: Vec<EndpointView>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<JsonText>,
    registered_at: Timestamp,
    /// When it last gave a sign of life.
    last_seen: Timestamp,
}

/// A service that another one needs.
#[derive(Serialize, ToSchema)]
#[schema(as = Dependency)]
pub(super) struct DependencyView {
    service: ServiceName,
    /// So many available instances, at least.
    minimum_instances: u32,
    /// Without it the service that needs it is at most degraded.
    critical: bool,
    /// Only instances of exactly this version count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Label, required = false)]
    version: Option<Label>,
}

impl DependencyView {
    fn of(dependency: &Dependency) -> Self {
        Self {
            service: dependency.service.clone(),
            minimum_instances: dependency.minimum_instances,
            critical: dependency.critical,
            version: dependency.version.clone(),
        }
    }
}

/// A route an instance says it serves.
#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(super) struct EndpointView {
    path: String,
    /// Empty: it did not say.
    methods: Vec<String>,
}

impl EndpointView {
    fn of(endpoint: &Endpoint) -> Self {
        Self {
            path: endpoint.path.clone(),
            methods: endpoint.methods.clone(),
        }
    }
}

/// How an instance is asked whether it is well.
#[derive(Serialize, ToSchema)]
#[schema(as = HealthCheckAnswer)]
pub(super) struct HealthCheckDetails {
    endpoint: String,
    /// Seconds; null: `service_check_interval`.
    interval: Option<f64>,
    /// Seconds; null: `service_timeout`.
    timeout: Option<f64>,
}

/// Whether a service has what it needs.
#[derive(Serialize, ToSchema)]
pub(super) struct DependencySummary {
    satisfied: bool,
    /// What is missing, in words.
    #[schema(example = json!(["Requires 2 instances of rules-service, found 1"]))]
    issues: Vec<String>,
}

/// How a service and its instances are.
#[derive(Serialize, ToSchema)]
pub(super) struct ServiceHealth {
    service: ServiceName,
    status: Health,
    /// Instances that can take messages; one more if somebody polls without being registered.
    available: u32,
    dependencies: DependencySummary,
    instances: Vec<InstanceHealth>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct InstanceHealth {
    instance_id: InstanceId,
    status: Health,
    /// Since when it is so; at the earliest since the hub started.
    since: Timestamp,
    /// What led to it.
    cause: Option<String>,
    last_seen: Timestamp,
    /// Why it is sent nothing; null if it is sent messages, or pulls them.
    out_of_rotation: Option<OutOfRotation>,
    draining_since: Option<Timestamp>,
}

impl From<ServiceView> for ServiceDetails {
    fn from(view: ServiceView) -> Self {
        Self::after(view, None)
    }
}

impl ServiceDetails {
    /// With the instances whose ids come after this one.
    pub(super) fn after(mut view: ServiceView, after: Option<&InstanceId>) -> Self {
        let newest = view
            .instances
            .iter()
            .max_by_key(|instance| instance.registration.registered_at);
        let version = newest.and_then(|instance| instance.registration.version.clone());
        if let Some(after) = after {
            view.instances
                .retain(|instance| instance.registration.instance_id > *after);
        }
        let shown = view.shown_instances();
        let is_cut = shown < view.instances.len();
        let last = view.instances[..shown].last().filter(|_| is_cut);
        Self {
            instances_after: last.map(|last| last.registration.instance_id.clone()),
            version,
            service: view.service,
            status: view.status,
            last_seen: view.last_seen,
            available: view.available,
            load_balancing_strategy: view.strategy,
            own_strategy: view.has_own_strategy,
            dependencies: DependencySummary::new(view.issues),
            instances: view
                .instances
                .into_iter()
                .take(shown)
                .map(InstanceDetails::from)
                .collect(),
        }
    }
}

impl ServiceDetails {
    /// Says how many pushes are under way with each instance.
    pub(super) fn with_in_flight(mut self, circuits: &[CircuitView]) -> Self {
        let own = |view: &&CircuitView| view.circuit.service() == Some(&self.service);
        let Some(circuit) = circuits.iter().find(own) else {
            return self;
        };
        for instance in &mut self.instances {
            if let (Some(count), Some(now)) = (
                &mut instance.in_flight,
                circuit.instances.get(&instance.instance_id),
            ) {
                *count = *now;
            }
        }
        self
    }
}

impl From<InstanceView> for InstanceDetails {
    fn from(view: InstanceView) -> Self {
        let registration = &*view.registration;
        let address = registration.address.as_ref();
        Self {
            instance_id: registration.instance_id.clone(),
            transport: view.transport,
            status: view.health,
            state: match view.out_of_rotation {
                Some(OutOfRotation::Draining) => "draining",
                Some(OutOfRotation::Gone) => "gone",
                Some(OutOfRotation::Unhealthy) | None => view.health.name(),
            },
            in_flight: address.map(|_| 0),
            since: view.since,
            cause: view.cause,
            out_of_rotation: view.out_of_rotation,
            draining_since: view.draining_since,
            version: registration.version.clone(),
            url: address.map(|address| address.url.clone()),
            message_endpoint: address.map(|address| address.message_endpoint.clone()),
            health_check: registration
                .health_check
                .as_ref()
                .map(HealthCheckDetails::from),
            weight: registration.weight,
            capabilities: registration.capabilities.clone(),
            max_in_flight: registration.max_in_flight,
            ttl: registration.ttl().map(|ttl| ttl.as_secs_f64()),
            expires_at: view.expires_at,
            dependencies: registration
                .dependencies
                .iter()
                .map(DependencyView::of)
                .collect(),
            endpoints: registration
                .endpoints
                .iter()
                .map(EndpointView::of)
                .collect(),
            metadata: registration.metadata.clone(),
            registered_at: registration.registered_at,
            last_seen: view.last_seen,
        }
    }
}

impl From<&HealthCheck> for HealthCheckDetails {
    fn from(check: &HealthCheck) -> Self {
        Self {
            endpoint: check.endpoint.clone(),
            interval: check.interval().map(|interval| interval.as_secs_f64()),
            timeout: check.timeout().map(|timeout| timeout.as_secs_f64()),
        }
    }
}

impl DependencySummary {
    fn new(issues: Vec<String>) -> Self {
        Self {
            satisfied: issues.is_empty(),
            issues,
        }
    }
}

impl From<ServiceView> for ServiceHealth {
    fn from(view: ServiceView) -> Self {
        Self {
            service: view.service,
            status: view.status,
            available: view.available,
            dependencies: DependencySummary::new(view.issues),
            instances: view
                .instances
                .into_iter()
                .map(InstanceHealth::from)
                .collect(),
        }
    }
}

impl From<InstanceView> for InstanceHealth {
    fn from(view: InstanceView) -> Self {
        Self {
            instance_id: view.registration.instance_id.clone(),
            status: view.health,
            since: view.since,
            cause: view.cause,
            last_seen: view.last_seen,
            out_of_rotation: view.out_of_rotation,
            draining_since: view.draining_since,
        }
    }
}
