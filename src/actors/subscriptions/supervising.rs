//! The actors of subscriptions and of their callbacks' circuits begin, come to rest, and take over
//! from those that died.

use actix::{Actor, Addr, AsyncContext, Context, Handler};
use uuid::Uuid;

use super::Subscriptions;
use super::children::Subscriber;
use crate::actors::callback_circuit::CallbackCircuit;
use crate::actors::children::{Child, ChildDied};
use crate::actors::messages::callback_circuit::CircuitHops;
use crate::actors::messages::event_log::Unfollow;
use crate::actors::messages::subscription::{
    CircuitLost, DeliverDeadEvent, EndSubscription, Rest, RunReplay, SubscriptionChanged,
};
use crate::actors::messages::subscriptions::{Progress, SubscriptionNews};
use crate::actors::subscription::{self, Subscription};
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::subscription::SubscriptionId;
use crate::logic::feed_news::{FeedId, SocketNews};
use crate::logic::restarts::Restarts;
use crate::logic::subscription_registry::RegistryChange;

impl Subscriptions {
    pub(super) fn learn(&mut self, fact: &Fact, ctx: &mut Context<Self>) {
        let change = self.subscriptions.learn(fact);
        if !self.is_open {
            return;
        }
        if let Fact::Control(ControlFact::CircuitChanged(changed)) = fact {
            self.look_at_circuit(&changed.circuit);
        }
        match change {
            Some(RegistryChange::Put { id, left }) => {
                self.subscription_put(id, ctx);
                self.drop_circuit(left);
                self.show_subscriptions();
            }
            Some(RegistryChange::Removed { id, left, holder }) => {
                if let Some(ended) = self.children.subscriptions.remove(&id) {
                    ended.child.last().do_send(EndSubscription);
                    let feed = ended.feed;
                    self.hops.unfollow.do_send(Unfollow { feed });
                }
                self.tell_socket(holder, SocketNews::Ended(id));
                self.drop_circuit(left);
                self.give_up_dead_events(id);
                self.show_subscriptions();
            }
            Some(RegistryChange::DeadEvent(dead_event)) => {
                let id = dead_event.subscription_id;
                if let Some(child) = self.child(id) {
                    child.do_send(DeliverDeadEvent { dead_event });
                } else if self.subscriptions.present(id).is_none() {
                    self.give_up_dead_events(id);
                } else {
                    self.bring_dead_event(dead_event);
                }
            }
            Some(RegistryChange::Replay(replay)) => {
                if let Some(child) = self.child(replay.subscription_id) {
                    child.do_send(RunReplay { replay });
                }
            }
            None => {}
        }
    }

    fn child(&self, id: SubscriptionId) -> Option<&Addr<Subscription>> {
        let subscriber = self.children.subscriptions.get(&id)?;
        Some(subscriber.child.last())
    }

    /// A subscription is new, or another than it was.
    pub(super) fn subscription_put(&mut self, id: SubscriptionId, ctx: &Context<Self>) {
        let Some(subscription) = self.subscriptions.present(id).cloned() else {
            return;
        };
        let Some(callback) = subscription.callback() else {
            return;
        };
        let circuit = self.circuit(&Origin::of(&callback.url), ctx);
        if let Some(child) = self.child(id) {
            child.do_send(SubscriptionChanged {
                subscription,
                circuit,
            });
        } else {
            self.begin_subscription(id, circuit, Restarts::default(), ctx);
        }
    }

    fn begin_subscription(
        &mut self,
        id: SubscriptionId,
        circuit: CircuitHops,
        restarts: Restarts,
        ctx: &Context<Self>,
    ) {
        // Nobody would tell one that begins now to rest.
        let present = self.subscriptions.present(id).filter(|_| !self.is_draining);
        let Some(subscription) = present.cloned() else {
            return;
        };
        let (generation, watch) = self.children.births.next(id, ctx);
        let position = self.subscriptions.positions.of(id);
        let (settings, hops) = (self.settings.subscriptions.clone(), self.child_hops(ctx));
        let place = (subscription, position);
        let feed = FeedId(Uuid::new_v4());
        let address = Subscription::new(place, feed, circuit, settings, hops, watch).start();
        for dead_event in self.subscriptions.dead_events_of(id) {
            address.do_send(DeliverDeadEvent { dead_event });
        }
        for replay in self.subscriptions.replays_of(id) {
            address.do_send(RunReplay { replay });
        }
        let restarts = restarts.begun(self.settings.clock.now());
        let progress = Progress {
            position,
            ..Progress::default()
        };
        let subscriber = Subscriber {
            child: Child::new(address, generation, restarts),
            feed,
            progress,
        };
        self.children.subscriptions.insert(id, subscriber);
    }

    fn child_hops(&self, ctx: &Context<Self>) -> subscription::Hops {
        subscription::Hops {
            event_store: self.hops.event_store.clone(),
            publish: self.hops.publish.clone(),
            flush: self.hops.flush.clone(),
            follow: self.hops.follow.clone(),
            credit: self.hops.credit.clone(),
            unfollow: self.hops.unfollow.clone(),
            events: self.hops.events.clone(),
            parent: ctx.address().recipient(),
        }
    }

    /// The circuit of this origin; made if there is none.
    fn circuit(&mut self, origin: &Origin, ctx: &Context<Self>) -> CircuitHops {
        if !self.children.circuits.contains_key(origin) {
            self.begin_circuit(origin, Restarts::default(), ctx);
        }
        // Whoever has one that died is told of the next.
        let address = self.children.circuits[origin].last();
        CircuitHops {
            origin: origin.clone(),
            push: address.clone().recipient(),
            wait: address.clone().recipient(),
        }
    }

    fn begin_circuit(&mut self, origin: &Origin, restarts: Restarts, ctx: &Context<Self>) {
        let (generation, watch) = self.children.births.next(origin.clone(), ctx);
        let name = CircuitName::Callback(origin.clone());
        self.children.not_closed.forget(&name);
        let circuit = CallbackCircuit::new(
            name,
            self.subscriptions.forced(origin),
            self.settings.circuits.clone(),
            self.hops.event_store.clone(),
            ctx.address().recipient(),
            watch,
        );
        let restarts = restarts.begun(self.settings.clock.now());
        let child = Child::new(circuit.start(), generation, restarts);
        self.children.circuits.insert(origin.clone(), child);
    }

    pub(super) fn show_subscriptions(&self) {
        let count = self.subscriptions.count();
        self.settings.metrics.subscriptions.show(count);
    }

    /// Dead letters that were on their way to the journal when their subscription ended go back.
    fn give_up_dead_events(&mut self, id: SubscriptionId) {
        let at = self.settings.clock.wall();
        let facts = self.subscriptions.give_up_dead_events(id, at);
        self.record(facts);
    }

    /// Lets the subscriptions come to rest; positions are written down at once and in the end.
    pub(super) fn let_rest(&mut self, ctx: &Context<Self>) {
        self.write_all_positions(ctx);
        for (id, subscriber) in &self.children.subscriptions {
            if let Some(subscription) = subscriber.child.living() {
                subscription.do_send(Rest);
                self.working.insert(*id);
            }
        }
    }

    /// Nothing is under way to this callback any more. One that died rests too.
    fn rests(&mut self, id: SubscriptionId, ctx: &Context<Self>) {
        if self.working.remove(&id) && self.working.is_empty() {
            self.write_all_positions(ctx);
            self.finish_drain(ctx);
        }
    }
}

impl Handler<SubscriptionNews> for Subscriptions {
    type Result = ();

    fn handle(&mut self, news: SubscriptionNews, ctx: &mut Context<Self>) {
        match news {
            SubscriptionNews::Progressed { id, progress } => self.progressed(id, progress, ctx),
            SubscriptionNews::Gone { id } => self.callback_gone(id, ctx),
            SubscriptionNews::Rests { id } => self.rests(id, ctx),
        }
    }
}

impl Handler<ChildDied<SubscriptionId>> for Subscriptions {
    type Result = ();

    fn handle(&mut self, died: ChildDied<SubscriptionId>, ctx: &mut Context<Self>) {
        let (id, now) = (died.key, self.settings.clock.now());
        if self.is_draining {
            return self.rests(id, ctx);
        }
        let Some(subscriber) = self.children.subscriptions.get_mut(&id) else {
            return;
        };
        let Some(pause) = subscriber.child.died(&died, now) else {
            return;
        };
        let feed = subscriber.feed;
        self.hops.unfollow.do_send(Unfollow { feed });
        tracing::error!(%id, ?pause, "a subscription's actor died; a fresh one takes over");
        ctx.run_later(pause, move |subscriptions, ctx| {
            subscriptions.replace_subscription(&died, ctx);
        });
    }
}

impl Handler<ChildDied<Origin>> for Subscriptions {
    type Result = ();

    fn handle(&mut self, died: ChildDied<Origin>, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let child = self.children.circuits.get_mut(&died.key);
        let Some(pause) = child.and_then(|child| child.died(&died, now)) else {
            return;
        };
        let origin = died.key.as_str();
        tracing::error!(
            origin,
            ?pause,
            "a callback's circuit died; a fresh one takes over"
        );
        ctx.run_later(pause, move |subscriptions, ctx| {
            subscriptions.replace_circuit(&died, ctx);
        });
    }
}

impl Subscriptions {
    fn replace_subscription(&mut self, died: &ChildDied<SubscriptionId>, ctx: &Context<Self>) {
        let id = died.key;
        let before = self.children.subscriptions.get(&id);
        let Some(before) = before.filter(|one| one.child.is_meant_by(died)) else {
            return;
        };
        let restarts = before.child.restarts();
        let subscription = self.subscriptions.present(id).cloned();
        if let Some(callback) = subscription.as_ref().and_then(|one| one.callback()) {
            let circuit = self.circuit(&Origin::of(&callback.url), ctx);
            self.begin_subscription(id, circuit, restarts, ctx);
        }
    }

    fn replace_circuit(&mut self, died: &ChildDied<Origin>, ctx: &Context<Self>) {
        let origin = &died.key;
        let before = self.children.circuits.get(origin);
        let Some(before) = before.filter(|child| child.is_meant_by(died)) else {
            return;
        };
        self.begin_circuit(origin, before.restarts(), ctx);
        let circuit = self.circuit(origin, ctx);
        for (id, subscriber) in &self.children.subscriptions {
            let address = subscriber.child.last();
            let subscription = self.subscriptions.present(*id);
            if let Some(subscription) = subscription
                && let Some(callback) = subscription.callback()
                && Origin::of(&callback.url) == *origin
            {
                address.do_send(SubscriptionChanged {
                    subscription: subscription.clone(),
                    circuit: circuit.clone(),
                });
            }
            let origin = origin.clone();
            address.do_send(CircuitLost { origin });
        }
    }
}
