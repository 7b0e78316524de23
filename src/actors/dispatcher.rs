//! Brings messages to the actor of their destination.
//!
//! Owns its [`CircuitBreaker`] children, one per service that is there or that something is left
//! of. Receives [`Dispatch`] from the Scheduler, [`ServiceChanged`] from the Registry, and what
//! clients ask of one circuit ([`ForceCircuit`], [`PickInstance`]) and passes them on. A child that
//! died is replaced by a fresh one after a capped backoff, and what it had in hand goes back to the
//! Scheduler. Never looks into a message.
//!
//! Here alone it is decided that a service is forgotten: when the Scheduler has nothing left for it
//! and the Registry, by its latest word, expects nobody. Whoever comes later gets a child anew; the
//! old one handles what it was sent before it ends.

use std::collections::BTreeMap;

use actix::{Actor, Addr, AsyncContext, Context, Handler, MessageResult, Recipient};

use super::children::{Births, Child, ChildDied};
use super::circuit::{self, Leave};
use super::circuit_breaker::{self, CircuitBreaker};
use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::Forgotten;
use super::messages::circuit_breaker::Deliver;
use super::messages::dispatcher::{
    CircuitTurned, Dispatch, ForceCircuit, InspectCircuits, ListCircuits, PickInstance,
    ServiceChanged, SurveyCircuits, Unneeded,
};
use super::messages::scheduler::{GiveBack, GiveBackAll};
use crate::domain::circuit::CircuitName;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::logic::circuit_survey::NotClosed;
use crate::logic::restarts::Restarts;

pub struct Dispatcher {
    settings: circuit_breaker::Settings,
    hops: Hops,
    children: BTreeMap<ServiceName, Destination>,
    births: Births,
    not_closed: NotClosed,
    _watch: DeathWatch,
}

/// Where the Dispatcher's own messages go; its children have hops of theirs.
pub struct Hops {
    pub give_back: Recipient<GiveBack>,
    pub give_back_all: Recipient<GiveBackAll>,
    /// The Router and the Registry.
    pub forgotten: [Recipient<Forgotten>; 2],
    pub breaker: circuit_breaker::Hops,
}

struct Destination {
    breaker: Child<Addr<CircuitBreaker>>,
    instances: ServiceChanged,
}

impl Dispatcher {
    pub fn new(settings: circuit_breaker::Settings, hops: Hops, watch: DeathWatch) -> Self {
        Self {
            settings,
            hops,
            children: BTreeMap::new(),
            births: Births::default(),
            not_closed: NotClosed::default(),
            _watch: watch,
        }
    }

    fn has(&self, service: &ServiceName) -> bool {
        self.children.contains_key(service)
    }

    /// A breaker for a service that has none that lives.
    fn begin(&mut self, instances: ServiceChanged, restarts: Restarts, ctx: &Context<Self>) {
        let service = instances.service.clone();
        let (generation, watch) = self.births.next(service.clone(), ctx);
        let (settings, hops) = (self.settings.clone(), self.hops.breaker.clone());
        self.not_closed
            .forget(&CircuitName::Service(service.clone()));
        let owner = ctx.address().recipient();
        let breaker = CircuitBreaker::new(service.clone(), settings, hops, owner, watch).start();
        breaker.do_send(instances.clone());
        let restarts = restarts.begun(self.settings.clock.now());
        let destination = Destination {
            breaker: Child::new(breaker, generation, restarts),
            instances,
        };
        self.children.insert(service, destination);
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Dispatcher {
    fn check(&self) -> usize {
        for (service, child) in &self.children {
            assert_eq!(
                *service, child.instances.service,
                "whose instances these are"
            );
        }
        let is_there = |name: &CircuitName| name.service().is_some_and(|one| self.has(one));
        self.not_closed.check(is_there);
        let breakers = self.children.values().map(|child| &child.breaker);
        self.births.check(breakers.map(Child::generation))
    }
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, _: &mut Context<Self>) {
        let child = self.children.get(&dispatch.service);
        match child.and_then(|child| child.breaker.living()) {
            Some(breaker) => breaker.do_send(Deliver {
                deliveries: dispatch.deliveries,
            }),
            None => {
                let ids = dispatch
                    .deliveries
                    .iter()
                    .map(|delivery| delivery.message.id)
                    .collect();
                self.hops.give_back.do_send(GiveBack { ids });
            }
        }
    }
}

impl Handler<ServiceChanged> for Dispatcher {
    type Result = ();

    fn handle(&mut self, changed: ServiceChanged, ctx: &mut Context<Self>) {
        if let Some(child) = self.children.get_mut(&changed.service) {
            child.instances = changed.clone();
            child.breaker.last().do_send(changed);
        } else if changed.is_left {
            // There is nothing to decide, but the Scheduler may wait for this word.
            let left = circuit_breaker::left_window(&changed.service);
            self.hops.breaker.tell_window(&left);
        } else {
            self.begin(changed, Restarts::default(), ctx);
        }
    }
}

impl Handler<Unneeded> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Unneeded { service }: Unneeded, _: &mut Context<Self>) {
        let child = self.children.get(&service);
        if child.is_some_and(|child| !child.instances.is_left) {
            return;
        }
        if let Some(child) = self.children.remove(&service) {
            child.breaker.last().do_send(Leave);
            self.not_closed
                .forget(&CircuitName::Service(service.clone()));
        }
        let forgotten = Forgotten { service };
        for told in &self.hops.forgotten {
            told.do_send(forgotten.clone());
        }
    }
}

impl Handler<ChildDied<ServiceName>> for Dispatcher {
    type Result = ();

    fn handle(&mut self, died: ChildDied<ServiceName>, ctx: &mut Context<Self>) {
        let (service, now) = (&died.key, self.settings.clock.now());
        let child = self.children.get_mut(service);
        let Some(pause) = child.and_then(|child| child.breaker.died(&died, now)) else {
            return;
        };
        tracing::error!(%service, ?pause, "the circuit breaker died; a fresh one takes over");
        let stop = circuit_breaker::closed_window(service);
        self.hops.breaker.tell_window(&stop);
        self.hops.give_back_all.do_send(GiveBackAll {
            service: service.clone(),
        });
        ctx.run_later(pause, move |dispatcher, ctx| {
            let child = dispatcher.children.get(&died.key);
            if let Some(child) = child.filter(|child| child.breaker.is_meant_by(&died)) {
                let (instances, restarts) = (child.instances.clone(), child.breaker.restarts());
                dispatcher.begin(instances, restarts, ctx);
            }
        });
    }
}

impl Handler<InspectCircuits> for Dispatcher {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuits, _: &mut Context<Self>) {
        let meant: Vec<&Destination> = match &inspect.circuits {
            None => self.children.values().collect(),
            Some(names) => {
                let services = names.iter().filter_map(CircuitName::service);
                services.filter_map(|one| self.children.get(one)).collect()
            }
        };
        let breakers = meant.into_iter().map(|child| child.breaker.last());
        circuit::inspect(breakers.collect(), inspect);
    }
}

impl Handler<SurveyCircuits> for Dispatcher {
    type Result = MessageResult<SurveyCircuits>;

    fn handle(&mut self, _: SurveyCircuits, _: &mut Context<Self>) -> Self::Result {
        let now = self.settings.clock.moment();
        MessageResult(self.not_closed.summaries(now))
    }
}

impl Handler<ListCircuits> for Dispatcher {
    type Result = MessageResult<ListCircuits>;

    fn handle(&mut self, _: ListCircuits, _: &mut Context<Self>) -> Self::Result {
        let services = self.children.keys().cloned();
        MessageResult(services.map(CircuitName::Service).collect())
    }
}

impl Handler<CircuitTurned> for Dispatcher {
    type Result = ();

    fn handle(&mut self, turned: CircuitTurned, _: &mut Context<Self>) {
        // One that leaves may have more to say, of which nobody needs to know.
        if turned.circuit.service().is_some_and(|one| self.has(one)) {
            self.not_closed.turned(turned.circuit, turned.now);
        }
    }
}

impl Handler<ForceCircuit> for Dispatcher {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, _: &mut Context<Self>) {
        let service = force.circuit.service();
        match service.and_then(|service| self.children.get(service)) {
            // One that died gives no answer, which says that to ask again in a moment helps.
            Some(child) => child.breaker.last().do_send(force),
            None => drop(force.reply.send(Err(Refusal::NotFound))),
        }
    }
}

impl Handler<PickInstance> for Dispatcher {
    type Result = ();

    fn handle(&mut self, asked: PickInstance, _: &mut Context<Self>) {
        match self.children.get(&asked.service) {
            Some(child) => child.breaker.last().do_send(asked),
            None => drop(asked.reply.send(Err(Refusal::NotFound))),
        }
    }
}

#[cfg(test)]
mod tests;
