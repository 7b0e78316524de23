//! Queues: how full they are, and what operators do to them.

use super::Hub;
use super::access::Operation;
use super::acts::Act;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::router::InspectAdmission;
use crate::actors::messages::scheduler::{ClearQueue, InspectQueues, SwitchQueue};
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;
use crate::logic::admission_report::AdmissionReport;
use crate::logic::queues::report::QueueReport;
use crate::ports::archive::DeadLetterCounts;

/// The queues of one service, or of all.
pub struct QueueOverview {
    /// What waits.
    pub queues: QueueReport,
    /// How full they are.
    pub admission: AdmissionReport,
    /// `None` while the archive does not answer.
    pub dead_letters: Option<DeadLetterCounts>,
}

impl Hub {
    /// How the queues are.
    ///
    /// # Errors
    /// SERVICE_NOT_FOUND if nobody ever registered the service.
    pub async fn queue_overview(
        &self,
        service: Option<&ServiceName>,
    ) -> Result<QueueOverview, HubError> {
        let inspect = InspectQueues {
            service: service.cloned(),
        };
        let queues = self.clients.scheduler.query(inspect).await?;
        let admission = self.admission("service", service).await?;
        // Without the archive only this one number is missing.
        let dead_letters = match self.flush().await {
            Ok(()) => self.archive.dead_letter_counts().await.ok(),
            Err(_) => None,
        };
        Ok(QueueOverview {
            queues,
            admission,
            dead_letters,
        })
    }

    /// How full the destinations are. Where one service is meant, by the parameter or field `name`,
    /// it must be known.
    pub(super) async fn admission(
        &self,
        name: &'static str,
        service: Option<&ServiceName>,
    ) -> Result<AdmissionReport, HubError> {
        let inspect = InspectAdmission {
            service: service.cloned(),
        };
        let admission = self.clients.router.query(inspect).await?;
        match service {
            Some(service) if !admission.is_known => Err(HubError::NoService {
                field: name,
                service: service.clone(),
            }),
            _ => Ok(admission),
        }
    }

    /// Pauses the queue of a service, or of all, or lets it go on.
    ///
    /// # Errors
    /// AUTH_FAILED unless an operator asks, SERVICE_NOT_FOUND.
    pub async fn switch_queue(
        &self,
        context: &RequestContext<'_>,
        service: Option<&ServiceName>,
        paused: bool,
    ) -> Result<(), HubError> {
        context.principal.may(Operation::SwitchQueue)?;
        self.admission("service", service).await?;
        let switched = self.clients.scheduler.request(|reply| SwitchQueue {
            service: service.cloned(),
            paused,
            by: Some(context.who()),
            reply,
        });
        switched.await?;
        let action = if paused {
            "pause_queue"
        } else {
            "resume_queue"
        };
        let name = service.map_or("all services", |name| name.as_str());
        Act::new(action, "queue", &name).tell(context);
        Ok(())
    }

    /// Cancels what waits for a service, of one priority or of all; returns how many.
    ///
    /// # Errors
    /// As [`Hub::switch_queue`].
    pub async fn clear_queue(
        &self,
        context: &RequestContext<'_>,
        service: &ServiceName,
        priority: Option<Priority>,
    ) -> Result<u64, HubError> {
        context.principal.may(Operation::ClearQueue)?;
        self.admission("service", Some(service)).await?;
        let cleared = self.clients.scheduler.request(|reply| ClearQueue {
            service: service.clone(),
            priority,
            reply,
        });
        let cancelled = cleared.await?;
        let of = |priority: Priority| format!("of priority {}", priority.name());
        let levels = priority.map_or_else(|| "of all priorities".to_owned(), of);
        let outcome = format!("{cancelled} messages {levels} cancelled");
        Act::new("clear_queue", "queue", service)
            .with(&outcome)
            .tell(context);
        Ok(cancelled)
    }
}
