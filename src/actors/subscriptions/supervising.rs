//! The actors of subscriptions and of their callbacks' circuits begin, come to rest, and take over
//! from those that died.

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Subscriptions;
use super::children::{Child, Subscriber};
use crate::actors::callback_circuit::CallbackCircuit;
use crate::actors::death_watch::DeathWatch;
use crate::actors::messages::callback_circuit::CircuitHops;
use crate::actors::messages::event_log::Unfollow;
use crate::actors::messages::subscription::{
    CircuitLost, DeliverDeadEvent, EndSubscription, Rest, RunReplay, SubscriptionChanged,
};
use crate::actors::messages::subscriptions::Progress;
use crate::actors::subscription::{self, Subscription};
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::subscription::SubscriptionId;
use crate::logic::feed_news::FeedId;
use crate::logic::subscription_registry::RegistryChange;

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct SubscriptionDied {
    pub id: SubscriptionId,
    pub generation: u64,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct CircuitDied {
    origin: Origin,
    generation: u64,
}

/// Nothing is under way to callbacks any more.
#[derive(Message)]
#[rtype(result = "()")]
struct ChildrenRest;

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
            Some(RegistryChange::Removed { id, left }) => {
                if let Some(ended) = self.children.subscriptions.remove(&id) {
                    ended.child.address.do_send(EndSubscription);
                    let feed = ended.feed;
                    self.hops.unfollow.do_send(Unfollow { feed });
                }
                self.detach(id);
                self.lost.forget(id);
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
        Some(&subscriber.child.address)
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
            self.begin_subscription(id, circuit, 0, ctx);
        }
    }

    fn begin_subscription(
        &mut self,
        id: SubscriptionId,
        circuit: CircuitHops,
        deaths: u32,
        ctx: &Context<Self>,
    ) {
        // Nobody would tell one that begins now to rest.
        let present = self.subscriptions.present(id).filter(|_| !self.is_draining);
        let Some(subscription) = present.cloned() else {
            return;
        };
        self.children.generation += 1;
        let generation = self.children.generation;
        let news = SubscriptionDied { id, generation };
        let watch = DeathWatch::new(ctx.address().recipient(), news);
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
        let child = Child {
            address,
            generation,
            began_at: self.settings.clock.now(),
            deaths,
        };
        let progress = Progress {
            position,
            ..Progress::default()
        };
        let subscriber = Subscriber {
            child,
            feed,
            progress,
        };
        self.children.subscriptions.insert(id, subscriber);
    }

    fn child_hops(&self, ctx: &Context<Self>) -> subscription::Hops {
        let home = ctx.address();
        subscription::Hops {
            event_store: self.hops.event_store.clone(),
            publish: self.hops.publish.clone(),
            flush: self.hops.flush.clone(),
            follow: self.hops.follow.clone(),
            credit: self.hops.credit.clone(),
            unfollow: self.hops.unfollow.clone(),
            events: self.hops.events.clone(),
            progressed: home.clone().recipient(),
            gone: home.recipient(),
        }
    }

    /// The circuit of this origin; made if there is none.
    fn circuit(&mut self, origin: &Origin, ctx: &Context<Self>) -> CircuitHops {
        if !self.children.circuits.contains_key(origin) {
            self.begin_circuit(origin, 0, ctx);
        }
        let address = &self.children.circuits[origin].address;
        CircuitHops {
            origin: origin.clone(),
            push: address.clone().recipient(),
            wait: address.clone().recipient(),
        }
    }

    fn begin_circuit(&mut self, origin: &Origin, deaths: u32, ctx: &Context<Self>) {
        self.children.generation += 1;
        let generation = self.children.generation;
        let news = CircuitDied {
            origin: origin.clone(),
            generation,
        };
        let watch = DeathWatch::new(ctx.address().recipient(), news);
        let circuit = CallbackCircuit::new(
            CircuitName::Callback(origin.clone()),
            self.subscriptions.forced(origin),
            self.settings.circuits.clone(),
            self.hops.event_store.clone(),
            watch,
        );
        let child = Child {
            address: circuit.start(),
            generation,
            began_at: self.settings.clock.now(),
            deaths,
        };
        self.children.circuits.insert(origin.clone(), child);
    }

    pub(super) fn show_subscriptions(&self) {
        let count = self.subscriptions.count();
        self.settings.metrics.subscriptions.show(count);
    }

    /// Lets the subscriptions come to rest; positions are written down at once and in the end.
    pub(super) fn rest(&mut self, ctx: &mut Context<Self>) {
        self.write_all_positions(ctx);
        let mut resting = Vec::new();
        for subscriber in self.children.subscriptions.values() {
            let (reply, rested) = oneshot::channel();
            subscriber.child.address.do_send(Rest { reply });
            resting.push(rested);
        }
        let home = ctx.address();
        actix::spawn(async move {
            // One that died rests too.
            let _ = join_all(resting).await;
            home.do_send(ChildrenRest);
        });
    }
}

impl Handler<ChildrenRest> for Subscriptions {
    type Result = ();

    fn handle(&mut self, _: ChildrenRest, ctx: &mut Context<Self>) {
        self.is_at_rest = true;
        self.write_all_positions(ctx);
        self.finish_drain();
    }
}

impl Handler<SubscriptionDied> for Subscriptions {
    type Result = ();

    fn handle(&mut self, died: SubscriptionDied, ctx: &mut Context<Self>) {
        let (id, now) = (died.id, self.settings.clock.now());
        let Some(subscriber) = self.children.subscriptions.get_mut(&id) else {
            return;
        };
        let (child, feed) = (&mut subscriber.child, subscriber.feed);
        if child.generation != died.generation || self.is_draining {
            return;
        }
        let (pause, deaths) = (child.pause(now), child.deaths);
        self.hops.unfollow.do_send(Unfollow { feed });
        tracing::error!(%id, ?pause, "a subscription's actor died; a fresh one takes over");
        ctx.run_later(pause, move |subscriptions, ctx| {
            let Some(subscription) = subscriptions.subscriptions.present(id).cloned() else {
                return;
            };
            let Some(callback) = subscription.callback() else {
                return;
            };
            let circuit = subscriptions.circuit(&Origin::of(&callback.url), ctx);
            subscriptions.begin_subscription(id, circuit, deaths, ctx);
        });
    }
}

impl Handler<CircuitDied> for Subscriptions {
    type Result = ();

    fn handle(&mut self, died: CircuitDied, ctx: &mut Context<Self>) {
        let (origin, now) = (died.origin, self.settings.clock.now());
        let Some(child) = self.children.circuits.get_mut(&origin) else {
            return;
        };
        if child.generation != died.generation {
            return;
        }
        let (pause, deaths) = (child.pause(now), child.deaths);
        let name = origin.as_str();
        tracing::error!(
            origin = name,
            ?pause,
            "a callback's circuit died; a fresh one takes over"
        );
        ctx.run_later(pause, move |subscriptions, ctx| {
            subscriptions.replace_circuit(&origin, deaths, ctx);
        });
    }
}

impl Subscriptions {
    fn replace_circuit(&mut self, origin: &Origin, deaths: u32, ctx: &Context<Self>) {
        if !self.children.circuits.contains_key(origin) {
            return;
        }
        self.begin_circuit(origin, deaths, ctx);
        let circuit = self.circuit(origin, ctx);
        for (id, subscriber) in &self.children.subscriptions {
            let address = &subscriber.child.address;
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
