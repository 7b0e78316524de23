//! How the hub is, as those see it who do the work: what `/health` and `/metrics` are made of.
//!
//! Monitors ask often, and anybody may ask, so the owners are asked once a second at most.

use std::sync::Arc;

use actix::Recipient;
use tokio::time::Instant;

use super::ask::{ask, look};
use super::handles::Handles;
use super::lately::{Found, Lately};
use crate::actors::messages::{
    AdmissionReport, CircuitView, InspectAdmission, InspectCircuits, InspectQueues, QueueReport,
    ServiceSummary, SurveyServices,
};
use crate::domain::circuit::CircuitState;
use crate::domain::timestamp::Timestamp;
use crate::hub::error::HubError;
use crate::phase::Phase;

/// What the actors know at one moment; nothing while the hub is starting.
#[derive(Default)]
pub struct Picture {
    pub queues: QueueReport,
    pub admission: AdmissionReport,
    pub services: Vec<ServiceSummary>,
    /// Of services, then of callbacks.
    pub circuits: Vec<(String, CircuitState)>,
    /// Those of them that hold something back.
    pub not_closed: Vec<HeldBack>,
}

/// A circuit that is not closed.
pub struct HeldBack {
    pub circuit: String,
    pub state: CircuitState,
    pub reason: Option<String>,
    pub open_until: Option<Timestamp>,
}

impl HeldBack {
    fn of(view: &CircuitView) -> Option<Self> {
        (view.state != CircuitState::Closed).then(|| Self {
            circuit: view.circuit.to_string(),
            state: view.state,
            reason: view.reason.clone(),
            open_until: view.open_until,
        })
    }
}

impl Picture {
    /// A queue refuses what comes.
    pub fn is_overloaded(&self) -> bool {
        let mut destinations = self.admission.destinations.values();
        self.admission.memory_full || destinations.any(|destination| destination.is_full)
    }
}

/// The latest picture.
pub struct Pictures {
    owners: Owners,
    latest: Lately<Picture>,
}

impl Pictures {
    pub fn new(owners: Owners) -> Self {
        Self {
            owners,
            latest: Lately::default(),
        }
    }

    /// # Errors
    /// 503 while the hub is going down.
    pub async fn latest(&self, phase: Phase) -> Result<Arc<Found<Picture>>, HubError> {
        let owners = self.owners.clone();
        self.latest.get(phase, || owners.look(phase)).await
    }
}

/// Whoever knows what is in the picture.
#[derive(Clone)]
pub struct Owners {
    queues: Recipient<InspectQueues>,
    admission: Recipient<InspectAdmission>,
    services: Recipient<SurveyServices>,
    /// Of services, and of callbacks.
    circuits: [Recipient<InspectCircuits>; 2],
}

impl Owners {
    pub fn of(handles: &Handles) -> Self {
        Self {
            queues: handles.inspect_queues.clone(),
            admission: handles.admission.clone(),
            services: handles.survey.clone(),
            circuits: [handles.circuits.clone(), handles.callback_circuits.clone()],
        }
    }

    async fn look(self, phase: Phase) -> Result<Found<Picture>, HubError> {
        let at = Instant::now();
        let what = match phase {
            // Until then nobody knows anything, and asking would disturb who learns it.
            Phase::Starting => Picture::default(),
            Phase::Open | Phase::Draining => self.picture().await?,
        };
        Ok(Found { what, at, phase })
    }

    async fn picture(&self) -> Result<Picture, HubError> {
        let queues = look(&self.queues, InspectQueues { service: None }).await?;
        let admission = look(&self.admission, InspectAdmission { service: None }).await?;
        let services = look(&self.services, SurveyServices).await?;
        let (mut circuits, mut not_closed) = (Vec::new(), Vec::new());
        for owner in &self.circuits {
            let inspect = |reply| InspectCircuits {
                circuit: None,
                reply,
            };
            let views = ask(owner, inspect).await?;
            not_closed.extend(views.iter().filter_map(HeldBack::of));
            let views = views.into_iter();
            circuits.extend(views.map(|view| (view.circuit.to_string(), view.state)));
        }
        Ok(Picture {
            queues,
            admission,
            services,
            circuits,
            not_closed,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use actix::{Actor, Context, Handler, MessageResult};
    use futures_util::future::join_all;

    use super::*;

    /// Answers everything, and counts how often it was asked.
    #[derive(Clone, Default)]
    struct Core {
        asked: Rc<Cell<usize>>,
    }

    impl Core {
        fn note(&self) {
            self.asked.set(self.asked.get() + 1);
        }
    }

    impl Actor for Core {
        type Context = Context<Self>;
    }

    impl Handler<InspectQueues> for Core {
        type Result = MessageResult<InspectQueues>;

        fn handle(&mut self, _: InspectQueues, _: &mut Context<Self>) -> Self::Result {
            self.note();
            MessageResult(QueueReport::default())
        }
    }

    impl Handler<InspectAdmission> for Core {
        type Result = MessageResult<InspectAdmission>;

        fn handle(&mut self, _: InspectAdmission, _: &mut Context<Self>) -> Self::Result {
            self.note();
            MessageResult(AdmissionReport::default())
        }
    }

    impl Handler<SurveyServices> for Core {
        type Result = MessageResult<SurveyServices>;

        fn handle(&mut self, _: SurveyServices, _: &mut Context<Self>) -> Self::Result {
            self.note();
            MessageResult(Vec::new())
        }
    }

    impl Handler<InspectCircuits> for Core {
        type Result = ();

        fn handle(&mut self, inspect: InspectCircuits, _: &mut Context<Self>) {
            self.note();
            let _ = inspect.reply.send(Vec::new());
        }
    }

    fn pictures() -> (Pictures, Rc<Cell<usize>>) {
        let core = Core::default();
        let asked = core.asked.clone();
        let core = core.start();
        let owners = Owners {
            queues: core.clone().recipient(),
            admission: core.clone().recipient(),
            services: core.clone().recipient(),
            circuits: [core.clone().recipient(), core.recipient()],
        };
        (Pictures::new(owners), asked)
    }

    #[actix::test]
    async fn a_hundred_requests_ask_each_owner_once_a_second() {
        tokio::time::pause();
        let (pictures, asked) = pictures();
        for seconds in 1..=2 {
            let all = join_all((0..100).map(|_| pictures.latest(Phase::Open))).await;
            assert!(all.iter().all(Result::is_ok));
            assert_eq!(asked.get(), 5 * seconds);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[actix::test]
    async fn who_is_starting_is_not_asked() {
        let (pictures, asked) = pictures();
        assert!(pictures.latest(Phase::Starting).await.is_ok());
        assert_eq!(asked.get(), 0);
        assert!(pictures.latest(Phase::Open).await.is_ok());
        assert_eq!(asked.get(), 5);
    }
}
