//! How the application reaches the actors, and what else it has in common with them.

use super::{Addresses, Ring};
use crate::hub::Surroundings;
use crate::hub::clients::Clients;
use crate::phase::CurrentPhase;

impl Ring {
    pub(crate) fn surroundings(&self, phase: &CurrentPhase) -> Surroundings {
        Surroundings {
            clock: self.clock,
            phase: phase.clone(),
            clients: self.to.clients(),
            archive: self.archive.clone(),
            metrics: self.metrics.clone(),
            request_rates: self.shared.request_rates.clone(),
            replays: self.shared.replays.clone(),
        }
    }
}

impl Addresses {
    fn clients(&self) -> Clients {
        Clients {
            router: self.router.clone().into(),
            scheduler: self.scheduler.clone().into(),
            registry: self.registry.clone().into(),
            dispatcher: self.dispatcher.clone().into(),
            archivist: self.archivist.clone().into(),
            dead_letters: self.dead_letters.clone().into(),
            historian: self.historian.clone().into(),
            event_log: self.event_log.clone().into(),
            subscriptions: self.subscriptions.clone().into(),
        }
    }
}
