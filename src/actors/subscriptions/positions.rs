//! How far subscribers are, and when that is written down.
//!
//! One record of positions is under way at a time; what changes meanwhile goes together in the
//! next.

use actix::{AsyncContext, Context, Handler, Message};

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::reply::Reply;
use crate::actors::messages::subscriptions::Progress;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{PositionAcked, SubscriptionId};

/// Positions are in the journal now, and so are these.
#[derive(Message)]
#[rtype(result = "()")]
struct PositionsWritten {
    answers: Vec<Reply<Result<(), Refusal>>>,
}

impl Subscriptions {
    /// A callback subscription is so far now.
    pub(super) fn progressed(
        &mut self,
        id: SubscriptionId,
        progress: Progress,
        ctx: &mut Context<Self>,
    ) {
        let Some(subscriber) = self.children.subscriptions.get_mut(&id) else {
            return;
        };
        let now = self.settings.clock.now();
        let (position, worked_through) = (progress.position, progress.worked_through);
        subscriber.progress = progress;
        let positions = &mut self.subscriptions.positions;
        positions.moved(id, position, worked_through, now);
        self.write_positions(ctx);
    }

    /// Writes down what is due, unless a record is under way.
    pub(super) fn write_positions(&mut self, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        if !self.writing.is_under_way {
            let taken = self.subscriptions.positions.take(now);
            self.write(taken, ctx);
        }
        let next = self.subscriptions.positions.next_due();
        let next = next.filter(|_| !self.writing.is_under_way);
        self.timer.set(next, now, ctx, |subscriptions, ctx| {
            subscriptions.timer.fired();
            subscriptions.write_positions(ctx);
        });
    }

    /// Writes down what a subscriber said just now, and what is due beside it; `reply` is for when
    /// that is done.
    pub(super) fn write_acked(
        &mut self,
        reply: Reply<Result<(), Refusal>>,
        ctx: &mut Context<Self>,
    ) {
        self.writing.waiting.push(reply);
        if !self.writing.is_under_way {
            let taken = self.subscriptions.positions.take(self.settings.clock.now());
            self.write(taken, ctx);
        }
        self.write_positions(ctx);
    }

    /// Writes down everything: the hub stops.
    pub(super) fn write_all_positions(&mut self, ctx: &Context<Self>) {
        let taken = self.subscriptions.positions.take_all();
        self.write(taken, ctx);
    }

    fn write(&mut self, taken: Vec<(SubscriptionId, Sequence)>, ctx: &Context<Self>) {
        let at = self.settings.clock.wall();
        let is_durable = |id| {
            let subscription = self.subscriptions.wanted(id);
            subscription.is_some_and(|subscription| subscription.is_durable())
        };
        let durable = taken.into_iter().filter(|(id, _)| is_durable(*id));
        let facts: Vec<_> = durable
            .map(|(id, through)| {
                Fact::Subscription(SubscriptionFact::PositionAcked(PositionAcked {
                    id,
                    at,
                    through,
                }))
            })
            .collect();
        if facts.is_empty() && self.writing.waiting.is_empty() {
            return;
        }
        self.writing.is_under_way = true;
        let answers = std::mem::take(&mut self.writing.waiting);
        let home = ctx.address();
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(PositionsWritten { answers });
        });
    }
}

impl Handler<PositionsWritten> for Subscriptions {
    type Result = ();

    fn handle(&mut self, written: PositionsWritten, ctx: &mut Context<Self>) {
        for answer in written.answers {
            let _ = answer.send(Ok(()));
        }
        self.writing.is_under_way = false;
        self.write_positions(ctx);
    }
}
