//! Sockets come to listen for a service, and leave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix::{AsyncContext, Context, Handler};

use super::Registry;
use super::listeners::Listener;
use super::services::{Service, Services};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::registry::{Listen, StopListening};
use crate::domain::fact::Fact;
use crate::domain::fact::service::{ServiceFact, ServiceSeen};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::logic::feed_news::FeedId;
use crate::logic::service_view::{InstanceTransport, InstanceView};

impl Handler<Listen> for Registry {
    type Result = ();

    fn handle(&mut self, listen: Listen, ctx: &mut Context<Self>) {
        if !self.services.is_known(&listen.service) {
            return self.make_known(listen, ctx);
        }
        let (service, id) = (listen.service, listen.instance_id);
        let registered = self.services.instance(&service, &id);
        if registered.is_some_and(|instance| instance.registration.address.is_some()) {
            let refusal = Refusal::Conflict(
                "instance_id: an instance with an address has this id; take another",
            );
            return drop(listen.reply.send(Err(refusal)));
        }
        let listener = Listener {
            instance_id: id,
            since: self.settings.clock.wall(),
            prefetch: listen.prefetch,
        };
        self.services.listen(&service, listen.socket, listener);
        self.announce(&service, ctx);
        self.announce_now(&service);
        let _ = listen.reply.send(Ok(()));
    }
}

impl Registry {
    /// A name somebody listens for is a destination from now on: known to everybody before it is
    /// told that it may listen.
    fn make_known(&self, listen: Listen, ctx: &Context<Self>) {
        let seen = ServiceSeen {
            service: listen.service.clone(),
            at: self.settings.clock.wall(),
        };
        let home = ctx.address();
        let facts = vec![Fact::Service(ServiceFact::ServiceSeen(seen))];
        Record::and_then(&self.event_store, facts, move || home.do_send(listen));
    }
}

impl Handler<StopListening> for Registry {
    type Result = ();

    fn handle(&mut self, stop: StopListening, ctx: &mut Context<Self>) {
        self.services.stop_listening(&stop.service, stop.socket);
        self.expect_somebody(&stop.service, ctx);
        self.announce(&stop.service, ctx);
    }
}

impl Services {
    fn is_known(&self, service: &ServiceName) -> bool {
        self.known.contains_key(service)
    }

    fn listen(&mut self, service: &ServiceName, socket: FeedId, listener: Listener) {
        let service = self.known.entry(service.clone()).or_default();
        service.listeners.insert(socket, listener);
        service.is_lapsed = false;
    }

    fn stop_listening(&mut self, service: &ServiceName, socket: FeedId) {
        if let Some(service) = self.known.get_mut(service) {
            service.listeners.remove(&socket);
        }
    }
}

impl Service {
    /// The instances that are there only because they listen.
    pub(super) fn unregistered_listeners(&self) -> usize {
        if self.listeners.is_empty() {
            return 0;
        }
        let ids = self.listeners.values().map(|one| &one.instance_id);
        let ids: BTreeSet<_> = ids.filter(|id| !self.instances.contains_key(*id)).collect();
        ids.len()
    }

    /// All instances: who is registered, and who only listens.
    pub(super) fn instance_views(&self, name: &ServiceName, now: Moment) -> Vec<InstanceView> {
        let mut views: Vec<InstanceView> = Vec::new();
        let mut prefetch = self.prefetch();
        for (id, instance) in &self.instances {
            let mut view = instance.view(now);
            if view.transport == InstanceTransport::Pull
                && let Some(prefetch) = prefetch.get(id)
            {
                view.transport = InstanceTransport::WebSocket;
                Arc::make_mut(&mut view.registration).max_in_flight = *prefetch;
            }
            views.push(view);
        }
        for listener in self.listeners.values() {
            let id = &listener.instance_id;
            if !self.instances.contains_key(id)
                && let Some(prefetch) = prefetch.remove(id)
            {
                views.push(listener.view(name, prefetch));
            }
        }
        views.sort_by(|one, other| {
            let id = |view: &InstanceView| view.registration.instance_id.clone();
            id(one).cmp(&id(other))
        });
        views
    }

    /// How many messages each instance takes over its sockets together.
    fn prefetch(&self) -> BTreeMap<&InstanceId, u32> {
        let mut prefetch = BTreeMap::new();
        for listener in self.listeners.values() {
            let sum = prefetch.entry(&listener.instance_id).or_insert(0_u32);
            *sum = sum.saturating_add(listener.prefetch);
        }
        prefetch
    }
}
