//! All services with what is known of each: what `/metrics` and the list of services are made of.
//!
//! It grows with the services, so it is for who wants all of them, once a second at most.

use super::clients::Clients;
use super::error::HubError;
use super::surveys::{Surveyed, Surveys};
use crate::actors::messages::dispatcher::{ListCircuits, SurveyCircuits};
use crate::actors::messages::registry::SummarizeServices;
use crate::actors::messages::scheduler::InspectQueues;
use crate::domain::circuit::CircuitName;
use crate::logic::circuit_survey::CircuitSummary;
use crate::logic::queues::report::QueueReport;
use crate::logic::service_view::ServiceSummary;

/// What the actors know of each service at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Inventory {
    /// What waits for each.
    pub queues: QueueReport,
    /// Those that are registered.
    pub services: Vec<ServiceSummary>,
    /// Of services, then of callbacks.
    pub circuits: Vec<CircuitName>,
    /// Those of them that are not closed.
    pub not_closed: Vec<CircuitSummary>,
}

/// The latest inventory.
pub type Inventories = Surveys<Inventory>;

impl Surveyed for Inventory {
    async fn ask(clients: &Clients) -> Result<Self, HubError> {
        let queues = clients.scheduler.query(InspectQueues { service: None });
        let queues = queues.await?;
        let all = SummarizeServices { services: None };
        let services = clients.registry.query(all).await?;
        let mut circuits = clients.dispatcher.query(ListCircuits).await?;
        circuits.extend(clients.subscriptions.query(ListCircuits).await?);
        let mut not_closed = clients.dispatcher.query(SurveyCircuits).await?;
        not_closed.extend(clients.subscriptions.query(SurveyCircuits).await?);
        Ok(Self {
            queues,
            services,
            circuits,
            not_closed,
        })
    }
}
