//! Past events for one subscription: replays that clients start, and dead letters sent again.

use std::sync::Arc;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::{RedeliverEvent, StartReplay};
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::JobId;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{DeadEvent, Replay, ReplayFilter, SubscriptionId};

impl Subscriptions {
    fn replay(&self, asked: &StartReplay) -> Result<Replay, Refusal> {
        if self.is_draining {
            return Err(Refusal::Stopping);
        }
        let subscription = self.callback_of(asked.subscription_id, asked.owner.as_ref())?;
        self.subscriptions.may_replay(subscription.id)?;
        let oldest = self.subscriptions.log().oldest();
        if asked.from < oldest {
            return Err(Refusal::EventsGone { oldest });
        }
        let now = self.settings.clock.wall();
        let filter = if asked.filter.event_types.is_empty() {
            ReplayFilter {
                event_types: subscription.event_types.to_vec(),
                ..asked.filter.clone()
            }
        } else {
            asked.filter.clone()
        };
        let newest = self.subscriptions.log().newest();
        Ok(Replay {
            id: JobId::generate(now, rand::rng().random()),
            subscription_id: subscription.id,
            started_at: now,
            at: now,
            filter,
            next: asked.from,
            to: asked.to.map_or(newest, |to| to.min(newest)),
            left: asked.limit,
            rate: asked.rate,
            done: false,
        })
    }

    /// What is owed to subscriptions that are no more goes back to where it came from.
    pub(super) fn give_up_orphans(&self) {
        let (dead_events, replays) = self.subscriptions.orphans();
        let facts = self.ended(dead_events, replays);
        if !facts.is_empty() {
            self.hops.event_store.do_send(Record::unasked(facts));
        }
    }

    /// Dead letters that were on their way to the journal when their subscription ended go back.
    pub(super) fn give_up_dead_events(&mut self, id: SubscriptionId) {
        let dead_events = self.subscriptions.take_dead_events(id);
        if !dead_events.is_empty() {
            let facts = self.ended(dead_events, Vec::new());
            self.hops.event_store.do_send(Record::unasked(facts));
        }
    }

    /// The facts that end what is owed beside live events.
    pub(super) fn ended(
        &self,
        dead_events: Vec<Arc<DeadEvent>>,
        replays: Vec<Arc<Replay>>,
    ) -> Vec<Fact> {
        let at = self.settings.clock.wall();
        let dead_events = dead_events.into_iter().map(|dead_event| {
            let dead_event = DeadEvent {
                at,
                ..DeadEvent::clone(&dead_event)
            };
            Fact::Subscription(SubscriptionFact::EventDeadLettered(Arc::new(dead_event)))
        });
        let replays = replays.into_iter().map(|replay| {
            let done = Replay {
                at,
                done: true,
                ..Replay::clone(&replay)
            };
            Fact::Subscription(SubscriptionFact::ReplayAdvanced(Arc::new(done)))
        });
        dead_events.chain(replays).collect()
    }
}

impl Handler<StartReplay> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: StartReplay, _: &mut Context<Self>) {
        let replay = match self.replay(&asked) {
            Ok(replay) => replay,
            Err(refusal) => return drop(asked.reply.send(Err(refusal))),
        };
        let (id, reply) = (replay.id, asked.reply);
        self.subscriptions.expect_replay(&replay);
        let facts = vec![Fact::Subscription(SubscriptionFact::ReplayAdvanced(
            Arc::new(replay),
        ))];
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(id));
        });
    }
}

impl Handler<RedeliverEvent> for Subscriptions {
    type Result = ();

    fn handle(&mut self, asked: RedeliverEvent, _: &mut Context<Self>) {
        let (dead_event, reply) = (asked.dead_event, asked.reply);
        if self
            .subscriptions
            .wanted(dead_event.subscription_id)
            .is_none()
        {
            let problem = "the subscription is no more; nobody can be sent this event again";
            return drop(reply.send(Err(Refusal::Conflict(problem))));
        }
        if let Err(refusal) = self.subscriptions.expect_dead_event(&dead_event) {
            return drop(reply.send(Err(refusal)));
        }
        let id = dead_event.id;
        let facts = vec![Fact::Subscription(SubscriptionFact::EventRedriven(
            dead_event,
        ))];
        Record::and_then(&self.hops.event_store, facts, move || {
            let _ = reply.send(Ok(id));
        });
    }
}
