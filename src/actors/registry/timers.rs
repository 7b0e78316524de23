//! What the Registry does by itself when its time has come. A time that is due is only looked at
//! then: whoever gave a sign of life in between is asked again later, so that signs cost nothing.

use actix::Context;

use super::Registry;
use super::due::Due;
use super::instance::Instance;
use crate::actors::messages::event_store::Record;
use crate::domain::fact::Fact;
use crate::domain::fact::service::{InstanceDeregistered, ServiceFact};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;
use crate::logic::health::Sign;

impl Registry {
    /// Sleeps until something is due.
    pub(super) fn arm(&mut self, ctx: &mut Context<Self>) {
        let (next, now) = (self.due.next(), self.settings.clock.now());
        self.timer.set(next, now, ctx, |registry, ctx| {
            registry.timer.fired();
            registry.wake(ctx);
            registry.arm(ctx);
        });
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        for due in self.due.pop_due(now, usize::MAX) {
            match due {
                Due::Puller(service) => {
                    self.services.puller_left(&service);
                    self.expect_somebody(&service, ctx);
                    self.announce(&service, ctx);
                }
                Due::Somebody(service) => self.nobody_came(&service, ctx),
                Due::Heartbeat(service, id) => self.heartbeat_due(&service, &id),
                Due::Life(service, id) => self.life_due(&service, &id),
            }
        }
    }

    /// Begins to wait for the next heartbeat, if the instance promised any.
    pub(super) fn expect_heartbeat(&mut self, service: &ServiceName, id: &InstanceId) {
        let due = Due::Heartbeat(service.clone(), id.clone());
        let instance = self.services.instance(service, id);
        match instance.and_then(|instance| instance.expires_at()) {
            Some(at) => self.due.set(due, at),
            None => drop(self.due.remove(&due)),
        }
    }

    /// As [`Registry::expect_heartbeat`], but does not move a wait that is under way.
    pub(super) fn go_on_expecting(&mut self, service: &ServiceName, id: &InstanceId) {
        let due = Due::Heartbeat(service.clone(), id.clone());
        if self.due.get(&due).is_none() {
            self.expect_heartbeat(service, id);
        }
    }

    fn heartbeat_due(&mut self, service: &ServiceName, id: &InstanceId) {
        let Some(instance) = self.services.instance(service, id) else {
            return;
        };
        let (Some(at), Some(ttl)) = (instance.expires_at(), instance.registration.ttl()) else {
            return;
        };
        if at <= self.settings.clock.now() {
            self.tell_probe(service, id, Sign::Silence(ttl));
        } else {
            self.expect_heartbeat(service, id);
        }
    }

    /// Begins to wait for a sign of life of an instance, if it is unhealthy.
    pub(super) fn expect_life(&mut self, service: &ServiceName, id: &InstanceId) {
        let Some(instance) = self.services.instance(service, id) else {
            return;
        };
        if instance.health == Health::Unhealthy && instance.may_expire() {
            let last = last_sign(instance, self.opened_at);
            let at = last.plus(self.settings.instance_expiry);
            self.due.set(Due::Life(service.clone(), id.clone()), at);
        }
    }

    fn life_due(&mut self, service: &ServiceName, id: &InstanceId) {
        let (now, opened_at) = (self.settings.clock.now(), self.opened_at);
        let Some(instance) = self.services.instance_mut(service, id) else {
            return;
        };
        if instance.health != Health::Unhealthy {
            return;
        }
        let last = last_sign(instance, opened_at);
        if last.plus(self.settings.instance_expiry) > now {
            return self.expect_life(service, id);
        }
        instance.is_expired = true;
        let silence = now.since(last);
        let cause = instance.cause.as_deref().unwrap_or_default();
        tracing::warn!(%service, instance = %id, ?silence, cause, "unhealthy and without a sign of life: deregistered");
        let gone = Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
            service: service.clone(),
            instance_id: id.clone(),
            at: self.settings.clock.wall(),
            // Whoever registers while this is on its way to the journal stays.
            registered_at: Some(instance.registration.registered_at),
        }));
        self.event_store.do_send(Record::unasked(vec![gone]));
    }

    pub(super) fn forget_timers(&mut self, service: &ServiceName, id: &InstanceId) {
        let (service, id) = (service.clone(), id.clone());
        self.due
            .remove(&Due::Heartbeat(service.clone(), id.clone()));
        self.due.remove(&Due::Life(service, id));
    }
}

/// While the hub was away nobody could give one.
fn last_sign(instance: &Instance, opened_at: Option<Timestamp>) -> Timestamp {
    instance.last_seen.max(opened_at.unwrap_or_default())
}
