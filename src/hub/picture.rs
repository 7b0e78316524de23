//! How the hub is, as those see it who do the work: what `/health` and `/metrics` are made of.
//!
//! Monitors ask often, and anybody may ask, so the owners are asked once a second at most.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::Clients;
use super::error::HubError;
use super::lately::{Found, Lately};
use crate::actors::messages::dispatcher::SurveyCircuits;
use crate::actors::messages::registry::SurveyServices;
use crate::actors::messages::router::InspectAdmission;
use crate::actors::messages::scheduler::InspectQueues;
use crate::logic::admission_report::AdmissionReport;
use crate::logic::circuit_survey::CircuitSurvey;
use crate::logic::queues::report::QueueReport;
use crate::logic::service_view::ServiceSummary;
use crate::phase::Phase;

/// What the actors know at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Picture {
    /// What waits.
    pub queues: QueueReport,
    /// How full the destinations are.
    pub admission: AdmissionReport,
    /// Those that are there.
    pub services: Vec<ServiceSummary>,
    /// Of services, then of callbacks.
    pub circuits: CircuitSurvey,
}

impl Picture {
    /// A queue refuses what comes.
    pub fn is_overloaded(&self) -> bool {
        let mut destinations = self.admission.destinations.values();
        self.admission.memory_full || destinations.any(|destination| destination.is_full)
    }
}

/// The latest picture. Clones are the same.
#[derive(Clone)]
pub struct Pictures {
    clients: Clients,
    latest: Lately<Picture>,
}

impl Pictures {
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
    pub async fn latest(&self, phase: Phase) -> Result<Arc<Found<Picture>>, HubError> {
        let clients = self.clients.clone();
        self.latest.get(phase, || look(clients, phase)).await
    }
}

/// Asks whoever knows what is in the picture.
async fn look(clients: Clients, phase: Phase) -> Result<Found<Picture>, HubError> {
    let at = Instant::now();
    let what = match phase {
        // Until then nobody knows anything, and asking would disturb who learns it.
        Phase::Starting => Picture::default(),
        Phase::Open | Phase::Draining => picture(&clients).await?,
    };
    Ok(Found { what, at, phase })
}

async fn picture(clients: &Clients) -> Result<Picture, HubError> {
    let queues = clients.scheduler.query(InspectQueues { service: None });
    let queues = queues.await?;
    let admission = clients.router.query(InspectAdmission { service: None });
    let admission = admission.await?;
    let services = clients.registry.query(SurveyServices).await?;
    let mut circuits = clients.dispatcher.query(SurveyCircuits).await?;
    circuits.extend(clients.subscriptions.query(SurveyCircuits).await?);
    Ok(Picture {
        queues,
        admission,
        services,
        circuits,
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::hub::clients;

    #[actix::test]
    async fn who_is_starting_is_not_asked() {
        // Nobody there answers.
        let (_mailboxes, clients) = clients::pending();
        let pictures = Pictures::new(clients);
        let latest = pictures.latest(Phase::Starting).await.unwrap();
        assert!(latest.what.services.is_empty());
        assert!(pictures.latest(Phase::Open).now_or_never().is_none());
    }
}
