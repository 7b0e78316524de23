//! What operators ask of the Scheduler: to pause queues and to clear them.

use std::collections::VecDeque;

use actix::{AsyncContext, Context, Handler, Message};

use super::Scheduler;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::router::QuotasConfigured;
use crate::actors::messages::scheduler::{ClearQueue, SwitchQueue};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::ids::MessageId;

/// Messages cancelled by one record to the journal.
const CLEARED_AT_ONCE: usize = 4096;

impl Handler<SwitchQueue> for Scheduler {
    type Result = ();

    fn handle(&mut self, switch: SwitchQueue, _: &mut Context<Self>) {
        let now = self.clock.wall();
        let SwitchQueue {
            service,
            paused,
            by,
            reply,
        } = switch;
        let switched = self.queues.switched(service, paused, by, now);
        self.hops.event_store.do_send(Record {
            facts: vec![Fact::Control(ControlFact::QueueSwitched(switched))],
            reply: Some(reply),
        });
    }
}

impl Handler<QuotasConfigured> for Scheduler {
    type Result = ();

    fn handle(&mut self, QuotasConfigured(quotas): QuotasConfigured, ctx: &mut Context<Self>) {
        self.queues.configure_quotas(quotas, self.clock.now());
        self.arm(ctx);
    }
}

impl Handler<ClearQueue> for Scheduler {
    type Result = ();

    fn handle(&mut self, clear: ClearQueue, ctx: &mut Context<Self>) {
        let ids = self.queues.waiting(&clear.service, clear.priority);
        let clearance = Clearance {
            left: ids.into(),
            cancelled: 0,
            reply: clear.reply,
        };
        Handler::handle(self, clearance, ctx);
    }
}

/// A queue on its way to being empty: what waited when that began.
#[derive(Message)]
#[rtype(result = "()")]
struct Clearance {
    left: VecDeque<MessageId>,
    cancelled: u64,
    reply: Reply<u64>,
}

impl Handler<Clearance> for Scheduler {
    type Result = ();

    /// Part by part, each when the one before is on disk, so that others get a turn between them.
    fn handle(&mut self, mut clearance: Clearance, ctx: &mut Context<Self>) {
        if clearance.left.is_empty() {
            let _ = clearance.reply.send(clearance.cancelled);
            return;
        }
        let count = clearance.left.len().min(CLEARED_AT_ONCE);
        let part: Vec<_> = clearance.left.drain(..count).collect();
        let facts = self.queues.cancel_waiting(&part, self.clock.moment());
        clearance.cancelled += facts.len() as u64;
        let home = ctx.address();
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(clearance);
        });
    }
}
