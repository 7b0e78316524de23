//! All services with what is known of each: what `/metrics` and the list of services are made of.
//!
//! It grows with the services, so it is for who wants all of them, once a second at most.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::Clients;
use super::error::HubError;
use super::lately::{Found, Lately};
use crate::actors::messages::dispatcher::SurveyCircuits;
use crate::actors::messages::registry::SummarizeServices;
use crate::actors::messages::scheduler::InspectQueues;
use crate::logic::circuit_survey::CircuitSurvey;
use crate::logic::queues::report::QueueReport;
use crate::logic::service_view::ServiceSummary;
use crate::phase::Phase;

/// What the actors know of each service at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Inventory {
    /// What waits for each.
    pub queues: QueueReport,
    /// Those that are registered.
    pub services: Vec<ServiceSummary>,
    /// Of services, then of callbacks.
    pub circuits: CircuitSurvey,
}

/// The latest inventory. Clones are the same.
#[derive(Clone)]
pub struct Inventories {
    clients: Clients,
    latest: Lately<Inventory>,
}

impl Inventories {
    /// Nobody is asked yet.
    pub fn new(clients: Clients) -> Self {
        Self {
            clients,
            latest: Lately::default(),
        }
    }

    /// One that is at most a second old.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn latest(&self, phase: Phase) -> Result<Arc<Found<Inventory>>, HubError> {
        let clients = self.clients.clone();
        self.latest.get(phase, || look(clients, phase)).await
    }
}

/// Asks whoever knows what is in it.
async fn look(clients: Clients, phase: Phase) -> Result<Found<Inventory>, HubError> {
    let at = Instant::now();
    let what = match phase {
        // Until then nobody knows anything, and asking would disturb who learns it.
        Phase::Starting => Inventory::default(),
        Phase::Open | Phase::Draining => inventory(&clients).await?,
    };
    Ok(Found { what, at, phase })
}

async fn inventory(clients: &Clients) -> Result<Inventory, HubError> {
    let queues = clients.scheduler.query(InspectQueues { service: None });
    let queues = queues.await?;
    let all = SummarizeServices { services: None };
    let services = clients.registry.query(all).await?;
    let mut circuits = clients.dispatcher.query(SurveyCircuits).await?;
    circuits.extend(clients.subscriptions.query(SurveyCircuits).await?);
    Ok(Inventory {
        queues,
        services,
        circuits,
    })
}
