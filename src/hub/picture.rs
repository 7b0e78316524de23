//! How the hub is, as those see it who do the work: what `/health` and the overview are made of. It
//! does not grow with the services, so that it may be looked at each second.

use std::sync::Arc;

use tokio::time::Instant;

use super::clients::Clients;
use super::error::HubError;
use super::lately::{Found, Lately};
use crate::actors::messages::dispatcher::SurveyCircuits;
use crate::actors::messages::registry::SurveyServices;
use crate::actors::messages::router::SurveyAdmission;
use crate::actors::messages::scheduler::SurveyQueues;
use crate::logic::admission_report::AdmissionSurvey;
use crate::logic::circuit_survey::CircuitSurvey;
use crate::logic::queues::survey::QueueSurvey;
use crate::logic::service_view::ServicesSurvey;
use crate::phase::Phase;

/// What the actors know at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Picture {
    /// What waits.
    pub queues: QueueSurvey,
    /// Which destinations are full.
    pub admission: AdmissionSurvey,
    /// Those that are there.
    pub services: ServicesSurvey,
    /// Of services, then of callbacks.
    pub circuits: CircuitSurvey,
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
    let queues = clients.scheduler.query(SurveyQueues).await?;
    let admission = clients.router.query(SurveyAdmission).await?;
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
        assert_eq!(latest.what.services.registered, 0);
        assert!(pictures.latest(Phase::Open).now_or_never().is_none());
    }
}
