//! Sockets open and close, take named subscriptions, and say what became of the events they were
//! sent.

use std::sync::Arc;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::{
    AttachSocket, SettleEvents, SocketClosed, SocketOpened,
};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::DeadEvent;
use crate::logic::feed_news::{FeedId, SocketNews};

impl Subscriptions {
    pub(super) fn tell_socket(&self, socket: Option<FeedId>, news: SocketNews) {
        if let Some(socket) = socket.and_then(|socket| self.sockets.get(&socket)) {
            socket.do_send(news);
        }
    }

    /// A dead letter is owed to the subscription: its socket gets it, if it has one.
    pub(super) fn bring_dead_event(&self, dead_event: Arc<DeadEvent>) {
        let holder = self.subscriptions.holder(dead_event.subscription_id);
        self.tell_socket(holder, SocketNews::DeadEvent(dead_event));
    }

    /// Writes down what became of events, and tells whoever has to know of those that died.
    fn record_ends(&self, facts: Vec<Fact>) {
        let now = self.settings.clock.now();
        for fact in &facts {
            if let Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event)) = fact {
                self.settings.metrics.notices.event_died(dead_event, now);
            }
        }
        self.record(facts);
    }
}

impl Handler<SocketOpened> for Subscriptions {
    type Result = ();

    fn handle(&mut self, opened: SocketOpened, _: &mut Context<Self>) {
        if self.is_draining {
            opened.to.do_send(SocketNews::Draining);
        }
        self.sockets.insert(opened.socket, opened.to);
    }
}

impl Handler<SocketClosed> for Subscriptions {
    type Result = ();

    fn handle(&mut self, closed: SocketClosed, ctx: &mut Context<Self>) {
        self.sockets.remove(&closed.socket);
        self.subscriptions.leave(closed.socket);
        self.finish_drain(ctx);
    }
}

impl Handler<AttachSocket> for Subscriptions {
    type Result = ();

    fn handle(&mut self, attach: AttachSocket, _: &mut Context<Self>) {
        let AttachSocket { wanted, reply } = attach;
        if self.is_draining {
            return drop(reply.send(Err(Refusal::Stopping)));
        }
        let (now, random) = (self.settings.clock.moment(), rand::rng().random());
        let taken = match self.subscriptions.attach(&wanted, now, random) {
            Ok(taken) => taken,
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        self.tell_socket(taken.displaced, SocketNews::Displaced);
        let version = taken.version.map(SubscriptionFact::Subscribed);
        let facts = version.into_iter().map(Fact::Subscription).collect();
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(taken.attached));
        });
    }
}

impl Handler<SettleEvents> for Subscriptions {
    type Result = ();

    fn handle(&mut self, settle: SettleEvents, ctx: &mut Context<Self>) {
        let (now, at) = (self.settings.clock.now(), self.settings.clock.wall());
        match settle {
            SettleEvents::Ack {
                held,
                through,
                reply,
            } => match self.subscriptions.acked(held, through, now) {
                Ok(()) => self.write_acked(reply, ctx),
                Err(refusal) => drop(reply.send(Err(refusal))),
            },
            SettleEvents::Pass { held, through } => {
                self.subscriptions.passed(held, through, now);
                self.write_positions(ctx);
            }
            SettleEvents::Lose { lost, delay, reply } => {
                let (policy, random) = (self.settings.subscriptions.retries, rand::rng().random());
                let outcome = self
                    .subscriptions
                    .lose(lost, now, |losses| losses.pause(delay, &policy, random));
                self.write_positions(ctx);
                if let Some(reply) = reply {
                    let _ = reply.send(outcome);
                }
            }
            SettleEvents::GiveUp {
                held,
                event,
                losses,
            } => {
                let facts = self.subscriptions.give_up(held, (event, &losses), at);
                self.record_ends(facts);
            }
            SettleEvents::EndRedelivery { .. } if self.is_draining => {}
            SettleEvents::EndRedelivery { dead_event, error } => {
                let end = self.subscriptions.end_redelivery(&dead_event, error, at);
                self.record_ends(end.into_iter().collect());
            }
        }
    }
}
