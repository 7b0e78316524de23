//! Events of named subscriptions that their sockets did not settle: when they are sent again, when
//! they are given up, and dead letters that are sent once more.

use std::sync::Arc;
use std::time::Duration;

use actix::{Context, Handler};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::{EndRedelivery, GiveUpEvent, LoseEvents};
use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::Event;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::{
    DeadEvent, EventDelivered, PositionAcked, Subscription, SubscriptionId,
};
use crate::domain::timestamp::Timestamp;
use crate::logic::feed_news::{FeedId, SocketNews, Unsettled};
use crate::logic::losses::Losses;

impl Subscriptions {
    /// The subscription that this socket has.
    fn had_by(&self, id: SubscriptionId, socket: FeedId) -> Result<Arc<Subscription>, Refusal> {
        if !self.attached.is(id, socket) {
            let problem = "another socket has the subscription now";
            return Err(Refusal::Conflict(problem));
        }
        self.subscriptions
            .wanted(id)
            .cloned()
            .ok_or(Refusal::NotFound)
    }

    /// When what was not settled is sent again: at once after the first time, as that may be
    /// chance.
    fn wait(&self, lost: u32, asked: Option<Duration>) -> Duration {
        let retries = &self.settings.subscriptions.retries;
        match asked {
            Some(delay) => delay.min(retries.max_delay),
            None if lost < 2 => Duration::ZERO,
            None => retries.delay(lost - 1, rand::rng().random()),
        }
    }

    fn lose(&mut self, lost: &mut LoseEvents) -> Result<Unsettled, Refusal> {
        self.had_by(lost.id, lost.socket)?;
        let now = self.settings.clock.now();
        let id = lost.id;
        let loss = self.lost.entry(id, now);
        loss.losses.acked(lost.acked);
        loss.losses.add(lost.sent);
        loss.error = lost.error.take();
        let count = loss.losses.count();
        let until = now.plus(self.wait(count, lost.asked));
        self.lost.wait(id, until);
        self.subscriptions.positions.acked(id, lost.acked, now);
        Ok(self.lost.of(id, now))
    }

    fn given_up(&self, subscription: &Subscription, event: Arc<Event>, lost: Losses) -> DeadEvent {
        let at = self.settings.clock.wall();
        let times = lost.count();
        DeadEvent {
            id: subscription.id.dead_event_id(&event),
            subscription_id: subscription.id,
            service: subscription.service.clone(),
            attempts: vec![failed(times, at, words(times))],
            event,
            at,
            reason: DeadReason::AttemptsExhausted,
            redriven: 0,
            job: None,
        }
    }

    /// A dead letter is owed to the subscription: its socket gets it, if it has one.
    pub(super) fn bring_dead_event(&self, dead_event: Arc<DeadEvent>) {
        let socket = self.attached.socket_of(dead_event.subscription_id);
        if let Some(socket) = socket.and_then(|socket| self.sockets.get(&socket)) {
            socket.do_send(SocketNews::DeadEvent(dead_event));
        }
    }
}

fn words(times: u32) -> String {
    format!("sent {times} times in a row to clients that did not settle it (delivery_limit)")
}

fn failed(number: u32, at: Timestamp, error: String) -> Attempt {
    Attempt {
        number,
        at,
        instance: None,
        outcome: AttemptOutcome::Failed,
        status_code: None,
        duration_ms: 0,
        error: Some(error),
    }
}

impl Handler<LoseEvents> for Subscriptions {
    type Result = ();

    fn handle(&mut self, mut lost: LoseEvents, ctx: &mut Context<Self>) {
        let outcome = self.lose(&mut lost);
        self.write_positions(ctx);
        if let Some(reply) = lost.reply {
            let _ = reply.send(outcome);
        }
    }
}

impl Handler<GiveUpEvent> for Subscriptions {
    type Result = ();

    /// The position passes the event together with its dead letter.
    fn handle(&mut self, up: GiveUpEvent, _: &mut Context<Self>) {
        let Ok(subscription) = self.had_by(up.id, up.socket) else {
            return;
        };
        let now = self.settings.clock.now();
        let through = up.event.sequence;
        let mut dead_event = self.given_up(&subscription, up.event, up.losses);
        if let (Some(said), Some(attempt)) =
            (self.lost.forget(up.id), dead_event.attempts.last_mut())
        {
            let words = attempt.error.take().unwrap_or_default();
            attempt.error = Some(format!("{said}; {words}"));
        }
        self.settings.metrics.notices.event_died(&dead_event, now);
        let mut facts = vec![Fact::Subscription(SubscriptionFact::EventDeadLettered(
            Arc::new(dead_event),
        ))];
        if subscription.is_durable() {
            let (id, at) = (up.id, self.settings.clock.wall());
            facts.push(Fact::Subscription(SubscriptionFact::PositionAcked(
                PositionAcked { id, at, through },
            )));
        }
        self.hops.event_store.do_send(Record::unasked(facts));
        self.subscriptions.positions.learn(up.id, through);
    }
}

impl Handler<EndRedelivery> for Subscriptions {
    type Result = ();

    /// A dead letter that was sent again arrived, or is a dead letter once more.
    fn handle(&mut self, end: EndRedelivery, _: &mut Context<Self>) {
        let dead_event = end.dead_event;
        let id = dead_event.subscription_id;
        let is_owed = self
            .subscriptions
            .dead_events_of(id)
            .iter()
            .any(|one| one.id == dead_event.id);
        if !is_owed || self.is_draining {
            return;
        }
        let (now, at) = (self.settings.clock.now(), self.settings.clock.wall());
        let number = dead_event.attempts.len() as u32 + 1;
        let fact = match end.error {
            None => Fact::Subscription(SubscriptionFact::EventDelivered(EventDelivered {
                id: dead_event.id,
                subscription_id: id,
                at,
                attempt: Attempt {
                    outcome: AttemptOutcome::Delivered,
                    error: None,
                    ..failed(number, at, String::new())
                },
            })),
            Some(error) => {
                let mut again = DeadEvent::clone(&dead_event);
                again.attempts.push(failed(number, at, error));
                (again.at, again.job) = (at, None);
                again.reason = DeadReason::AttemptsExhausted;
                self.settings.metrics.notices.event_died(&again, now);
                Fact::Subscription(SubscriptionFact::EventDeadLettered(Arc::new(again)))
            }
        };
        self.hops.event_store.do_send(Record::unasked(vec![fact]));
    }
}
