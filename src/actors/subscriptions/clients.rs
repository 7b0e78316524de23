//! What clients ask about subscriptions. What they change is in the journal before it holds and
//! before they are answered.

use std::sync::Arc;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_log::ShowLags;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::{
    CallbackGone, ChangeSubscription, InspectSubscriptions, Progress, Subscribe,
    SwitchSubscription, Unsubscribe,
};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::ServiceName;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{
    Channel, PauseReason, Paused, Subscription, SubscriptionId, Unsubscribed,
};
use crate::domain::subscription_view::SubscriptionView;
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::FeedId;

type Found = Result<Arc<Subscription>, Refusal>;

impl Subscriptions {
    /// The callback subscription `owner` may change; `None`: anybody may.
    pub(super) fn callback_of(&self, id: SubscriptionId, owner: Option<&ServiceName>) -> Found {
        let subscription = self.owned(id, owner)?;
        if subscription.callback().is_none() {
            let problem = "a subscription of sockets; it is what its sockets make of it";
            return Err(Refusal::Conflict(problem));
        }
        Ok(subscription)
    }

    fn owned(&self, id: SubscriptionId, owner: Option<&ServiceName>) -> Found {
        let found = self.subscriptions.wanted(id).ok_or(Refusal::NotFound)?;
        if owner.is_some_and(|owner| *owner != found.service) {
            return Err(Refusal::NotTheirs { id });
        }
        Ok(found.clone())
    }

    fn new_subscription(&self, asked: &Subscribe) -> Result<Subscription, Refusal> {
        if self.is_draining {
            return Err(Refusal::Stopping);
        }
        self.subscriptions
            .may_subscribe(&asked.service, asked.event_types.len())?;
        let now = self.settings.clock.wall();
        Ok(Subscription {
            id: SubscriptionId::generate(now, rand::rng().random()),
            service: asked.service.clone(),
            event_types: asked.event_types.clone(),
            created_at: now,
            changed_at: now,
            after: self.subscriptions.begin_in_sight(asked.from_sequence)?,
            channel: Channel::Callback(asked.callback.clone()),
            paused: None,
        })
    }

    /// As it is to be. No other may ask for just the same, as each would get every event.
    fn changed(
        &self,
        before: &Subscription,
        asked: &ChangeSubscription,
    ) -> Result<Subscription, Refusal> {
        let mut after = before.clone();
        after.changed_at = self.settings.clock.wall();
        if let Some(types) = &asked.event_types {
            self.subscriptions.may_change(
                &before.service,
                before.event_types.len(),
                types.len(),
            )?;
            after.event_types = types.clone();
        }
        let Channel::Callback(callback) = &mut after.channel else {
            return Err(Refusal::NotFound);
        };
        if let Some(url) = &asked.callback_url {
            callback.url.clone_from(url);
        }
        if let Some(secret) = &asked.secret {
            let now = after.changed_at;
            let until = now.plus(self.settings.secret_overlap);
            callback.change_secret(secret.clone(), now, until);
        }
        callback.max_in_flight = asked.max_in_flight.unwrap_or(callback.max_in_flight);
        if asked.event_types.is_some() || asked.callback_url.is_some() {
            self.must_be_alone(&after)?;
        }
        Ok(after)
    }

    fn must_be_alone(&self, subscription: &Subscription) -> Result<(), Refusal> {
        let (but, service) = (Some(subscription.id), &subscription.service);
        let types = &subscription.event_types;
        let url = subscription.callback().map(|callback| &callback.url);
        match url.and_then(|url| self.subscriptions.same_callback(but, service, types, url)) {
            None => Ok(()),
            Some(_) => Err(Refusal::Conflict(
                "another subscription of the service has these event_types and this callback_url; end one of the two",
            )),
        }
    }

    /// Has this version written, or takes it as it is if it is not to outlive a restart; then
    /// does `then`.
    fn put(
        &mut self,
        version: &Arc<Subscription>,
        then: impl FnOnce() + 'static,
        ctx: &mut Context<Self>,
    ) {
        let fact = Fact::Subscription(SubscriptionFact::Subscribed(version.clone()));
        if version.is_durable() {
            self.subscriptions.intend(version.clone());
            Record::and_then(&self.hops.event_store, vec![fact], then);
        } else {
            self.learn(&fact, ctx);
            then();
        }
    }

    /// Pauses it, or lets it go on.
    fn switch(&mut self, before: &Subscription, paused: Option<PauseReason>) -> Subscription {
        let now = self.settings.clock.wall();
        Subscription {
            changed_at: now,
            paused: paused.map(|why| Paused { at: now, why }),
            ..before.clone()
        }
    }

    /// By which feed it follows the events at present.
    fn feed_of(&self, id: SubscriptionId) -> Option<FeedId> {
        let callback = self.children.subscriptions.get(&id).map(|one| one.feed);
        callback.or_else(|| self.subscriptions.holder(id))
    }

    /// All but its lag, which the EventLog knows.
    fn view(&self, subscription: &Arc<Subscription>) -> SubscriptionView {
        let id = subscription.id;
        let subscriber = self.children.subscriptions.get(&id);
        let progress = subscriber
            .map(|one| one.progress.clone())
            .unwrap_or_default();
        let position = self.subscriptions.positions.of(id);
        let now = self.settings.clock.moment();
        let next_attempt = next_attempt(&progress, now);
        let previous = subscription.callback();
        let previous = previous.and_then(|callback| callback.previous_at(now.wall));
        SubscriptionView {
            subscription: subscription.clone(),
            previous_secret_until: previous.map(|previous| previous.until),
            position,
            lag: 0,
            in_flight: progress.in_flight,
            failures: progress.failures,
            last_error: progress.last_error,
            is_retrying: progress.is_retrying,
            next_attempt: next_attempt.filter(|_| subscription.paused.is_none()),
            is_circuit_open: progress.is_circuit_open,
            is_connected: self.subscriptions.holder(id).is_some(),
        }
    }
}

/// By the system's clock. `None`: nothing waits for a time, or nobody knows for which.
fn next_attempt(progress: &Progress, now: Moment) -> Option<Timestamp> {
    let next = if progress.is_circuit_open {
        let until = progress.circuit_open_until;
        // A failed event may have to wait for longer than the circuit.
        until.map(|until| until.max(progress.retry_at.unwrap_or(until)))
    } else {
        progress.retry_at
    };
    next.filter(|at| *at > now.hub).map(|at| now.wall_time(at))
}

impl Handler<Subscribe> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: Subscribe, ctx: &mut Context<Self>) {
        let url = &asked.callback.url;
        let same = self
            .subscriptions
            .same_callback(None, &asked.service, &asked.event_types, url);
        if let Some(same) = same.cloned() {
            // It may be on its way to the journal still.
            let reply = asked.reply;
            return Record::and_then(&self.hops.event_store, Vec::new(), move || {
                let _ = reply.send(Ok((same, false)));
            });
        }
        let new = match self.new_subscription(&asked) {
            Ok(new) => Arc::new(new),
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let (answer, reply) = (new.clone(), asked.reply);
        let then = move || drop(reply.send(Ok((answer, true))));
        self.put(&new, then, ctx);
    }
}

impl Handler<ChangeSubscription> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: ChangeSubscription, ctx: &mut Context<Self>) {
        let before = match self.callback_of(asked.id, asked.owner.as_ref()) {
            Ok(before) => before,
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let version = match self.changed(&before, &asked) {
            Ok(version) => Arc::new(version),
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let (answer, reply) = (version.clone(), asked.reply);
        let then = move || drop(reply.send(Ok(answer)));
        self.put(&version, then, ctx);
    }
}

impl Handler<SwitchSubscription> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: SwitchSubscription, ctx: &mut Context<Self>) {
        let before = match self.callback_of(asked.id, asked.owner.as_ref()) {
            Ok(before) => before,
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let why = asked.paused.then_some(PauseReason::Asked);
        let version = Arc::new(self.switch(&before, why));
        let (answer, reply) = (version.clone(), asked.reply);
        let then = move || drop(reply.send(Ok(answer)));
        self.put(&version, then, ctx);
    }
}

impl Handler<CallbackGone> for Subscriptions {
    type Result = ();

    fn handle(&mut self, gone: CallbackGone, ctx: &mut Context<Self>) {
        let Ok(before) = self.callback_of(gone.id, None) else {
            return;
        };
        if before.paused.is_some() {
            return;
        }
        let (id, service) = (gone.id, &before.service);
        tracing::warn!(%id, %service, "the callback answered 410; the subscription is paused");
        let version = Arc::new(self.switch(&before, Some(PauseReason::Gone)));
        self.put(&version, || {}, ctx);
    }
}

impl Handler<Unsubscribe> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: Unsubscribe, ctx: &mut Context<Self>) {
        let (id, at) = (asked.id, self.settings.clock.wall());
        let before = match self.owned(id, asked.owner.as_ref()) {
            Ok(before) => before,
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let (dead_events, replays) = self.subscriptions.intend_end(id);
        let mut facts = self.ended(dead_events, replays);
        let end = Fact::Subscription(SubscriptionFact::Unsubscribed(Unsubscribed { id, at }));
        if before.is_durable() {
            facts.push(end);
        } else {
            self.learn(&end, ctx);
        }
        let reply = asked.reply;
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(()));
        });
    }
}

impl Handler<InspectSubscriptions> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: InspectSubscriptions, _: &mut Context<Self>) {
        let service = asked.service.as_ref();
        let is_meant = |one: &&Arc<Subscription>| service.is_none_or(|name| *name == one.service);
        let view = |one: &Arc<Subscription>| (self.view(one), self.feed_of(one.id));
        let views = match asked.id {
            Some(id) => {
                let one = self.subscriptions.present(id).into_iter();
                one.filter(is_meant).map(view).collect()
            }
            None => self
                .subscriptions
                .all()
                .filter(is_meant)
                .map(view)
                .collect(),
        };
        let reply = asked.reply;
        self.hops.show_lags.do_send(ShowLags { views, reply });
    }
}
