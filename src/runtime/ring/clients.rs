//! How the application reaches the actors.

use super::Addresses;
use crate::hub::clients::Clients;

impl Addresses {
    /// Whom the application asks.
    pub(crate) fn clients(&self) -> Clients {
        Clients {
            router: self.router.clone().into(),
            scheduler: self.scheduler.clone().into(),
            registry: self.registry.clone().into(),
            dispatcher: self.dispatcher.clone().into(),
            archivist: self.archivist.clone().into(),
            redriver: self.redriver.clone().into(),
            historian: self.historian.clone().into(),
            event_bus: self.event_bus.clone().into(),
        }
    }
}
