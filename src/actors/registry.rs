//! Knows every service and its instances, and watches over their health.
//!
//! Owns the services and one [`HealthProbe`] child per instance. Receives what clients ask
//! (`requests`), who listens by a socket (`listening`), what shows how instances are (`signs`), of
//! whom nothing is left (`forgetting`), [`Committed`] and [`Open`]; sends
//! [`Record`] to the EventStore and [`ServiceChanged`] to the Dispatcher. Changes its picture of
//! who is registered only by what the journal says; health is volatile, the journal has it as news.

mod due;
mod forgetting;
mod instance;
mod listeners;
mod listening;
mod requests;
mod services;
mod signs;
mod timers;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use rand::RngExt;

use super::children::{Births, Child};
use super::death_watch::DeathWatch;
use super::health_probe::{self, HealthProbe, Identity, Schedule, Watch};
use super::invariants::{self, Invariants};
use super::messages::dispatcher::ServiceChanged;
use super::messages::event_store::Record;
use super::messages::{Committed, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::circuit::CircuitChanged;
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::service::{HealthChanged, InstanceDeregistered, ServiceFact, Withdrawal};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::moment::{Moment, StampOrigin};
use crate::domain::service::{Health, Registration};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::health::{HealthTracker, Sign, Thresholds, first_probe_delay};
use crate::logic::timer_queue::TimerQueue;
use crate::ports::transport::Transport;
use due::Due;
use instance::Instance;
use services::{Entry, Services};

/// A puller counts as present for so long after it asked.
pub const PULLER_PRESENT: Duration = Duration::from_secs(60);

pub struct Registry {
    settings: Settings,
    event_store: Recipient<Record>,
    dispatcher: Recipient<ServiceChanged>,
    services: Services,
    /// New instances on their way to the journal.
    arriving: BTreeMap<ServiceName, BTreeSet<InstanceId>>,
    /// Services of which something changed that the Dispatcher has not been told.
    changed: BTreeSet<ServiceName>,
    due: TimerQueue<Due>,
    timer: Timer,
    /// Of the probes.
    births: Births,
    /// When the replay was over.
    opened_at: Option<Timestamp>,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    pub transport: Rc<dyn Transport>,
    pub thresholds: Thresholds,
    pub check_interval: Duration,
    pub check_timeout: Duration,
    /// An unhealthy instance that gives no sign of life for so long is deregistered, and so is a
    /// service without instances.
    pub instance_expiry: Duration,
    /// Of a service that has none of its own.
    pub strategy: Strategy,
    /// Instances of one service.
    pub most_instances: usize,
}

/// Everything that lay in the mailbox when something changed has been handled.
#[derive(Message)]
#[rtype(result = "()")]
struct Announce;

impl Registry {
    pub fn new(
        settings: Settings,
        event_store: Recipient<Record>,
        dispatcher: Recipient<ServiceChanged>,
        watch: DeathWatch,
    ) -> Self {
        Self {
            settings,
            event_store,
            dispatcher,
            services: Services::default(),
            arriving: BTreeMap::new(),
            changed: BTreeSet::new(),
            due: TimerQueue::default(),
            timer: Timer::default(),
            births: Births::default(),
            opened_at: None,
            _watch: watch,
        }
    }

    fn learn(&mut self, fact: &Fact, now: (Moment, StampOrigin), ctx: &mut Context<Self>) {
        match fact {
            Fact::Service(fact) => self.learn_of_service(fact, now, ctx),
            Fact::Control(ControlFact::StrategyChosen(chosen)) => {
                self.services.choose(&chosen.service, chosen.strategy);
                self.announce(&chosen.service, ctx);
            }
            Fact::Control(ControlFact::CircuitChanged(changed)) => {
                let at = now.0.of(changed.at, now.1).hub;
                self.circuit_changed(changed, at, ctx);
            }
            _ => {}
        }
    }

    fn learn_of_service(
        &mut self,
        fact: &ServiceFact,
        now: (Moment, StampOrigin),
        ctx: &mut Context<Self>,
    ) {
        match fact {
            ServiceFact::ServiceSeen(seen) => self.seen(&seen.service, ctx),
            ServiceFact::ServiceRegistered(registration) => {
                self.registered(
                    registration,
                    now.0.of(registration.registered_at, now.1).hub,
                    ctx,
                );
            }
            ServiceFact::InstanceWithdrawn(withdrawn) => {
                let is_news = self.services.withdraw(withdrawn) && self.opened_at.is_some();
                if is_news && withdrawn.why == Withdrawal::Draining {
                    tracing::info!(service = %withdrawn.service, instance = %withdrawn.instance_id, "draining");
                }
                self.announce(&withdrawn.service, ctx);
            }
            ServiceFact::InstanceDeregistered(gone) => self.instance_deregistered(gone, ctx),
            ServiceFact::ServiceDeregistered(gone) => {
                if self.opened_at.is_some() {
                    tracing::info!(service = %gone.service, "deregistered with all its instances");
                }
                for id in self.services.instances_of(&gone.service) {
                    self.forget_timers(&gone.service, &id);
                }
                self.services.remove(&gone.service);
                self.announce(&gone.service, ctx);
            }
            ServiceFact::HealthChanged(_) => {}
        }
    }

    fn registered(
        &mut self,
        registration: &Arc<Registration>,
        heard_at: Timestamp,
        ctx: &mut Context<Self>,
    ) {
        let entry = self.services.put(registration.clone(), heard_at);
        let (service, id) = (&registration.service, &registration.instance_id);
        if self.opened_at.is_some() {
            if entry == Entry::New {
                tracing::info!(%service, instance = %id, "registered");
            }
            match entry {
                // A probe that goes on keeps what it counted.
                Entry::Same => self.tell_probe(service, id, Sign::Registered),
                _ => self.check_anew(service, id, ctx),
            }
            self.expect_heartbeat(service, id);
            self.expect_life(service, id);
            self.arm(ctx);
        }
        self.announce(service, ctx);
    }

    fn instance_deregistered(&mut self, gone: &InstanceDeregistered, ctx: &mut Context<Self>) {
        let (service, id) = (&gone.service, &gone.instance_id);
        let instance = self.services.instance(service, id);
        if instance.is_some_and(|instance| gone.means(instance.registration.registered_at)) {
            // One that expired is told of where that is found.
            if self.opened_at.is_some() && gone.registered_at.is_none() {
                tracing::info!(%service, instance = %id, "deregistered");
            }
            self.forget_timers(service, id);
            self.services.remove_instance(service, id);
            self.expect_somebody(service, ctx);
            self.announce(service, ctx);
        }
    }

    fn circuit_changed(
        &mut self,
        changed: &Arc<CircuitChanged>,
        since: Timestamp,
        ctx: &Context<Self>,
    ) {
        if let Some(service) = changed.circuit.service()
            && self.services.circuit_changed(changed, since)
        {
            self.announce(service, ctx);
        }
    }

    /// Checks an instance that is new, or is somewhere else now.
    fn check_anew(&mut self, service: &ServiceName, id: &InstanceId, ctx: &Context<Self>) {
        let instance = self.services.instance(service, id);
        if instance.is_some_and(|instance| instance.health == Health::Unhealthy) {
            // What made it so may be just what was repaired.
            let cause = Sign::Registered.to_string();
            self.health_changed(service, id, Health::Unknown, cause, ctx);
        }
        self.watch_over(service, id, Duration::ZERO, ctx);
    }

    fn tell_probe(&self, service: &ServiceName, id: &InstanceId, sign: Sign) {
        let instance = self.services.instance(service, id);
        if let Some(probe) = instance.and_then(Instance::living_probe) {
            probe.tell(sign);
        }
    }

    /// Gives the instance a probe of its own in place of the one it had.
    fn watch_over(
        &mut self,
        service: &ServiceName,
        id: &InstanceId,
        first_after: Duration,
        ctx: &Context<Self>,
    ) {
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        let key = (service.clone(), id.clone());
        let (generation, watch) = self.births.next(key, ctx);
        let identity = Identity {
            service: service.clone(),
            instance_id: id.clone(),
            generation,
        };
        let hops = health_probe::Hops {
            changed: ctx.address().recipient(),
            alive: ctx.address().recipient(),
        };
        let probe = Watch::begin(HealthProbe::new(
            identity,
            (
                HealthTracker::resume(self.settings.thresholds, instance.health),
                self.settings.clock,
            ),
            schedule(&instance.registration, first_after, &self.settings),
            self.settings.transport.clone(),
            hops,
            watch,
        ));
        let restarts = instance.probe.as_ref().map(Child::restarts);
        let restarts = restarts
            .unwrap_or_default()
            .begun(self.settings.clock.now());
        instance.probe = Some(Child::new(probe, generation, restarts));
    }

    /// Takes note of another health of an instance and publishes it.
    fn health_changed(
        &mut self,
        service: &ServiceName,
        id: &InstanceId,
        to: Health,
        cause: String,
        ctx: &Context<Self>,
    ) {
        let at = self.settings.clock.wall();
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        let from = std::mem::replace(&mut instance.health, to);
        if from == to {
            return;
        }
        instance.since = at;
        instance.cause = Some(cause.clone());
        let names = (from.name(), to.name());
        tracing::info!(%service, instance = %id, from = names.0, to = names.1, cause, "health changed");
        self.expect_life(service, id);
        let fact = Fact::Service(ServiceFact::HealthChanged(HealthChanged {
            service: service.clone(),
            instance_id: id.clone(),
            at,
            from,
            to,
            cause,
        }));
        self.event_store.do_send(Record::unasked(vec![fact]));
        self.announce(service, ctx);
    }

    /// Has the Dispatcher told who can take messages of this service now, once for all that happens
    /// in this turn: what a change costs must not grow with the changes beside it.
    fn announce(&mut self, service: &ServiceName, ctx: &Context<Self>) {
        if self.opened_at.is_none() {
            return;
        }
        if self.changed.is_empty() {
            ctx.address().do_send(Announce);
        }
        self.changed.insert(service.clone());
    }

    /// Who waits for the change may be answered after this: what he asks of others next is theirs to
    /// know.
    fn announce_now(&mut self, service: &ServiceName) {
        if self.changed.remove(service) {
            self.tell_dispatcher(service, self.settings.clock.now());
        }
    }

    fn tell_dispatcher(&self, service: &ServiceName, now: Timestamp) {
        self.dispatcher.do_send(ServiceChanged {
            service: service.clone(),
            targets: self.services.targets(service),
            has_puller: self.services.has_puller(service, now),
            is_left: self.services.is_left(service),
            strategy: self.services.strategy(service),
            forced: self.services.forced(service),
        });
    }
}

fn schedule(
    registration: &Registration,
    first_after: Duration,
    settings: &Settings,
) -> Option<Schedule> {
    let (address, check) = (
        registration.address.as_ref()?,
        registration.health_check.as_ref()?,
    );
    Some(Schedule {
        url: format!("{}{}", address.url, check.endpoint),
        first_after,
        interval: check.interval().unwrap_or(settings.check_interval),
        timeout: check.timeout().unwrap_or(settings.check_timeout),
    })
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Registry {
    fn check(&self) -> usize {
        assert!(
            self.due.check(),
            "timers are found by their key and by their time"
        );
        assert!(
            self.arriving.values().all(|arriving| !arriving.is_empty()),
            "where nobody arrives nothing is counted"
        );
        self.due.len() + self.services.check() + self.births.check(self.services.probes())
    }
}

impl Handler<Committed> for Registry {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let now = (committed.at, committed.source());
        for record in committed.records.iter() {
            self.learn(&record.fact, now, ctx);
        }
    }
}

impl Handler<Announce> for Registry {
    type Result = ();

    fn handle(&mut self, _: Announce, _: &mut Context<Self>) {
        let now = self.settings.clock.now();
        for service in std::mem::take(&mut self.changed) {
            self.tell_dispatcher(&service, now);
        }
    }
}

impl Handler<Open> for Registry {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        let moment = self.settings.clock.moment();
        let now = moment.hub;
        self.opened_at = Some(now);
        self.services.drop_needless_circuits();
        for service in self.services.names() {
            for id in self.services.instances_of(&service) {
                // Nobody could be heard while the hub was away.
                if let Some(instance) = self.services.instance_mut(&service, &id) {
                    instance.heard_at = now;
                    instance.since = moment.wall;
                }
                let first_after = first_probe_delay(rand::rng().random());
                self.watch_over(&service, &id, first_after, ctx);
                self.expect_heartbeat(&service, &id);
            }
            self.expect_somebody(&service, ctx);
            self.tell_dispatcher(&service, now);
        }
        self.arm(ctx);
    }
}

#[cfg(test)]
mod tests;
