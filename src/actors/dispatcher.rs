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
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient};

use super::circuit::Leave;
use super::circuit_breaker::{self, CircuitBreaker};
use super::death_watch::DeathWatch;
use super::messages::Forgotten;
use super::messages::circuit_breaker::{Deliver, InspectCircuit};
use super::messages::dispatcher::{
    Dispatch, ForceCircuit, InspectCircuits, PickInstance, ServiceChanged, Unneeded,
};
use super::messages::scheduler::{GiveBack, GiveBackAll};
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;

/// First pause before a dead breaker is replaced; doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// One that lived so long died of something else than those before it.
const LONG_LIFE: Duration = Duration::from_secs(60);

pub struct Dispatcher {
    settings: circuit_breaker::Settings,
    hops: Hops,
    children: BTreeMap<ServiceName, Child>,
    /// How many were ever begun.
    generation: u64,
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

struct Child {
    /// `None` between a death and the replacement.
    breaker: Option<Addr<CircuitBreaker>>,
    /// Tells the present one from those before it.
    generation: u64,
    instances: ServiceChanged,
    /// When the present one began, or the one that died last.
    began_at: Timestamp,
    /// In a row, none after a long life.
    deaths: u32,
}

/// A child → its parent, from its [`DeathWatch`].
#[derive(Message)]
#[rtype(result = "()")]
pub struct BreakerDied {
    service: ServiceName,
    generation: u64,
}

impl Dispatcher {
    pub fn new(settings: circuit_breaker::Settings, hops: Hops, watch: DeathWatch) -> Self {
        Self {
            settings,
            hops,
            children: BTreeMap::new(),
            generation: 0,
            _watch: watch,
        }
    }

    /// A breaker for a service that has none.
    fn begin(&mut self, instances: ServiceChanged, deaths: u32, ctx: &Context<Self>) {
        self.generation += 1;
        let (service, generation) = (instances.service.clone(), self.generation);
        let news = BreakerDied {
            service: service.clone(),
            generation,
        };
        let watch = DeathWatch::new(ctx.address().recipient(), news);
        let (settings, hops) = (self.settings.clone(), self.hops.breaker.clone());
        let breaker = CircuitBreaker::new(service.clone(), settings, hops, watch).start();
        breaker.do_send(instances.clone());
        let child = Child {
            breaker: Some(breaker),
            generation,
            instances,
            began_at: self.settings.clock.now(),
            deaths,
        };
        self.children.insert(service, child);
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;
}

impl Handler<Dispatch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, dispatch: Dispatch, _: &mut Context<Self>) {
        let child = self.children.get(&dispatch.service);
        match child.and_then(|child| child.breaker.as_ref()) {
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
            if let Some(breaker) = &child.breaker {
                breaker.do_send(changed);
            }
        } else if changed.is_left {
            // There is nothing to decide, but the Scheduler may wait for this word.
            let left = circuit_breaker::left_window(&changed.service);
            self.hops.breaker.tell_window(&left);
        } else {
            self.begin(changed, 0, ctx);
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
        if let Some(Child { breaker, .. }) = self.children.remove(&service)
            && let Some(breaker) = breaker
        {
            breaker.do_send(Leave);
        }
        let forgotten = Forgotten { service };
        for told in &self.hops.forgotten {
            told.do_send(forgotten.clone());
        }
    }
}

impl Handler<BreakerDied> for Dispatcher {
    type Result = ();

    fn handle(&mut self, died: BreakerDied, ctx: &mut Context<Self>) {
        let (service, now) = (died.service, self.settings.clock.now());
        let child = self.children.get_mut(&service);
        let Some(child) = child.filter(|child| child.generation == died.generation) else {
            return;
        };
        child.breaker = None;
        if now.since(child.began_at) >= LONG_LIFE {
            child.deaths = 0;
        }
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(child.deaths.min(16))).min(LAST_PAUSE);
        child.deaths += 1;
        tracing::error!(%service, ?pause, "the circuit breaker died; a fresh one takes over");
        let stop = circuit_breaker::closed_window(&service);
        self.hops.breaker.tell_window(&stop);
        self.hops.give_back_all.do_send(GiveBackAll {
            service: service.clone(),
        });
        ctx.run_later(pause, move |dispatcher, ctx| {
            let child = dispatcher.children.get(&service);
            if let Some(child) = child.filter(|child| child.generation == died.generation) {
                let (instances, deaths) = (child.instances.clone(), child.deaths);
                dispatcher.begin(instances, deaths, ctx);
            }
        });
    }
}

impl Handler<InspectCircuits> for Dispatcher {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuits, _: &mut Context<Self>) {
        let asked = |service: &ServiceName| {
            let only = inspect.circuit.as_ref();
            only.is_none_or(|only| only.service() == Some(service))
        };
        let children = self.children.iter().filter(|(service, _)| asked(service));
        let is_known = children.clone().next().is_some();
        let breakers: Vec<_> = children
            .filter_map(|(_, child)| child.breaker.clone())
            .collect();
        actix::spawn(async move {
            let mut circuits = Vec::with_capacity(breakers.len());
            for breaker in breakers {
                circuits.extend(breaker.send(InspectCircuit).await);
            }
            // One that is asked for and died is known, and there again in a moment: no answer
            // says so.
            if inspect.circuit.is_none() || !is_known || !circuits.is_empty() {
                let _ = inspect.reply.send(circuits);
            }
        });
    }
}

impl Handler<ForceCircuit> for Dispatcher {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, _: &mut Context<Self>) {
        let service = force.circuit.service();
        match service.and_then(|service| self.children.get(service)) {
            Some(Child {
                breaker: Some(breaker),
                ..
            }) => breaker.do_send(force),
            // It is known, so to ask again in a moment helps: no answer says so.
            Some(_) => {}
            None => drop(force.reply.send(Err(Refusal::NotFound))),
        }
    }
}

impl Handler<PickInstance> for Dispatcher {
    type Result = ();

    fn handle(&mut self, asked: PickInstance, _: &mut Context<Self>) {
        match self.children.get(&asked.service) {
            Some(Child {
                breaker: Some(breaker),
                ..
            }) => breaker.do_send(asked),
            Some(_) => {}
            None => drop(asked.reply.send(Err(Refusal::NotFound))),
        }
    }
}

#[cfg(test)]
mod tests;
