//! What clients want of subscriptions. What they change is in the journal before it holds and before
//! they are answered.

use std::sync::Arc;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::{
    ChangeSubscription, RedeliverEvent, StartReplay, Subscribe, Unsubscribe,
};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{PauseReason, Replay, Subscription, SubscriptionId};
use crate::logic::subscription_registry::changes::{WantedCallback, WantedChange};
use crate::logic::subscription_registry::owed::WantedReplay;

impl Subscriptions {
    fn new_subscription(&self, wanted: &WantedCallback) -> Result<Arc<Subscription>, Refusal> {
        if self.is_draining {
            return Err(Refusal::Stopping);
        }
        let (at, random) = (self.settings.clock.wall(), rand::rng().random());
        let new = self.subscriptions.new_callback(wanted, at, random)?;
        Ok(Arc::new(new))
    }

    fn changed(
        &self,
        id: SubscriptionId,
        owner: Option<&ServiceName>,
        change: &WantedChange,
    ) -> Result<Arc<Subscription>, Refusal> {
        let (at, overlap) = (self.settings.clock.wall(), self.settings.secret_overlap);
        let before = self.subscriptions.callback_of(id, owner)?;
        let version = self.subscriptions.changed(before, change, at, overlap)?;
        Ok(Arc::new(version))
    }

    fn new_replay(&mut self, wanted: WantedReplay) -> Result<Replay, Refusal> {
        if self.is_draining {
            return Err(Refusal::Stopping);
        }
        let (at, random) = (self.settings.clock.wall(), rand::rng().random());
        self.subscriptions.new_replay(wanted, at, random)
    }

    /// Has this version written, or takes it as it is if it is not to outlive a restart; then
    /// does `then`.
    fn put(
        &mut self,
        version: Arc<Subscription>,
        then: impl FnOnce() + 'static,
        ctx: &mut Context<Self>,
    ) {
        let fact = Fact::Subscription(SubscriptionFact::Subscribed(version.clone()));
        if version.is_durable() {
            self.subscriptions.intend(version);
            Record::and_then(&self.hops.event_store, vec![fact], then);
        } else {
            self.learn(&fact, ctx);
            then();
        }
    }

    /// The callback wants no more: nothing is sent until somebody has it go on.
    pub(super) fn callback_gone(&mut self, id: SubscriptionId, ctx: &mut Context<Self>) {
        let Ok(before) = self.subscriptions.callback_of(id, None) else {
            return;
        };
        if before.paused.is_some() {
            return;
        }
        let service = &before.service;
        tracing::warn!(%id, %service, "the callback answered 410; the subscription is paused");
        let change = WantedChange::Paused(Some(PauseReason::Gone));
        if let Ok(version) = self.changed(id, None, &change) {
            self.put(version, || {}, ctx);
        }
    }

    /// Writes down what nobody waits for, if it is anything.
    pub(super) fn record(&self, facts: Vec<Fact>) {
        if !facts.is_empty() {
            self.hops.event_store.do_send(Record::unasked(facts));
        }
    }
}

impl Handler<Subscribe> for Subscriptions {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, ctx: &mut Context<Self>) {
        let Subscribe { wanted, reply } = subscribe;
        let (types, url) = (&wanted.event_types, &wanted.callback.url);
        let same = self
            .subscriptions
            .same_callback(None, &wanted.service, types, url);
        if let Some(same) = same.cloned() {
            // It may be on its way to the journal still.
            return Record::and_then(&self.hops.event_store, Vec::new(), move || {
                let _ = reply.send(Ok((same, false)));
            });
        }
        match self.new_subscription(&wanted) {
            Ok(new) => {
                let told = new.clone();
                self.put(new, move || drop(reply.send(Ok((told, true)))), ctx);
            }
            Err(refusal) => drop(reply.send(Err(refusal))),
        }
    }
}

impl Handler<ChangeSubscription> for Subscriptions {
    type Result = ();

    fn handle(&mut self, change: ChangeSubscription, ctx: &mut Context<Self>) {
        let reply = change.reply;
        match self.changed(change.id, change.owner.as_ref(), &change.change) {
            Ok(version) => {
                let told = version.clone();
                self.put(version, move || drop(reply.send(Ok(told))), ctx);
            }
            Err(refusal) => drop(reply.send(Err(refusal))),
        }
    }
}

impl Handler<Unsubscribe> for Subscriptions {
    type Result = ();

    fn handle(&mut self, unsubscribe: Unsubscribe, ctx: &mut Context<Self>) {
        let Unsubscribe { id, owner, reply } = unsubscribe;
        let at = self.settings.clock.wall();
        let ended = match self.subscriptions.end(id, owner.as_ref(), at) {
            Ok(ended) => ended,
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        if let Some(end) = ended.volatile {
            self.learn(&end, ctx);
        }
        Record::and_then(&self.hops.event_store, ended.facts, move || {
            let _ = reply.send(Ok(()));
        });
    }
}

impl Handler<StartReplay> for Subscriptions {
    type Result = ();

    fn handle(&mut self, start: StartReplay, _: &mut Context<Self>) {
        let reply = start.reply;
        let replay = match self.new_replay(start.wanted) {
            Ok(replay) => replay,
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        let id = replay.id;
        let begun = SubscriptionFact::ReplayAdvanced(Arc::new(replay));
        let facts = vec![Fact::Subscription(begun)];
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(id));
        });
    }
}

impl Handler<RedeliverEvent> for Subscriptions {
    type Result = ();

    fn handle(&mut self, redeliver: RedeliverEvent, _: &mut Context<Self>) {
        let RedeliverEvent { dead_event, reply } = redeliver;
        if let Err(refusal) = self.subscriptions.redeliver(&dead_event) {
            return drop(reply.send(Err(refusal)));
        }
        let id = dead_event.id;
        let redriven = SubscriptionFact::EventRedriven(dead_event);
        let facts = vec![Fact::Subscription(redriven)];
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(id));
        });
    }
}
