//! What clients ask of the Registry.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message, MessageResult};

use super::Registry;
use super::instance::Instance;
use crate::actors::health_probe::{Beat, Entered};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::registry::{
    ChooseStrategy, CountInstances, Deregister, DrainInstance, Heartbeat, InspectDependencies,
    InspectServices, Register, SummarizeServices, SurveyServices,
};
use crate::domain::fact::Fact;
use crate::domain::fact::control::{ControlFact, StrategyChosen};
use crate::domain::fact::service::{InstanceDeregistered, ServiceFact, ServiceGone, Withdrawal};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::Health;
use crate::logic::limits::Limit;
use crate::logic::service_view::{Alive, RegistrationOutcome, ServiceView};

impl Handler<Register> for Registry {
    type Result = ();

    fn handle(&mut self, register: Register, ctx: &mut Context<Self>) {
        let registration = register.registration;
        let now = self.settings.clock.now();
        let (service, id) = (&registration.service, &registration.instance_id);
        if let Err(full) = self.expect_instance(service, id) {
            return drop(register.reply.send(Err(full)));
        }
        let known = self.services.instance(service, id);
        let undid_drain = known.is_some_and(|known| known.draining_since().is_some());
        let changed = known.map(|known| known.registration.differences(&registration));
        let changed = changed.unwrap_or_default();
        let beside = self.services.beside(&registration);
        let mut known = self
            .services
            .instance_mut(&registration.service, &registration.instance_id);
        if let Some(instance) = &mut known {
            // It lives, so it must not expire while this is on its way to the journal.
            instance.last_seen = now;
        }
        let written = Written {
            service: registration.service.clone(),
            instance_id: registration.instance_id.clone(),
            entered: Entered {
                replaced: known.is_some(),
                changed,
                undid_drain,
                beside,
                reply: register.reply,
            },
        };
        let (facts, home) = (
            vec![Fact::Service(ServiceFact::ServiceRegistered(Arc::new(
                registration,
            )))],
            ctx.address(),
        );
        // By then what was written lies before this in the own mailbox.
        Record::and_then(&self.event_store, facts, move || home.do_send(written));
    }
}

impl Registry {
    /// Counts an instance that is on its way to the journal, if it is new.
    fn expect_instance(&mut self, service: &ServiceName, id: &InstanceId) -> Result<(), Refusal> {
        if self.services.instance(service, id).is_some() {
            return Ok(());
        }
        let most = self.settings.most_instances;
        let arriving = self.arriving.get(service);
        let is_counted = arriving.is_some_and(|arriving| arriving.contains(id));
        let count = self.services.count_of(service) + arriving.map_or(0, BTreeSet::len);
        if count >= most && !is_counted {
            return Err(Refusal::LimitReached {
                limit: Limit::InstancesPerService.name(),
                most: most as u64,
            });
        }
        let arriving = self.arriving.entry(service.clone()).or_default();
        arriving.insert(id.clone());
        Ok(())
    }

    fn arrived(&mut self, service: &ServiceName, id: &InstanceId) {
        if let Some(arriving) = self.arriving.get_mut(service) {
            arriving.remove(id);
            if arriving.is_empty() {
                self.arriving.remove(service);
            }
        }
    }
}

/// A registration is in the journal, and whoever sent it wants an answer.
#[derive(Message)]
#[rtype(result = "()")]
struct Written {
    service: ServiceName,
    instance_id: InstanceId,
    entered: Entered,
}

impl Handler<Written> for Registry {
    type Result = ();

    fn handle(&mut self, written: Written, _: &mut Context<Self>) {
        let entered = written.entered;
        self.arrived(&written.service, &written.instance_id);
        self.announce_now(&written.service);
        let instance = self
            .services
            .instance(&written.service, &written.instance_id);
        match instance.and_then(Instance::living_probe) {
            Some(probe) => probe.entered(entered),
            // It has left already, or what its probe knew is gone.
            None => drop(entered.reply.send(Ok(RegistrationOutcome {
                replaced: entered.replaced,
                changed: entered.changed,
                undid_drain: entered.undid_drain,
                health: Health::Unknown,
                beside: entered.beside,
            }))),
        }
    }
}

impl Handler<Deregister> for Registry {
    type Result = ();

    fn handle(&mut self, deregister: Deregister, _: &mut Context<Self>) {
        let at = self.settings.clock.wall();
        let service = deregister.service;
        let fact = match deregister.instance_id {
            None if self.services.is_registered(&service) => {
                Fact::Service(ServiceFact::ServiceDeregistered(ServiceGone {
                    service,
                    at,
                }))
            }
            Some(instance_id) if self.services.instance(&service, &instance_id).is_some() => {
                Fact::Service(ServiceFact::InstanceDeregistered(InstanceDeregistered {
                    service,
                    instance_id,
                    at,
                    registered_at: None,
                }))
            }
            _ => return drop(deregister.reply.send(Err(Refusal::NotFound))),
        };
        Record::and_then(&self.event_store, vec![fact], move || {
            let _ = deregister.reply.send(Ok(()));
        });
    }
}

impl Handler<Heartbeat> for Registry {
    type Result = ();

    fn handle(&mut self, heartbeat: Heartbeat, ctx: &mut Context<Self>) {
        let moment = self.settings.clock.moment();
        let now = moment.hub;
        let (service, id) = (&heartbeat.service, &heartbeat.instance_id);
        let Some(instance) = self.services.instance_mut(service, id) else {
            return drop(heartbeat.reply.send(Err(Refusal::NotFound)));
        };
        if instance.is_expired {
            // It is as good as gone: only registering again brings it back.
            return drop(heartbeat.reply.send(Err(Refusal::NotFound)));
        }
        (instance.last_seen, instance.heard_at) = (now, now);
        let expires_at = instance.expires_at().map(|at| moment.wall_time(at));
        let reply = heartbeat.reply;
        match instance.living_probe() {
            Some(probe) => probe.beat(Beat { expires_at, reply }),
            None => {
                let health = instance.health;
                let _ = reply.send(Ok(Alive { health, expires_at }));
            }
        }
        self.go_on_expecting(service, id);
        self.arm(ctx);
    }
}

impl Handler<DrainInstance> for Registry {
    type Result = ();

    fn handle(&mut self, drain: DrainInstance, _: &mut Context<Self>) {
        let Some(instance) = self.services.instance(&drain.service, &drain.instance_id) else {
            return drop(drain.reply.send(Err(Refusal::NotFound)));
        };
        if let Some(since) = instance.draining_since() {
            return drop(drain.reply.send(Ok(since)));
        }
        let at = self.settings.clock.wall();
        let fact = instance.withdrawal(Withdrawal::Draining, at);
        Record::and_then(&self.event_store, vec![fact], move || {
            let _ = drain.reply.send(Ok(at));
        });
    }
}

impl Handler<ChooseStrategy> for Registry {
    type Result = ();

    fn handle(&mut self, choose: ChooseStrategy, _: &mut Context<Self>) {
        let (service, strategy) = (choose.service, choose.strategy);
        if !self.services.is_registered(&service) {
            return drop(choose.reply.send(Err(Refusal::NotFound)));
        }
        let at = self.settings.clock.wall();
        let fact = Fact::Control(ControlFact::StrategyChosen(StrategyChosen {
            service,
            at,
            strategy,
        }));
        Record::and_then(&self.event_store, vec![fact], move || {
            let _ = choose.reply.send(Ok(()));
        });
    }
}

impl Handler<InspectServices> for Registry {
    type Result = MessageResult<InspectServices>;

    fn handle(&mut self, inspect: InspectServices, _: &mut Context<Self>) -> Self::Result {
        let (now, usual) = (self.settings.clock.moment(), self.settings.strategy);
        let views: Vec<ServiceView> = match inspect.service {
            Some(service) => Vec::from_iter(self.services.view(&service, usual, now)),
            None => self.services.views(usual, now),
        };
        MessageResult(views)
    }
}

impl Handler<CountInstances> for Registry {
    type Result = MessageResult<CountInstances>;

    fn handle(&mut self, asked: CountInstances, _: &mut Context<Self>) -> Self::Result {
        let of_one = |service| {
            let count = self.services.count_of(&service);
            (service, count)
        };
        MessageResult(match asked.service {
            Some(service) => vec![of_one(service)],
            None => self.services.counts(),
        })
    }
}

impl Handler<SurveyServices> for Registry {
    type Result = MessageResult<SurveyServices>;

    fn handle(&mut self, _: SurveyServices, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.services.survey(self.settings.clock.now()))
    }
}

impl Handler<SummarizeServices> for Registry {
    type Result = MessageResult<SummarizeServices>;

    fn handle(&mut self, asked: SummarizeServices, _: &mut Context<Self>) -> Self::Result {
        let now = self.settings.clock.now();
        MessageResult(match asked.services {
            Some(services) => self.services.summaries_of(&services, now),
            None => self.services.summaries(now),
        })
    }
}

impl Handler<InspectDependencies> for Registry {
    type Result = MessageResult<InspectDependencies>;

    fn handle(&mut self, inspect: InspectDependencies, _: &mut Context<Self>) -> Self::Result {
        let now = self.settings.clock.now();
        let (service, instead) = (inspect.service, inspect.instead);
        MessageResult(self.services.report(&service, instead, now))
    }
}
