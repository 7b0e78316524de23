//! Knows every service and its instances, and watches over their health.
//!
//! Owns the services and one [`HealthProbe`] child per instance. Receives [`Register`] and
//! [`Deregister`] from clients, [`Committed`], [`HealthChanged`], [`DeliverySeen`], [`Polled`];
//! sends [`Record`] to the EventStore and [`ServiceChanged`] to the Dispatcher. Changes its
//! picture of who is registered only by what the journal says.

mod services;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, AsyncContext, Context, Handler, Message, MessageResult, Recipient, SpawnHandle,
};
use tokio::sync::oneshot;

use super::death_watch::DeathWatch;
use super::health_probe::{self, HealthProbe, Schedule, Watch};
use super::messages::{
    Committed, DeliverySeen, Deregister, HealthChanged, InspectServices, InstanceGone, Open,
    Polled, Record, Register, Registered, ServiceChanged, ServiceView, SignOfLife,
};
use crate::clock::Clock;
use crate::domain::fact::{Fact, InstanceDeregistered, ServiceSeen};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Health, Registration};
use crate::domain::timestamp::Timestamp;
use crate::logic::health::{HealthTracker, Thresholds};
use crate::logic::timer_queue::TimerQueue;
use crate::metrics::Metrics;
use crate::ports::transport::Transport;
use services::{Instance, Services};

/// A puller counts as present for so long after it asked.
pub const PULLER_PRESENT: Duration = Duration::from_secs(60);
/// Pause before a dead probe is replaced.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

pub struct Registry {
    settings: Settings,
    event_store: Recipient<Record>,
    dispatcher: Recipient<ServiceChanged>,
    services: Services,
    /// When those who polled count as gone.
    pullers: TimerQueue<ServiceName>,
    timer: Option<(Timestamp, SpawnHandle)>,
    /// How many probes were ever begun.
    generation: u64,
    open: bool,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub transport: Rc<dyn Transport>,
    pub thresholds: Thresholds,
    pub check_interval: Duration,
    pub check_timeout: Duration,
}

/// A probe → its parent, from its [`DeathWatch`].
#[derive(Message)]
#[rtype(result = "()")]
struct ProbeDied {
    service: ServiceName,
    instance_id: InstanceId,
    generation: u64,
}

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
            pullers: TimerQueue::default(),
            timer: None,
            generation: 0,
            open: false,
            _watch: watch,
        }
    }

    fn learn(&mut self, fact: &Fact, ctx: &mut Context<Self>) {
        match fact {
            Fact::ServiceSeen(seen) => self.services.know(&seen.service),
            Fact::ServiceRegistered(registration) => self.registered(registration, ctx),
            Fact::InstanceDeregistered(gone) => {
                self.services
                    .remove_instance(&gone.service, &gone.instance_id);
                self.announce(&gone.service);
            }
            Fact::ServiceDeregistered(gone) => {
                self.services.remove(&gone.service);
                self.announce(&gone.service);
            }
            _ => {}
        }
    }

    fn registered(&mut self, registration: &Arc<Registration>, ctx: &mut Context<Self>) {
        let is_same_check = self.services.put(registration.clone());
        // A probe that goes on keeps what it counted.
        if self.open && !is_same_check {
            self.watch_over(&registration.service, &registration.instance_id, ctx);
        }
        self.announce(&registration.service);
    }

    /// Gives the instance a probe of its own in place of the one it had.
    fn watch_over(&mut self, service: &ServiceName, id: &InstanceId, ctx: &Context<Self>) {
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        self.generation += 1;
        instance.generation = self.generation;
        let news = ProbeDied {
            service: service.clone(),
            instance_id: id.clone(),
            generation: instance.generation,
        };
        let schedule = schedule(&instance.registration, &self.settings);
        let probe = HealthProbe::new(
            (service.clone(), id.clone()),
            HealthTracker::resume(self.settings.thresholds, instance.health),
            schedule,
            self.settings.transport.clone(),
            health_probe::Hops {
                changed: ctx.address().recipient(),
                alive: ctx.address().recipient(),
            },
            DeathWatch::new(ctx.address().recipient(), news),
        );
        instance.probe = Some(Watch::begin(probe));
    }

    /// Tells the Dispatcher who can take messages of this service now.
    fn announce(&self, service: &ServiceName) {
        if !self.open {
            return;
        }
        let now = self.settings.clock.now();
        self.settings
            .metrics
            .show_health(service.as_str(), self.services.status(service, now));
        self.dispatcher.do_send(ServiceChanged {
            service: service.clone(),
            targets: self.services.targets(service),
            has_puller: self.services.has_puller(service, now),
            strategy: None,
            forced: None,
        });
    }

    /// One sleep until the next puller may have left.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let next = self.pullers.next();
        if next == self.timer.map(|(at, _)| at) {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = next {
            let sleep = at.since(self.settings.clock.now());
            let handle = ctx.run_later(sleep, |registry, ctx| {
                registry.timer = None;
                registry.pullers_left();
                registry.arm(ctx);
            });
            self.timer = Some((at, handle));
        }
    }

    fn pullers_left(&mut self) {
        let now = self.settings.clock.now();
        for service in self.pullers.pop_due(now, usize::MAX) {
            self.services.puller_left(&service);
            self.announce(&service);
        }
    }

    fn record_then(&self, facts: Vec<Fact>, then: impl FnOnce() + 'static) {
        let (reply, recorded) = oneshot::channel();
        self.event_store.do_send(Record {
            facts,
            reply: Some(reply),
        });
        actix::spawn(async move {
            if recorded.await.is_ok() {
                then();
            }
        });
    }
}

fn schedule(registration: &Registration, settings: &Settings) -> Option<Schedule> {
    let (address, check) = (
        registration.address.as_ref()?,
        registration.health_check.as_ref()?,
    );
    Some(Schedule {
        url: format!("{}{}", address.url, check.endpoint),
        interval: check.interval().unwrap_or(settings.check_interval),
        timeout: check.timeout().unwrap_or(settings.check_timeout),
    })
}

impl Actor for Registry {
    type Context = Context<Self>;
}

impl Handler<Committed> for Registry {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        for record in committed.records.iter() {
            self.learn(&record.fact, ctx);
        }
    }
}

impl Handler<Open> for Registry {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.open = true;
        for (service, instances) in self.services.all() {
            for id in instances {
                self.watch_over(&service, &id, ctx);
            }
            self.announce(&service);
        }
    }
}

impl Handler<Register> for Registry {
    type Result = ();

    fn handle(&mut self, register: Register, _: &mut Context<Self>) {
        let registration = register.registration;
        let known = self
            .services
            .instance(&registration.service, &registration.instance_id);
        let answer = Registered {
            replaced: known.is_some(),
            health: known.map_or(Health::Unknown, |instance| instance.health),
        };
        let facts = vec![Fact::ServiceRegistered(Arc::new(registration))];
        self.record_then(facts, move || {
            let _ = register.reply.send(answer);
        });
    }
}

impl Handler<Deregister> for Registry {
    type Result = ();

    fn handle(&mut self, deregister: Deregister, _: &mut Context<Self>) {
        let at = self.settings.clock.now();
        let service = deregister.service;
        let fact = match deregister.instance_id {
            None if self.services.is_registered(&service) => {
                Fact::ServiceDeregistered(ServiceSeen { service, at })
            }
            Some(instance_id) if self.services.instance(&service, &instance_id).is_some() => {
                Fact::InstanceDeregistered(InstanceDeregistered {
                    service,
                    instance_id,
                    at,
                })
            }
            _ => return drop(deregister.reply.send(Err(Refusal::NotFound))),
        };
        self.record_then(vec![fact], move || {
            let _ = deregister.reply.send(Ok(()));
        });
    }
}

impl Handler<HealthChanged> for Registry {
    type Result = ();

    fn handle(&mut self, changed: HealthChanged, _: &mut Context<Self>) {
        let Some(instance) = self
            .services
            .instance_mut(&changed.service, &changed.instance_id)
        else {
            return;
        };
        instance.health = changed.to;
        let (service, instance) = (&changed.service, &changed.instance_id);
        let (from, to) = (changed.from.name(), changed.to.name());
        tracing::info!(%service, %instance, from, to, "health changed");
        self.announce(&changed.service);
    }
}

impl Handler<SignOfLife> for Registry {
    type Result = ();

    fn handle(&mut self, alive: SignOfLife, _: &mut Context<Self>) {
        let now = self.settings.clock.now();
        if let Some(instance) = self
            .services
            .instance_mut(&alive.service, &alive.instance_id)
        {
            instance.last_seen = Some(now);
        }
    }
}

impl Handler<DeliverySeen> for Registry {
    type Result = ();

    fn handle(&mut self, seen: DeliverySeen, _: &mut Context<Self>) {
        let now = self.settings.clock.now();
        if let Some(instance) = self.services.instance_mut(&seen.service, &seen.instance_id) {
            if seen.good {
                instance.last_seen = Some(now);
            }
            // A well instance that delivers well is no news.
            if !(seen.good && instance.health == Health::Healthy)
                && let Some(probe) = &instance.probe
            {
                probe.tell(seen);
            }
        }
    }
}

impl Handler<InstanceGone> for Registry {
    type Result = ();

    fn handle(&mut self, gone: InstanceGone, _: &mut Context<Self>) {
        let (service, id) = (&gone.service, &gone.instance_id);
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        if instance.registration.registered_at <= gone.asked_at {
            tracing::warn!(%service, instance = %id, "instance answered 410 and leaves rotation until it registers again");
            instance.gone = true;
        }
        // Also when it stays, since the breaker has let it go.
        self.announce(service);
    }
}

impl Handler<ProbeDied> for Registry {
    type Result = ();

    fn handle(&mut self, died: ProbeDied, ctx: &mut Context<Self>) {
        let current = |instance: &Instance| instance.generation == died.generation;
        if !self
            .services
            .instance(&died.service, &died.instance_id)
            .is_some_and(current)
        {
            return;
        }
        let (service, instance) = (&died.service, &died.instance_id);
        tracing::error!(%service, %instance, "a health probe died; a fresh one takes over");
        ctx.run_later(PROBE_PAUSE, move |registry, ctx| {
            registry.watch_over(&died.service, &died.instance_id, ctx);
        });
    }
}

impl Handler<Polled> for Registry {
    type Result = ();

    fn handle(&mut self, polled: Polled, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        if !self.services.is_known(&polled.service) {
            let seen = ServiceSeen {
                service: polled.service.clone(),
                at: now,
            };
            self.event_store
                .do_send(Record::unasked(vec![Fact::ServiceSeen(seen)]));
        }
        let was_there = self.services.has_puller(&polled.service, now);
        // It is there as long as it waits, and then as long as it may take to come again.
        let until = now.plus(polled.wait).plus(PULLER_PRESENT);
        let until = self.services.polled(&polled.service, now, until);
        if !was_there {
            self.announce(&polled.service);
        }
        self.pullers.set(polled.service, until);
        self.arm(ctx);
    }
}

impl Handler<InspectServices> for Registry {
    type Result = MessageResult<InspectServices>;

    fn handle(&mut self, inspect: InspectServices, _: &mut Context<Self>) -> Self::Result {
        let now = self.settings.clock.now();
        let views: Vec<ServiceView> = match inspect.service {
            Some(service) => self.services.view(&service, now).into_iter().collect(),
            None => self.services.views(now),
        };
        MessageResult(views)
    }
}

#[cfg(test)]
mod tests;
