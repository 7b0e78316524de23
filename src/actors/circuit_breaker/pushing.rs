//! One message to one instance after the other, until one takes it or the attempt has failed.

use actix::{AsyncContext, Context, Handler, Message};
use rand::RngExt;

use super::attempt::InFlight;
use super::{CircuitBreaker, MOST_OTHERS};
use crate::actors::messages::{DeliverySeen, InstanceGone};
use crate::domain::ids::{InstanceId, MessageId};
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::Asked;
use crate::logic::balancer::{Ask, Ending};
use crate::logic::breaker::Transition;
use crate::logic::outcome::{Answered, classify};
use crate::logic::push::push_request;
use crate::logic::queues::Delivery;
use crate::logic::verdict::verdict;
use crate::ports::transport::PushAnswer;

/// An instance answered, or did not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PushEnded {
    id: MessageId,
    instance: InstanceId,
    answer: PushAnswer,
}

impl CircuitBreaker {
    /// Begins an attempt; `None` if it was not begun and must go back.
    pub(super) fn begin(
        &mut self,
        delivery: Delivery,
        now: Timestamp,
        ctx: &Context<Self>,
    ) -> Option<()> {
        let ask = Ask {
            kind: Some(&delivery.message.kind),
            exclude: &[],
        };
        // The ticket comes last: a trial that is admitted begins.
        let index = self.balancer.pick(&ask, now, rand::rng().random())?;
        let ticket = self.breaker.on_start(now)?;
        self.balancer.started(index, &ask);
        let id = delivery.message.id;
        let in_flight = InFlight::new(delivery, ticket, now);
        self.in_flight.insert(id, in_flight);
        self.push(id, index, now, ctx);
        Some(())
    }

    /// Sends the message to one instance; the answer comes home as [`PushEnded`].
    fn push(&mut self, id: MessageId, index: usize, now: Timestamp, ctx: &Context<Self>) {
        let target = &self.balancer.targets()[index];
        let in_flight = self.in_flight.get_mut(&id).expect("inserted by the caller");
        in_flight.tried.push(target.instance_id.clone());
        in_flight.pushed_at = now;
        let request = push_request(
            &in_flight.delivery,
            &target.address,
            self.settings.retries.max_attempts,
            self.settings.message_timeout,
            now,
        );
        let answer = self.settings.transport.push(request);
        let (home, instance) = (ctx.address(), target.instance_id.clone());
        actix::spawn(async move {
            let answer = answer.await;
            home.do_send(PushEnded {
                id,
                instance,
                answer,
            });
        });
    }

    /// Another instance within the same attempt, if there is one and the message is still wanted.
    fn fail_over(&mut self, id: MessageId, now: Timestamp, ctx: &Context<Self>) -> bool {
        let Some(in_flight) = self.in_flight.get_mut(&id) else {
            return false;
        };
        let message = &in_flight.delivery.message;
        if in_flight.tried.len() > MOST_OTHERS || message.is_expired(now) {
            return false;
        }
        let ask = Ask {
            kind: Some(&message.kind),
            exclude: &in_flight.tried,
        };
        let Some(index) = self.balancer.pick(&ask, now, rand::rng().random()) else {
            in_flight.others_full = self.balancer.is_only_full(&ask, now);
            return false;
        };
        self.balancer.started(index, &ask);
        self.push(id, index, now, ctx);
        true
    }

    fn ended(&mut self, ended: &PushEnded, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let answered = classify(&ended.answer);
        self.observe(ended, answered, now);
        let others = matches!(answered, Answered::Failed { .. } | Answered::Gone);
        if others && self.fail_over(ended.id, now, ctx) {
            return;
        }
        if let Some(in_flight) = self.in_flight.remove(&ended.id) {
            self.conclude(in_flight, ended, answered, now, ctx);
        }
    }

    /// What the answer says of the instance.
    fn observe(&mut self, ended: &PushEnded, answered: Answered, now: Timestamp) {
        // As long as the attempt still counts as being in flight with it.
        if answered == Answered::Gone {
            self.instance_gone(ended);
        }
        let Some(in_flight) = self.in_flight.get(&ended.id) else {
            return;
        };
        let ending = match answered {
            Answered::Gone => Ending::Gone,
            Answered::Failed { .. } => Ending::Failed,
            Answered::Delivered | Answered::Rejected => {
                Ending::Answered(now.since(in_flight.pushed_at))
            }
        };
        let (instance, kind) = (&ended.instance, &in_flight.delivery.message.kind);
        self.balancer.finished(instance, kind, ending, now);
        if ending != Ending::Gone {
            self.hops.delivery_seen.do_send(DeliverySeen {
                service: self.service.clone(),
                instance_id: instance.clone(),
                good: ending != Ending::Failed,
            });
        }
    }

    /// 410: out of rotation here at once, and in the Registry.
    fn instance_gone(&mut self, ended: &PushEnded) {
        let left = self.balancer.targets().iter();
        let left = left.filter(|target| target.instance_id != ended.instance);
        let left = left.cloned().collect();
        self.set_targets(left);
        let attempt = self.in_flight.get(&ended.id);
        let asked_at = attempt.map(|attempt| attempt.started_at);
        self.hops.instance_gone.do_send(InstanceGone {
            service: self.service.clone(),
            instance_id: ended.instance.clone(),
            asked_at: asked_at.unwrap_or_default(),
        });
    }

    /// The attempt is over: tell the circuit, write down what follows.
    fn conclude(
        &mut self,
        in_flight: InFlight,
        ended: &PushEnded,
        answered: Answered,
        now: Timestamp,
        ctx: &mut Context<Self>,
    ) {
        let (meaning, asked) = match answered {
            // Who is left may take it later; only when nobody is, it is refused for good.
            Answered::Gone if !self.balancer.targets().is_empty() => {
                (Answered::Failed { retry_after: None }, None)
            }
            Answered::Failed { retry_after } => (answered, retry_after.map(Asked::AtLeast)),
            _ => (answered, None),
        };
        let attempt = in_flight.attempt(&ended.answer, &ended.instance, meaning, now);
        let transition = self.judge(&in_flight, answered, now);
        self.changed_by_itself(transition, attempt.error.as_deref(), now, ctx);
        let random = rand::rng().random();
        let (policy, message) = (&self.settings.retries, &in_flight.delivery.message);
        let fact = verdict(policy, message, attempt, now, random, asked);
        self.record(fact, ctx);
    }

    /// What the attempt says of the service. That an instance left says nothing, nor that one
    /// failed while others, full as they are, do well.
    fn judge(
        &mut self,
        in_flight: &InFlight,
        answered: Answered,
        now: Timestamp,
    ) -> Option<Transition> {
        let ticket = in_flight.ticket;
        match answered {
            Answered::Delivered => self.breaker.on_success(ticket, now),
            Answered::Rejected => self.breaker.on_rejected(ticket, now),
            Answered::Failed { .. } if !in_flight.others_full => {
                self.breaker.on_failure(ticket, now)
            }
            Answered::Failed { .. } | Answered::Gone => {
                self.breaker.on_abandoned(ticket);
                None
            }
        }
    }
}

impl Handler<PushEnded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, ended: PushEnded, ctx: &mut Context<Self>) {
        self.ended(&ended, ctx);
        self.tell_window(ctx);
    }
}
