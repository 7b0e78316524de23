//! Asks one instance, again and again, whether it is well.
//!
//! Owns the thresholds of its instance. Sends [`HealthChanged`] to the Registry, its parent.
//! One instance each, so that one that hangs delays nobody else's probe.

use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient};
use rand::RngExt;

use super::death_watch::DeathWatch;
use super::messages::{DeliverySeen, HealthChanged, SignOfLife};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::logic::health::{Change, HealthTracker, probe_delay};
use crate::ports::transport::Transport;

pub struct HealthProbe {
    service: ServiceName,
    instance_id: InstanceId,
    tracker: HealthTracker,
    schedule: Option<Schedule>,
    transport: Rc<dyn Transport>,
    hops: Hops,
    _watch: DeathWatch,
}

/// Both lead to the Registry.
pub struct Hops {
    pub changed: Recipient<HealthChanged>,
    pub alive: Recipient<SignOfLife>,
}

/// The hold of a parent on its probe, which ends when this is dropped. A sleep keeps an actor
/// alive without any address, so it would ask on for nobody.
pub struct Watch(Addr<HealthProbe>);

impl Watch {
    pub fn begin(probe: HealthProbe) -> Self {
        Self(probe.start())
    }

    pub fn tell(&self, seen: DeliverySeen) {
        self.0.do_send(seen);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.do_send(End);
    }
}

/// What to ask, and how often. Without one the instance is judged by its deliveries alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    pub url: String,
    pub interval: Duration,
    pub timeout: Duration,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Probed(Result<(), String>);

/// Nobody is interested in the instance any more.
#[derive(Message)]
#[rtype(result = "()")]
struct End;

impl HealthProbe {
    pub fn new(
        (service, instance_id): (ServiceName, InstanceId),
        tracker: HealthTracker,
        schedule: Option<Schedule>,
        transport: Rc<dyn Transport>,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            service,
            instance_id,
            tracker,
            schedule,
            transport,
            hops,
            _watch: watch,
        }
    }

    fn ask(&self, ctx: &Context<Self>) {
        let Some(schedule) = &self.schedule else {
            return;
        };
        let answer = self.transport.probe(schedule.url.clone(), schedule.timeout);
        let home = ctx.address();
        actix::spawn(async move { home.do_send(Probed(answer.await)) });
    }

    fn tell(&self, change: Option<Change>) {
        let Some(Change { from, to }) = change else {
            return;
        };
        let (service, instance_id) = (self.service.clone(), self.instance_id.clone());
        self.hops.changed.do_send(HealthChanged {
            service,
            instance_id,
            from,
            to,
        });
    }
}

impl Actor for HealthProbe {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.ask(ctx);
    }
}

impl Handler<Probed> for HealthProbe {
    type Result = ();

    fn handle(&mut self, Probed(answer): Probed, ctx: &mut Context<Self>) {
        let change = match &answer {
            Ok(()) => {
                let (service, instance_id) = (self.service.clone(), self.instance_id.clone());
                self.hops.alive.do_send(SignOfLife {
                    service,
                    instance_id,
                });
                self.tracker.on_good()
            }
            Err(error) => {
                let (service, instance) = (&self.service, &self.instance_id);
                tracing::debug!(%service, %instance, error, "probe failed");
                self.tracker.on_bad()
            }
        };
        self.tell(change);
        if let Some(schedule) = &self.schedule {
            let pause = probe_delay(schedule.interval, rand::rng().random());
            ctx.run_later(pause, |probe, ctx| probe.ask(ctx));
        }
    }
}

impl Handler<End> for HealthProbe {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<DeliverySeen> for HealthProbe {
    type Result = ();

    fn handle(&mut self, seen: DeliverySeen, _: &mut Context<Self>) {
        let change = if seen.good {
            self.tracker.on_delivery_good()
        } else {
            self.tracker.on_delivery_failed()
        };
        self.tell(change);
    }
}
