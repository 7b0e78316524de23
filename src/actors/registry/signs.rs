//! What shows how instances are: their probes, what is delivered to them, who polls.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler};

use super::due::Due;
use super::{PULLER_PRESENT, Registry};
use crate::actors::children::ChildDied;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::registry::{
    DeliverySeen, InstanceGone, Polled, ProbedHealth, SignOfLife,
};
use crate::domain::fact::service::Withdrawal;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::Health;
use crate::logic::health::Sign;

impl Handler<ProbedHealth> for Registry {
    type Result = ();

    fn handle(&mut self, changed: ProbedHealth, ctx: &mut Context<Self>) {
        let (service, id) = (&changed.service, &changed.instance_id);
        let instance = self.services.instance(service, id);
        let probe = instance.and_then(|instance| instance.probe.as_ref());
        // A probe that was replaced may have said something before it ended.
        if probe.is_some_and(|probe| probe.generation() == changed.generation) {
            self.health_changed(service, id, changed.to, changed.cause, ctx);
            self.arm(ctx);
        }
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
            instance.last_seen = now;
        }
    }
}

impl Handler<DeliverySeen> for Registry {
    type Result = ();

    fn handle(&mut self, seen: DeliverySeen, _: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let Some(instance) = self.services.instance_mut(&seen.service, &seen.instance_id) else {
            return;
        };
        if !instance.is_at(&seen.address) {
            return;
        }
        if seen.good {
            instance.last_seen = now;
        }
        // A well instance that delivers well is no news.
        if seen.good && instance.health == Health::Healthy {
            return;
        }
        if let Some(probe) = instance.living_probe() {
            probe.tell(match seen.good {
                true => Sign::DeliveryGood,
                false => Sign::DeliveryFailed,
            });
        }
    }
}

impl Handler<InstanceGone> for Registry {
    type Result = ();

    fn handle(&mut self, gone: InstanceGone, ctx: &mut Context<Self>) {
        let (service, id) = (&gone.service, &gone.instance_id);
        let now = self.settings.clock.wall();
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        if instance.is_at(&gone.address) && instance.registration.registered_at <= gone.asked_at {
            tracing::warn!(%service, instance = %id, "instance answered 410 and leaves rotation until it registers again");
            // At once, so that nothing more is sent there, and for good once it is written.
            instance.withdrawn = Some((Withdrawal::Gone, now));
            let fact = instance.withdrawal(Withdrawal::Gone, now);
            self.event_store.do_send(Record::unasked(vec![fact]));
        }
        // Also when it stays, since the breaker has let it go.
        self.announce(service, ctx);
    }
}

impl Handler<ChildDied<(ServiceName, InstanceId)>> for Registry {
    type Result = ();

    fn handle(&mut self, died: ChildDied<(ServiceName, InstanceId)>, ctx: &mut Context<Self>) {
        let ((service, id), now) = (&died.key, self.settings.clock.now());
        let instance = self.services.instance_mut(service, id);
        let probe = instance.and_then(|instance| instance.probe.as_mut());
        let Some(pause) = probe.and_then(|probe| probe.died(&died, now)) else {
            return;
        };
        tracing::error!(%service, instance = %id, ?pause, "a health probe died; a fresh one takes over");
        ctx.run_later(pause, move |registry, ctx| {
            let (service, id) = &died.key;
            let instance = registry.services.instance(service, id);
            let probe = instance.and_then(|instance| instance.probe.as_ref());
            if probe.is_none_or(|probe| !probe.is_meant_by(&died)) {
                return;
            }
            registry.watch_over(service, id, Duration::ZERO, ctx);
            // The fresh one does not know of a heartbeat that is overdue.
            registry.expect_heartbeat(service, id);
            registry.arm(ctx);
        });
    }
}

impl Handler<Polled> for Registry {
    type Result = ();

    fn handle(&mut self, polled: Polled, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let was_there = self.services.has_puller(&polled.service, now);
        // It is there as long as it waits, and then as long as it may take to come again.
        let until = now.plus(polled.wait).plus(PULLER_PRESENT);
        let until = self.services.polled(&polled.service, now, until);
        if !was_there {
            self.announce(&polled.service, ctx);
        }
        self.due.set(Due::Puller(polled.service), until);
        self.arm(ctx);
    }
}
