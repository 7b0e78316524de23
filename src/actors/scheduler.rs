//! Hands messages out: by push as far as the credit of their destination goes, to pullers as they
//! ask.
//!
//! Owns the [`Queues`], the pollers that wait and the clients that wait for a settlement. Receives
//! [`Committed`], [`WindowChanged`], [`GiveBack`], [`Due`] and the requests of pullers; sends
//! [`Dispatch`] and [`Unneeded`] to the Dispatcher, [`Record`] to the EventStore, [`Polled`] to the
//! Registry. Never does I/O and never retries by itself.

mod operations;
pub mod pollers;
mod requests;
mod telling;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use ahash::AHashMap;
use rand::RngExt;
use rand::rngs::StdRng;
use std::sync::Arc;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::dispatcher::{Dispatch, Unneeded};
use super::messages::event_store::Record;
use super::messages::registry::Polled;
use super::messages::reply::Reply;
use super::messages::scheduler::{Due, GiveBack, GiveBackAll, WindowChanged};
use super::messages::{Committed, Drain, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::{Fact, Recorded};
use crate::domain::ids::{LeaseToken, MessageId, ServiceName};
use crate::domain::moment::{Moment, StampOrigin};
use crate::logic::message_totals;
use crate::logic::queues::pause::Pause;
use crate::logic::queues::report::QueueReport;
use crate::logic::queues::survey::QueueSurvey;
use crate::logic::queues::{QueuePolicy, Queues};
use crate::metrics::Metrics;
use pollers::Pollers;

pub struct Scheduler {
    clock: Clock,
    random: StdRng,
    metrics: Arc<Metrics>,
    hops: Hops,
    queues: Queues,
    totals: MessageTotals,
    pollers: Pollers,
    settled: AHashMap<MessageId, Vec<Reply<Fact>>>,
    /// Size of `settled` at which those that gave up are looked for.
    prune_at: usize,
    open: bool,
    armed: bool,
    timer: Timer,
    draining: Option<Reply<()>>,
    stopped: bool,
    _watch: DeathWatch,
}

/// Where the Scheduler's messages go.
pub struct Hops {
    pub dispatcher: Recipient<Dispatch>,
    /// The Dispatcher, too.
    pub unneeded: Recipient<Unneeded>,
    pub event_store: Recipient<Record>,
    pub registry: Recipient<Polled>,
}

impl Scheduler {
    pub fn new(
        clock: Clock,
        random: StdRng,
        metrics: Arc<Metrics>,
        policy: QueuePolicy,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            clock,
            random,
            metrics,
            hops,
            queues: Queues::new(policy),
            totals: MessageTotals::default(),
            pollers: Pollers::default(),
            settled: AHashMap::new(),
            prune_at: 1024,
            open: false,
            armed: false,
            timer: Timer::default(),
            draining: None,
            stopped: false,
            _watch: watch,
        }
    }

    /// After whatever changed the queues: hand out once the mailbox is empty.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if self.open && !self.armed {
            self.armed = true;
            ctx.notify(HandOut);
        }
    }

    fn hand_out(&mut self, ctx: &mut Context<Self>) {
        self.armed = false;
        let now = self.clock.moment();
        self.queues.follow_clock(now);
        let mut expired = Vec::new();
        if !self.stopped {
            for service in self.queues.take_ready() {
                self.serve_pollers(&service, now, &mut expired);
                self.push_out(&service, now, &mut expired);
            }
        }
        self.record(expired);
        self.forget();
        self.arm_timer(ctx);
        self.finish_drain();
    }

    /// Lets go of destinations of which nothing is left, and says so to whoever has more of them.
    fn forget(&mut self) {
        if !self.queues.may_be_unneeded() {
            return;
        }
        let pollers = &self.pollers;
        for service in self
            .queues
            .take_unneeded(|service| pollers.wait_for(service))
        {
            self.hops.unneeded.do_send(Unneeded { service });
        }
    }

    fn push_out(&mut self, service: &ServiceName, now: Moment, expired: &mut Vec<Fact>) {
        let out = self.queues.push_out(service, now);
        expired.extend(out.expired);
        if !out.items.is_empty() {
            let (service, deliveries) = (service.clone(), out.items);
            self.hops.dispatcher.do_send(Dispatch {
                service,
                deliveries,
            });
        }
    }

    fn serve_pollers(&mut self, service: &ServiceName, now: Moment, expired: &mut Vec<Fact>) {
        while let Some(poller) = self.pollers.first(service) {
            let (max, lease) = (poller.max, poller.lease);
            let generate = || LeaseToken::generate(now.wall, self.random.random());
            let out = self.queues.lease(service, max, lease, now, generate);
            expired.extend(out.expired);
            if out.items.is_empty() {
                return;
            }
            let poller = self.pollers.take_first(service).expect("looked at above");
            self.tell_leased(service, &out.items);
            if let Err(unread) = poller.reply.send(out.items) {
                let ids: Vec<_> = unread
                    .iter()
                    .map(|leased| leased.delivery.message.id)
                    .collect();
                expired.extend(self.queues.give_back_leased(&ids, now));
            }
        }
    }

    fn record(&self, facts: Vec<Fact>) {
        if !facts.is_empty() {
            self.hops.event_store.do_send(Record::unasked(facts));
        }
    }

    /// One sleep until the next lease or long poll ends, a message that consumers were lost with
    /// may go again, or a quota allows more.
    fn arm_timer(&mut self, ctx: &mut Context<Self>) {
        let ends = [
            self.queues.next_lease_end(),
            self.queues.next_return(),
            self.queues.next_paced(),
            self.pollers.next_end(),
        ];
        let next = ends.into_iter().flatten().min();
        let now = self.clock.now();
        self.timer.set(next, now, ctx, |scheduler, ctx| {
            scheduler.timer.fired();
            scheduler.time_passed(ctx);
        });
    }

    fn time_passed(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.moment();
        let random = &mut self.random;
        let facts = self.queues.expire_leases(now, || random.random());
        self.record(facts);
        let expired = self.queues.return_due(now);
        self.record(expired);
        self.queues.wake_paced(now.hub);
        for poller in self.pollers.pop_due(now.hub) {
            let _ = poller.reply.send(Vec::new());
        }
        self.arm_timer(ctx);
        self.arm(ctx);
    }

    fn learn(
        &mut self,
        record: &Recorded,
        now: Moment,
        source: StampOrigin,
        follow: &mut Vec<Fact>,
    ) {
        let replay = source != StampOrigin::News;
        self.totals += message_totals::contribution(&record.fact);
        let settlement = record.fact.settlement();
        if !replay {
            self.tell(&record.fact, now.hub);
        }
        self.queues
            .learn(record.position, &record.fact, now, source);
        if !replay {
            self.tell_place(&record.fact, now);
        }
        if !replay && let Fact::Message(MessageFact::AttemptFailed(failed)) = &record.fact {
            follow.extend(self.queues.due(failed.id, now));
        }
        if let Some((_, settlement)) = settlement
            && let Some(waiting) = self.settled.remove(&settlement.id)
        {
            for reply in waiting {
                let _ = reply.send(record.fact.clone());
            }
        }
    }

    /// Nothing is with the dispatcher any more, so the drain is done.
    fn finish_drain(&mut self) {
        if self.draining.is_some() && self.queues.pushing_count() == 0 {
            let reply = self.draining.take().expect("checked above");
            let _ = reply.send(());
        }
    }

    fn report(&self, service: Option<ServiceName>) -> QueueReport {
        if let Some(service) = service {
            let total = self.queues.depths_of(&service);
            let services = vec![(service, total.clone())];
            let totals = self.totals;
            return QueueReport {
                totals,
                total,
                services,
                ..QueueReport::default()
            };
        }
        let mut report = QueueReport {
            totals: self.totals,
            ..QueueReport::default()
        };
        for (service, depths) in self.queues.depths() {
            report.total.add(&depths);
            report.services.push((service.clone(), depths));
        }
        report.total.statistics += self.queues.past();
        report.services.sort_by(|(a, _), (b, _)| a.cmp(b));
        report.paused = self.paused_by_name();
        report.total.paused = self.queues.pause_of(None).cloned();
        report
    }

    fn survey(&self) -> QueueSurvey {
        QueueSurvey {
            totals: self.totals,
            paused: self.paused_by_name(),
            ..self.queues.survey()
        }
    }

    fn paused_by_name(&self) -> Vec<(ServiceName, Pause)> {
        let paused = self.queues.paused_by_name();
        let paused = paused.map(|(service, pause)| (service.clone(), pause.clone()));
        let mut paused: Vec<_> = paused.collect();
        paused.sort();
        paused
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct HandOut;

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for Scheduler {
    fn check(&self) -> usize {
        self.queues.check() + self.pollers.check()
    }
}

impl Handler<HandOut> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: HandOut, ctx: &mut Context<Self>) {
        self.hand_out(ctx);
    }
}

impl Handler<Open> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.open = true;
        self.queues.begin();
        self.arm(ctx);
    }
}

impl Handler<Committed> for Scheduler {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        let now = committed.at;
        self.queues.follow_clock(now);
        let mut follow = Vec::new();
        for record in committed.records.iter() {
            self.learn(record, now, committed.source(), &mut follow);
        }
        self.record(follow);
        self.arm(ctx);
    }
}

impl Handler<WindowChanged> for Scheduler {
    type Result = ();

    fn handle(&mut self, changed: WindowChanged, ctx: &mut Context<Self>) {
        let now = self.clock.now();
        let parking = self.parking(&changed.service);
        self.queues.set_window(
            &changed.service,
            changed.window,
            changed.outlook,
            &changed.types,
            now,
        );
        self.tell_parking(parking, now);
        self.arm(ctx);
    }
}

impl Handler<GiveBack> for Scheduler {
    type Result = ();

    fn handle(&mut self, back: GiveBack, ctx: &mut Context<Self>) {
        self.tell_given_back(&back.ids);
        let expired = self.queues.give_back(&back.ids, self.clock.moment());
        self.record(expired);
        self.arm(ctx);
    }
}

impl Handler<GiveBackAll> for Scheduler {
    type Result = ();

    fn handle(&mut self, back: GiveBackAll, ctx: &mut Context<Self>) {
        let ids = self.queues.pushing(&back.service);
        let expired = self.queues.give_back(&ids, self.clock.moment());
        self.record(expired);
        self.arm(ctx);
    }
}

impl Handler<Due> for Scheduler {
    type Result = ();

    fn handle(&mut self, due: Due, ctx: &mut Context<Self>) {
        let now = due.at;
        let facts = due
            .ids
            .into_iter()
            .filter_map(|id| self.queues.due(id, now))
            .collect();
        self.record(facts);
        self.arm(ctx);
    }
}

impl Handler<Drain> for Scheduler {
    type Result = ();

    fn handle(&mut self, drain: Drain, _: &mut Context<Self>) {
        self.stopped = true;
        self.draining = Some(drain.reply);
        for poller in self.pollers.drain() {
            let _ = poller.reply.send(Vec::new());
        }
        // They learn that it is not settled yet: what they sent is on disk.
        self.settled.clear();
        self.finish_drain();
    }
}

#[cfg(test)]
mod tests;
