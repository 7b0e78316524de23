//! One event to the callback, and what follows from its answer.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message};
use rand::RngExt;

use super::Subscription;
use super::lanes::{LaneId, Push};
use crate::actors::messages::callback_circuit::{AwaitTurn, EventPushed, PushEnd, PushEvent};
use crate::actors::messages::event_store::Record;
use crate::actors::messages::subscriptions::SubscriptionNews;
use crate::domain::attempt::Attempt;
use crate::domain::circuit::Origin;
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::Sequence;
use crate::domain::fact::Fact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::moment::Moment;
use crate::domain::subscription::{DeadEvent, EventDelivered};
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::{EndedDelivery, Outcome, conclude};
use crate::logic::outcome::{classify, describe, status_code};
use crate::logic::webhook::{Handing, push_request};
use crate::ports::transport::PushResponse;

/// A dead letter of its own is in the journal.
#[derive(Message)]
#[rtype(result = "()")]
struct DeadEventRecorded;

impl Subscription {
    pub(super) fn begin_pushes(&mut self, now: Timestamp, ctx: &Context<Self>) {
        while self.flow.may_try() {
            let Some((lane, sequence)) = self.next(now) else {
                return;
            };
            self.push(lane, sequence, now, ctx);
            self.flow.tried();
        }
        if self.next(now).is_some() && self.flow.asks() {
            let to = ctx.address().recipient();
            self.circuit.wait.do_send(AwaitTurn { to });
        }
    }

    fn push(&mut self, lane: LaneId, sequence: Sequence, now: Timestamp, ctx: &Context<Self>) {
        let Some((event, number)) = self.start(lane, sequence, now) else {
            return;
        };
        tracing::debug!(
            event = %event.id,
            correlation_id = event.correlation_id(),
            subscription = %self.subscription.id,
            attempt = number,
            "event handed to a callback"
        );
        let handing = Handing {
            event: &event,
            callback: self.callback(),
            attempt: number,
            max_attempts: self.settings.retries.max_attempts,
            is_replay: matches!(lane, LaneId::Replay(_)),
        };
        let wall = self.settings.clock.wall();
        let request = push_request(&handing, self.settings.message_timeout, wall);
        self.last_push += 1;
        let push = Push {
            lane,
            sequence,
            number,
            started_at: now,
            origin: self.circuit.origin.clone(),
        };
        self.pushes.insert(self.last_push, push);
        self.circuit.push.do_send(PushEvent {
            push: self.last_push,
            request,
            to: ctx.address().recipient(),
        });
    }

    /// Nobody will tell how the pushes there went.
    pub(super) fn circuit_lost(&mut self, origin: &Origin) {
        let now = self.settings.clock.now();
        let lost: Vec<u64> = self
            .pushes
            .iter()
            .filter(|(_, push)| push.origin == *origin)
            .map(|(number, _)| *number)
            .collect();
        for number in lost {
            self.give_back(number, now);
        }
        if self.circuit.origin == *origin {
            self.flow.circuit_changed();
            self.progress.is_circuit_open = false;
        }
    }

    fn give_back(&mut self, number: u64, now: Timestamp) {
        if let Some(push) = self.pushes.remove(&number)
            && let Some(window) = self.window(push.lane)
        {
            window.give_back(push.sequence, now);
        }
    }

    fn answered(&mut self, push: &Push, answer: &PushResponse, ctx: &Context<Self>) {
        let moment = self.settings.clock.moment();
        let now = moment.hub;
        let answered = classify(answer);
        let attempt = attempt(push, answer, moment);
        let random = rand::rng().random();
        let outcome = conclude(&self.settings.retries, answered, push.number, now, random);
        self.tell_outcome(push, &attempt, outcome);
        self.settings.metrics.subscriptions.count_delivery(outcome);
        self.progress.last_error.clone_from(&attempt.error);
        match outcome {
            Outcome::Delivered => {
                self.progress.failures = 0;
                self.failing_told = false;
                self.delivered(push, attempt);
            }
            Outcome::RetryAt(at) => {
                if let Some(window) = self.window(push.lane) {
                    window.failed(push.sequence, attempt, at);
                }
                self.count_failure(false);
            }
            Outcome::Dead(reason) => {
                self.died(push, attempt, reason, ctx);
                self.count_failure(true);
            }
            Outcome::Gone => {
                if let Some(window) = self.window(push.lane) {
                    window.give_back(push.sequence, now);
                }
                self.flow.gone();
                let id = self.subscription.id;
                self.hops.parent.do_send(SubscriptionNews::Gone { id });
                self.count_failure(true);
            }
        }
        // With no room beside what is tried again, nothing else could begin.
        let holds_up = matches!(outcome, Outcome::RetryAt(_)) && !self.live.has_room();
        self.flow.answered(holds_up);
    }

    fn delivered(&mut self, push: &Push, attempt: Attempt) {
        let Some(ended) = self.end(push, attempt.clone()) else {
            return;
        };
        if push.lane != LaneId::DeadEvent {
            return;
        }
        self.dead_events.in_hand.remove(&push.sequence);
        self.record(Fact::Subscription(SubscriptionFact::EventDelivered(
            EventDelivered {
                id: self.subscription.id.dead_event_id(&ended.event),
                subscription_id: self.subscription.id,
                at: self.settings.clock.wall(),
                attempt,
            },
        )));
    }

    fn died(&mut self, push: &Push, attempt: Attempt, reason: DeadReason, ctx: &Context<Self>) {
        let Some(ended) = self.end(push, attempt) else {
            return;
        };
        let before = match push.lane {
            LaneId::DeadEvent => self.dead_events.in_hand.remove(&push.sequence),
            LaneId::Live | LaneId::Replay(_) => None,
        };
        let dead_event = self.dead_event_of(ended, before.as_deref(), reason);
        let now = self.settings.clock.now();
        self.settings.metrics.notices.event_died(&dead_event, now);
        self.record_dead_event(Arc::new(dead_event), ctx);
    }

    /// At DEBUG, what an answer of the callback means for the event.
    fn tell_outcome(&mut self, push: &Push, attempt: &Attempt, outcome: Outcome) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let subscription = self.subscription.id;
        let window = self.window(push.lane);
        let event = window.and_then(|window| window.event(push.sequence));
        let (word, retry_at) = match outcome {
            Outcome::Delivered => ("delivered", None),
            Outcome::RetryAt(at) => ("attempt failed", Some(at)),
            Outcome::Dead(_) => ("dead", None),
            Outcome::Gone => ("the callback is gone", None),
        };
        tracing::debug!(
            event = event.map(|event| tracing::field::display(event.id)),
            correlation_id = event.map(|event| event.correlation_id()),
            %subscription,
            sequence = push.sequence,
            attempt = attempt.number,
            error = attempt.error,
            retry_at = retry_at.map(tracing::field::display),
            "event: {word}"
        );
    }

    fn record_dead_event(&mut self, dead_event: Arc<DeadEvent>, ctx: &Context<Self>) {
        self.flow.dead_event_sent();
        let (facts, home) = (
            vec![Fact::Subscription(SubscriptionFact::EventDeadLettered(
                dead_event,
            ))],
            ctx.address(),
        );
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(DeadEventRecorded);
        });
    }

    /// `before` is the dead letter it was, if it was sent again.
    fn dead_event_of(
        &self,
        ended: EndedDelivery,
        before: Option<&DeadEvent>,
        reason: DeadReason,
    ) -> DeadEvent {
        let mut attempts = before.map_or_else(Vec::new, |dead_event| dead_event.attempts.clone());
        attempts.extend(ended.attempts);
        DeadEvent {
            id: self.subscription.id.dead_event_id(&ended.event),
            subscription_id: self.subscription.id,
            service: self.subscription.service.clone(),
            event: ended.event,
            at: self.settings.clock.wall(),
            reason,
            attempts,
            redriven: before.map_or(0, |dead_event| dead_event.redriven),
            job: None,
        }
    }

    /// The event is done with, in its lane.
    fn end(&mut self, push: &Push, attempt: Attempt) -> Option<EndedDelivery> {
        let ended = self.window(push.lane)?.end(push.sequence, attempt)?;
        match push.lane {
            LaneId::Live => {
                self.progress.worked_through = self.live.position();
                self.follower.release(ended.event.bytes());
            }
            LaneId::Replay(id) => self.replayed(id),
            LaneId::DeadEvent => {}
        }
        Some(ended)
    }

    pub(super) fn record(&self, fact: Fact) {
        self.hops.event_store.do_send(Record::unasked(vec![fact]));
    }
}

fn attempt(push: &Push, answer: &PushResponse, now: Moment) -> Attempt {
    let outcome = classify(answer).outcome();
    Attempt {
        status_code: status_code(answer),
        error: describe(answer),
        ..Attempt::ended(push.number, outcome, push.started_at, now)
    }
}

impl Handler<EventPushed> for Subscription {
    type Result = ();

    fn handle(&mut self, pushed: EventPushed, ctx: &mut Context<Self>) {
        match pushed.end {
            PushEnd::NotNow { is_open, until } => {
                self.give_back(pushed.push, self.settings.clock.now());
                self.flow.not_now(is_open);
                self.circuit_open(is_open, until);
            }
            // It was not sent, and has waited a moment for what the hub lacked.
            PushEnd::Answered(PushResponse::NotTried { error }) => {
                self.give_back(pushed.push, self.settings.clock.now());
                self.progress.last_error = Some(error);
            }
            PushEnd::Answered(answer) => {
                if let Some(push) = self.pushes.remove(&pushed.push) {
                    self.answered(&push, &answer, ctx);
                }
            }
        }
        self.go_on(ctx);
    }
}

impl Handler<DeadEventRecorded> for Subscription {
    type Result = ();

    fn handle(&mut self, _: DeadEventRecorded, ctx: &mut Context<Self>) {
        self.flow.dead_event_recorded();
        self.go_on(ctx);
    }
}
