//! Services that nobody is left of: how long they are expected back, and what goes with them.
//!
//! One that deregisters goes at once. One that only asked for messages, and one that lost its last
//! instance, go when nobody came for as long as an instance may be silent. The Dispatcher hears of
//! both, and says when nothing waits for them either: that is when a service without instances is
//! deregistered.

use actix::{Context, Handler};

use super::due::Due;
use super::services::{Service, Services};
use super::{PULLER_PRESENT, Registry};
use crate::actors::messages::Forgotten;
use crate::actors::messages::event_store::Record;
use crate::domain::circuit::CircuitState;
use crate::domain::fact::Fact;
use crate::domain::fact::service::{ServiceFact, ServiceGone};
use crate::domain::ids::ServiceName;

impl Registry {
    /// A name asked for messages. Before the hub is open that says nothing of now.
    pub(super) fn seen(&mut self, service: &ServiceName, ctx: &mut Context<Self>) {
        if self.opened_at.is_some() {
            self.services.know(service);
            self.expect_somebody(service, ctx);
        }
    }

    /// To be called when somebody left: begins to wait for others, if he was the last.
    pub(super) fn expect_somebody(&mut self, service: &ServiceName, ctx: &mut Context<Self>) {
        let Some(known) = self.services.deserted(service) else {
            return;
        };
        if self.opened_at.is_none() {
            return;
        }
        let mut patience = self.settings.instance_expiry;
        if !known.registered {
            // It counted as there for a while after it asked last.
            patience = patience.saturating_sub(PULLER_PRESENT);
        }
        let until = self.settings.clock.now().plus(patience);
        self.due.set(Due::Somebody(service.clone()), until);
        self.arm(ctx);
    }

    pub(super) fn nobody_came(&mut self, service: &ServiceName, ctx: &mut Context<Self>) {
        if self.services.deserted(service).is_none() {
            return;
        }
        if self.arriving.contains_key(service) {
            return self.expect_somebody(service, ctx);
        }
        self.services.lapse(service);
        self.announce(service, ctx);
    }
}

impl Handler<Forgotten> for Registry {
    type Result = ();

    fn handle(&mut self, Forgotten { service }: Forgotten, _: &mut Context<Self>) {
        self.services.drop_needless_circuits_of(&service);
        // Whoever registers from now on does so in the journal after this.
        let deserted = self.services.deserted(&service);
        if deserted.is_some_and(|known| known.is_lapsed) && !self.arriving.contains_key(&service) {
            let expiry = self.settings.instance_expiry;
            tracing::info!(%service, ?expiry, "no instance for so long, and nothing waits for it: deregistered");
            let at = self.settings.clock.wall();
            let gone = Fact::Service(ServiceFact::ServiceDeregistered(ServiceGone {
                service,
                at,
            }));
            self.event_store.do_send(Record::unasked(vec![gone]));
        }
    }
}

impl Services {
    /// A service that nobody is left of.
    fn deserted(&self, service: &ServiceName) -> Option<&Service> {
        self.known.get(service).filter(|known| known.is_deserted())
    }

    /// Nobody came back: of one that is not registered nothing stays.
    fn lapse(&mut self, service: &ServiceName) {
        match self.known.get_mut(service) {
            Some(known) if known.registered => known.is_lapsed = true,
            _ => drop(self.known.remove(service)),
        }
    }

    /// Nobody is there or expected, and no circuit stands as somebody wished.
    pub(super) fn is_left(&self, service: &ServiceName) -> bool {
        let is_gone = |known: &Service| known.is_lapsed && known.is_deserted();
        self.known.get(service).is_none_or(is_gone) && !self.is_kept_by_circuit(service)
    }

    fn is_kept_by_circuit(&self, service: &ServiceName) -> bool {
        let forced = self.forced.get(service);
        // Any circuit begins closed.
        forced.is_some_and(|forced| forced.changed.to != CircuitState::Closed)
    }

    /// That somebody closed the circuit of one that is gone says nothing any more.
    pub(super) fn drop_needless_circuits_of(&mut self, service: &ServiceName) {
        if self.is_left(service) {
            self.forced.remove(service);
        }
    }

    pub(super) fn drop_needless_circuits(&mut self) {
        let names: Vec<_> = self.forced.keys().cloned().collect();
        for service in names {
            self.drop_needless_circuits_of(&service);
        }
    }
}

impl Service {
    fn is_deserted(&self) -> bool {
        self.instances.is_empty() && self.polled.is_none() && self.listeners.is_empty()
    }
}
