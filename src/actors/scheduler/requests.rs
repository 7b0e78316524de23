//! What clients ask of the Scheduler: messages, their leases, one message, the whole picture.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, MessageResult, Recipient};
use rand::RngExt;

use super::Scheduler;
use super::pollers::Poller;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::registry::Polled;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::scheduler::{
    AwaitSettled, Cancel, EndLeases, ExtendLeases, Inspect, InspectDepths, InspectQueues, ListOpen,
    Receive, RetryNow, ReturnLeases, SurveyQueues,
};
use crate::domain::fact::Fact;
use crate::domain::fact::service::{ServiceFact, ServiceSeen};
use crate::domain::ids::{LeaseToken, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::lease::LeaseEnd;
use crate::logic::queues::listing::Bounds;
use crate::logic::queues::view::OpenMessage;

/// So many messages are looked at for a list before others get their turn: well below a
/// millisecond.
const LOOKED_AT: usize = 1000;

impl Handler<Receive> for Scheduler {
    type Result = ();

    fn handle(&mut self, receive: Receive, ctx: &mut Context<Self>) {
        let now = self.clock.moment();
        if !self.queues.knows(&receive.service) {
            return self.make_known(receive, now.wall, ctx);
        }
        if !receive.is_socket {
            self.hops.registry.do_send(Polled {
                service: receive.service.clone(),
                wait: receive.wait,
            });
        }
        if self.stopped {
            let _ = receive.reply.send(Vec::new());
            return;
        }
        let service = receive.service;
        self.pollers.add(
            service.clone(),
            Poller {
                max: receive.max,
                lease: receive.lease,
                until: now.hub.plus(receive.wait),
                reply: receive.reply,
            },
        );
        let mut expired = Vec::new();
        self.serve_pollers(&service, now, &mut expired);
        self.record(expired);
        if receive.wait == Duration::ZERO {
            for poller in self.pollers.pop_due(now.hub) {
                let _ = poller.reply.send(Vec::new());
            }
        }
        self.arm_timer(ctx);
    }
}

impl Scheduler {
    /// A name that asks for messages is a destination from now on: known to everybody, the router
    /// among them, before it gets its answer.
    fn make_known(&self, receive: Receive, at: Timestamp, ctx: &Context<Self>) {
        let seen = ServiceSeen {
            service: receive.service.clone(),
            at,
        };
        let home = ctx.address();
        Record::and_then(
            &self.hops.event_store,
            vec![Fact::Service(ServiceFact::ServiceSeen(seen))],
            move || home.do_send(receive),
        );
    }

    fn check_owner(
        &self,
        owner: Option<&ServiceName>,
        leases: &[LeaseToken],
    ) -> Result<(), Refusal> {
        owner.map_or(Ok(()), |owner| self.queues.check_owner(owner, leases))
    }
}

impl Handler<EndLeases> for Scheduler {
    type Result = ();

    fn handle(&mut self, end: EndLeases, ctx: &mut Context<Self>) {
        if let Err(refusal) = self.check_owner(end.owner.as_ref(), &end.leases) {
            return drop(end.reply.send(Err(refusal)));
        }
        let now = self.clock.moment();
        let random = &mut self.random;
        let facts = match end.end {
            LeaseEnd::Ack => self.queues.ack(&end.leases, now),
            LeaseEnd::Nack { delay, reason } => {
                self.queues
                    .nack(&end.leases, delay, reason, now, || random.random())
            }
        };
        match facts {
            Ok(facts) => answer_when_recorded(&self.hops.event_store, facts, end.reply),
            Err(refusal) => drop(end.reply.send(Err(refusal))),
        }
        self.arm(ctx);
    }
}

impl Handler<ReturnLeases> for Scheduler {
    type Result = ();

    fn handle(&mut self, back: ReturnLeases, ctx: &mut Context<Self>) {
        let now = self.clock.moment();
        let ids = self.queues.running(&back.leases);
        let random = &mut self.random;
        let facts = match back.are_lost {
            true => self.queues.consumers_lost(&ids, now, || random.random()),
            false => self.queues.give_back_leased(&ids, now),
        };
        self.record(facts);
        self.arm_timer(ctx);
        self.arm(ctx);
    }
}

impl Handler<ExtendLeases> for Scheduler {
    type Result = ();

    fn handle(&mut self, extend: ExtendLeases, ctx: &mut Context<Self>) {
        let now = self.clock.moment();
        let until = match self.check_owner(extend.owner.as_ref(), &extend.leases) {
            Ok(()) => self.queues.extend(&extend.leases, extend.lease, now),
            Err(refusal) => Err(refusal),
        };
        let _ = extend.reply.send(until);
        self.arm_timer(ctx);
    }
}

impl Handler<Cancel> for Scheduler {
    type Result = ();

    fn handle(&mut self, cancel: Cancel, ctx: &mut Context<Self>) {
        match self.queues.cancel(cancel.id, self.clock.moment()) {
            Ok(fact) => answer_when_recorded(&self.hops.event_store, vec![fact], cancel.reply),
            Err(refusal) => drop(cancel.reply.send(Err(refusal))),
        }
        self.arm(ctx);
    }
}

/// The journal's answer becomes the client's; a journal that died answers nobody.
fn answer_when_recorded(
    event_store: &Recipient<Record>,
    facts: Vec<Fact>,
    client: Reply<Result<(), Refusal>>,
) {
    Record::and_then(event_store, facts, move || {
        let _ = client.send(Ok(()));
    });
}

impl Handler<RetryNow> for Scheduler {
    type Result = ();

    fn handle(&mut self, retry: RetryNow, ctx: &mut Context<Self>) {
        let _ = retry.reply.send(self.queues.retry_now(retry.id));
        self.arm(ctx);
    }
}

impl Handler<AwaitSettled> for Scheduler {
    type Result = ();

    fn handle(&mut self, wait: AwaitSettled, _: &mut Context<Self>) {
        if self.stopped {
            return;
        }
        if self.settled.len() >= self.prune_at {
            for waiting in self.settled.values_mut() {
                waiting.retain(|reply| !reply.is_closed());
            }
            self.settled.retain(|_, waiting| !waiting.is_empty());
            self.prune_at = (self.settled.len() * 2).max(1024);
        }
        let waiting = self.settled.entry(wait.id).or_default();
        if waiting.len() == waiting.capacity() {
            waiting.retain(|reply| !reply.is_closed());
        }
        waiting.push(wait.reply);
    }
}

impl Handler<Inspect> for Scheduler {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, inspect: Inspect, _: &mut Context<Self>) -> Self::Result {
        let now = self.clock.moment();
        let views = inspect
            .ids
            .into_iter()
            .map(|id| self.queues.inspect(id, now));
        MessageResult(views.collect::<Vec<Option<OpenMessage>>>())
    }
}

impl Handler<ListOpen> for Scheduler {
    type Result = MessageResult<ListOpen>;

    fn handle(&mut self, list: ListOpen, _: &mut Context<Self>) -> Self::Result {
        let most = Bounds {
            looked_at: LOOKED_AT,
            taken: list.most,
        };
        MessageResult(self.queues.list(&list.wanted, list.before, most))
    }
}

impl Handler<InspectQueues> for Scheduler {
    type Result = MessageResult<InspectQueues>;

    fn handle(&mut self, inspect: InspectQueues, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.report(inspect.service))
    }
}

impl Handler<SurveyQueues> for Scheduler {
    type Result = MessageResult<SurveyQueues>;

    fn handle(&mut self, _: SurveyQueues, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.survey())
    }
}

impl Handler<InspectDepths> for Scheduler {
    type Result = MessageResult<InspectDepths>;

    fn handle(&mut self, inspect: InspectDepths, _: &mut Context<Self>) -> Self::Result {
        let depths = inspect.services.into_iter().map(|service| {
            let depths = self.queues.depths_of(&service);
            (service, depths)
        });
        MessageResult(depths.collect())
    }
}
