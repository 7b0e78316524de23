//! How the hub is, as those see it who do the work: what `/health` and the overview are made of. It
//! does not grow with the services, so that it may be looked at each second.

use super::clients::Clients;
use super::error::HubError;
use super::surveys::{Surveyed, Surveys};
use crate::actors::messages::dispatcher::SurveyCircuits;
use crate::actors::messages::registry::SurveyServices;
use crate::actors::messages::router::SurveyAdmission;
use crate::actors::messages::scheduler::SurveyQueues;
use crate::logic::admission_report::AdmissionSurvey;
use crate::logic::circuit_survey::CircuitSummary;
use crate::logic::queues::survey::QueueSurvey;
use crate::logic::service_view::ServicesSurvey;

/// What the actors know at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Picture {
    /// What waits.
    pub queues: QueueSurvey,
    /// Which destinations are full.
    pub admission: AdmissionSurvey,
    /// Those that are there.
    pub services: ServicesSurvey,
    /// Those that are not closed, of services, then of callbacks.
    pub circuits: Vec<CircuitSummary>,
}

/// The latest picture.
pub type Pictures = Surveys<Picture>;

impl Surveyed for Picture {
    async fn ask(clients: &Clients) -> Result<Self, HubError> {
        let queues = clients.scheduler.query(SurveyQueues).await?;
        let admission = clients.router.query(SurveyAdmission).await?;
        let services = clients.registry.query(SurveyServices).await?;
        let mut circuits = clients.dispatcher.query(SurveyCircuits).await?;
        circuits.extend(clients.subscriptions.query(SurveyCircuits).await?);
        Ok(Self {
            queues,
            admission,
            services,
            circuits,
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::hub::clients;
    use crate::phase::Phase;

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
