//! Wakes messages when their time has come: the next attempt, `deliver_at`, the end of their ttl.
//!
//! Owns two due heaps, one for each clock, and one armed sleep. Receives [`Committed`] and
//! [`ClockSet`]; sends [`Due`] to the Scheduler,
//! which alone decides what being due means for a message. Never touches a message itself.

use actix::{Actor, Context, Handler, Recipient};

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::scheduler::Due;
use super::messages::{ClockSet, Committed, Open};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::MessageId;
use crate::domain::message::Message;
use crate::domain::moment::{Moment, StampOrigin, When};
use crate::logic::timer_queue::TimerQueue;

/// At most so many wake up in one message, so that the Scheduler can do other work in between.
const BATCH: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Reason {
    /// The end of its delay or the next attempt; a message never waits for both.
    Next,
    Expiry,
}

pub struct RetryTimer {
    clock: Clock,
    scheduler: Recipient<Due>,
    due: TimerQueue<(MessageId, Reason)>,
    /// What has a `deliver_at` of the system's clock.
    dated: TimerQueue<MessageId>,
    open: bool,
    timer: Timer,
    _watch: DeathWatch,
}

impl RetryTimer {
    pub fn new(clock: Clock, scheduler: Recipient<Due>, watch: DeathWatch) -> Self {
        Self {
            clock,
            scheduler,
            due: TimerQueue::default(),
            dated: TimerQueue::default(),
            open: false,
            timer: Timer::default(),
            _watch: watch,
        }
    }

    fn learn(&mut self, fact: &Fact, now: Moment, source: StampOrigin) {
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => self.follow(message, now, source),
            Fact::Message(MessageFact::Redriven(redrive)) => {
                self.follow(&redrive.message, now, source);
            }
            Fact::Message(MessageFact::AttemptFailed(failed)) => {
                let retry_at = now.of(failed.at(), source).hub_time(failed.retry_at);
                self.due.set((failed.id, Reason::Next), retry_at);
            }
            _ => {
                if let Some((_, settlement)) = fact.settlement() {
                    self.dated.remove(&settlement.id);
                    self.due.remove(&(settlement.id, Reason::Next));
                    self.due.remove(&(settlement.id, Reason::Expiry));
                }
            }
        }
    }

    fn follow(&mut self, message: &Message, now: Moment, source: StampOrigin) {
        let accepted = now.of(message.accepted_at, source);
        match message.due(accepted) {
            Some(When::Hub(at)) => self.due.set((message.id, Reason::Next), at),
            Some(When::Wall(at)) => self.dated.set(message.id, at),
            None => {}
        }
        if let Some(at) = message.outlived(accepted) {
            self.due.set((message.id, Reason::Expiry), at);
        }
    }

    /// Sends what is due and sleeps until the next.
    fn fire(&mut self, ctx: &mut Context<Self>) {
        if !self.open {
            return;
        }
        let at = self.clock.moment();
        let due = self.due.pop_due(at.hub, BATCH);
        let dated = self.dated.pop_due(at.wall, BATCH - due.len());
        let due = due.into_iter().map(|(id, _)| id);
        let ids: Vec<MessageId> = due.chain(dated).collect();
        if !ids.is_empty() {
            self.scheduler.do_send(Due { ids, at });
        }
        self.arm(ctx);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let now = self.clock.moment();
        let dated = self.dated.next().map(|at| now.hub_time(at));
        let next = [self.due.next(), dated].into_iter().flatten().min();
        self.timer.set(next, now.hub, ctx, |retries, ctx| {
            retries.timer.fired();
            retries.fire(ctx);
        });
    }
}

impl Actor for RetryTimer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for RetryTimer {
    fn check(&self) -> usize {
        let timers = [self.due.check(), self.dated.check()];
        assert_eq!(
            timers, [true; 2],
            "timers are found by their key and by their time"
        );
        self.due.len() + self.dated.len()
    }
}

impl Handler<Committed> for RetryTimer {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        for record in committed.records.iter() {
            self.learn(&record.fact, committed.at, committed.source());
        }
        if self.open {
            self.arm(ctx);
        }
    }
}

impl Handler<ClockSet> for RetryTimer {
    type Result = ();

    fn handle(&mut self, _: ClockSet, ctx: &mut Context<Self>) {
        self.fire(ctx);
    }
}

impl Handler<Open> for RetryTimer {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.open = true;
        self.fire(ctx);
    }
}

#[cfg(test)]
mod tests;
