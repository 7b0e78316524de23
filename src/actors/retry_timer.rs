//! Wakes messages when their time has come: the next attempt, `deliver_at`, the end of their ttl.
//!
//! Owns one due heap and one armed sleep. Receives [`Committed`]; sends [`Due`] to the Scheduler,
//! which alone decides what being due means for a message. Never touches a message itself.

use actix::{Actor, Context, Handler, Recipient};

use super::alarm::Alarm;
use super::death_watch::DeathWatch;
use super::messages::{Committed, Due, Open};
use crate::clock::Clock;
use crate::domain::fact::Fact;
use crate::domain::ids::MessageId;
use crate::domain::message::Message;
use crate::logic::timer_queue::TimerQueue;

/// At most so many wake up in one message, so that the Scheduler can do other work in between.
const BATCH: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Reason {
    /// `deliver_at` or the next attempt; a message never waits for both.
    Next,
    Expiry,
}

pub struct RetryTimer {
    clock: Clock,
    scheduler: Recipient<Due>,
    due: TimerQueue<(MessageId, Reason)>,
    open: bool,
    alarm: Alarm,
    _watch: DeathWatch,
}

impl RetryTimer {
    pub fn new(clock: Clock, scheduler: Recipient<Due>, watch: DeathWatch) -> Self {
        Self {
            clock,
            scheduler,
            due: TimerQueue::default(),
            open: false,
            alarm: Alarm::default(),
            _watch: watch,
        }
    }

    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Accepted(message) => self.follow(message),
            Fact::Redriven(redrive) => self.follow(&redrive.message),
            Fact::AttemptFailed(failed) => self.due.set((failed.id, Reason::Next), failed.retry_at),
            _ => {
                if let Some((_, settlement)) = fact.settlement() {
                    self.due.remove(&(settlement.id, Reason::Next));
                    self.due.remove(&(settlement.id, Reason::Expiry));
                }
            }
        }
    }

    fn follow(&mut self, message: &Message) {
        if let Some(at) = message.deliver_at() {
            self.due.set((message.id, Reason::Next), at);
        }
        if let Some(at) = message.expires_at {
            self.due.set((message.id, Reason::Expiry), at);
        }
    }

    /// Sends what is due and sleeps until the next.
    fn fire(&mut self, ctx: &mut Context<Self>) {
        if !self.open {
            return;
        }
        let due = self.due.pop_due(self.clock.now(), BATCH);
        if !due.is_empty() {
            let ids = due.into_iter().map(|(id, _)| id).collect();
            self.scheduler.do_send(Due { ids });
        }
        self.arm(ctx);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let (next, now) = (self.due.next(), self.clock.now());
        self.alarm.set(next, now, ctx, |timer, ctx| {
            timer.alarm.rang();
            timer.fire(ctx);
        });
    }
}

impl Actor for RetryTimer {
    type Context = Context<Self>;
}

impl Handler<Committed> for RetryTimer {
    type Result = ();

    fn handle(&mut self, committed: Committed, ctx: &mut Context<Self>) {
        for record in committed.records.iter() {
            self.learn(&record.fact);
        }
        if self.open {
            self.arm(ctx);
        }
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
