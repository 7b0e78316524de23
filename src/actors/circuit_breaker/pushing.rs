//! One message to one instance after the other, until one takes it or the attempt has failed.

use actix::{AsyncContext, Context, Handler, Message};
use rand::RngExt;

use super::attempt::InFlight;
use super::{CircuitBreaker, MOST_OTHERS};
use crate::actors::messages::registry::{DeliverySeen, InstanceGone};
use crate::actors::messages::scheduler::GiveBack;
use crate::domain::ids::MessageId;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::RequestedDelay;
use crate::logic::balancer::{AttemptEnding, PickRequest};
use crate::logic::breaker::Transition;
use crate::logic::outcome::{Answered, Rejection, classify};
use crate::logic::push::push_request;
use crate::logic::queues::Delivery;
use crate::logic::verdict::verdict;
use crate::ports::transport::PushResponse;

/// An instance answered, or did not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PushEnded {
    id: MessageId,
    answer: PushResponse,
}

impl CircuitBreaker {
    /// Begins an attempt; `None` if it was not begun and must go back.
    pub(super) fn begin(
        &mut self,
        delivery: Delivery,
        now: Timestamp,
        ctx: &Context<Self>,
    ) -> Option<()> {
        let request = PickRequest {
            message_type: Some(&delivery.message.message_type),
            exclude: &[],
        };
        // The ticket comes last: a trial that is admitted begins.
        let index = self.balancer.pick(&request, now, rand::rng().random())?;
        let ticket = self.shell.circuit.breaker.on_start(now)?;
        self.balancer.started(index, &request);
        let target = self.balancer.targets()[index].clone();
        let in_flight = InFlight::new(delivery, ticket, target, now);
        self.push(in_flight, self.settings.clock.moment(), ctx);
        Some(())
    }

    /// Sends the message to the instance it is meant for; the answer comes home as [`PushEnded`].
    fn push(&mut self, mut in_flight: InFlight, now: Moment, ctx: &Context<Self>) {
        let id = in_flight.delivery.message.id;
        let instance = in_flight.pushed_to.instance_id.clone();
        in_flight.tried.push(instance);
        in_flight.pushed_at = now.hub;
        let (message, target) = (&in_flight.delivery.message, &in_flight.pushed_to);
        tracing::debug!(
            %id,
            correlation_id = message.correlation_id(),
            service = %self.service,
            instance = %target.instance_id,
            url = target.address.url,
            attempt = in_flight.delivery.attempt,
            "message handed out"
        );
        let request = push_request(
            &in_flight.delivery,
            &in_flight.pushed_to.address,
            self.settings.retries.max_attempts,
            self.settings.message_timeout,
            now,
        );
        self.in_flight.insert(id, in_flight);
        let answer = self.settings.transport.push(request);
        let home = ctx.address();
        actix::spawn(async move {
            let answer = answer.await;
            home.do_send(PushEnded { id, answer });
        });
    }

    /// Another instance within the same attempt, if there is one, the circuit has not changed since
    /// and the message is still wanted; otherwise the attempt is handed back.
    fn fail_over(
        &mut self,
        mut in_flight: InFlight,
        at: Moment,
        ctx: &Context<Self>,
    ) -> Option<InFlight> {
        let (delivery, now) = (&in_flight.delivery, at.hub);
        let message = &delivery.message;
        let is_spent = in_flight.tried.len() > MOST_OTHERS || delivery.is_expired(at);
        // A circuit that changed meanwhile may be open, or let nobody but its trials through.
        if is_spent || !self.shell.circuit.breaker.is_current(in_flight.ticket) {
            return Some(in_flight);
        }
        let request = PickRequest {
            message_type: Some(&message.message_type),
            exclude: &in_flight.tried,
        };
        let Some(index) = self.balancer.pick(&request, now, rand::rng().random()) else {
            in_flight.others_full = self.balancer.is_only_full(&request, now);
            return Some(in_flight);
        };
        self.balancer.started(index, &request);
        in_flight.pushed_to = self.balancer.targets()[index].clone();
        self.push(in_flight, at, ctx);
        None
    }

    fn ended(&mut self, ended: &PushEnded, ctx: &mut Context<Self>) {
        // Out of what is in flight before the instances change, or it would count among the types
        // under way with an instance that it has left.
        let Some(mut in_flight) = self.in_flight.remove(&ended.id) else {
            return;
        };
        let now = self.settings.clock.moment();
        let answered = classify(&ended.answer);
        in_flight.heard(answered, now.hub);
        let moved = self.balancer.has_moved(&in_flight.pushed_to);
        self.observe(&in_flight, answered, moved, now.hub);
        if answered == Answered::NotTried && in_flight.tried.len() == 1 {
            return self.not_tried(&in_flight);
        }
        let others = matches!(answered, Answered::Failed { .. } | Answered::Gone);
        let over = match others {
            true => self.fail_over(in_flight, now, ctx),
            false => Some(in_flight),
        };
        if let Some(in_flight) = over {
            self.conclude(in_flight, &ended.answer, answered, moved, now, ctx);
        }
    }

    /// The hub lacked something of its own, and the transport has waited a moment for it. Nobody saw
    /// the attempt, so it is none, and the message is the next to be tried.
    fn not_tried(&mut self, in_flight: &InFlight) {
        self.shell.circuit.breaker.on_abandoned(in_flight.ticket);
        self.balancer.look_again();
        let ids = vec![in_flight.delivery.message.id];
        self.hops.give_back.do_send(GiveBack { ids });
    }

    /// What the answer says of the instance; from where it was before it `moved`: nothing.
    fn observe(&mut self, in_flight: &InFlight, answered: Answered, moved: bool, now: Timestamp) {
        let ending = match answered {
            _ if moved => AttemptEnding::Untold,
            Answered::Gone | Answered::CutShort | Answered::NotTried => AttemptEnding::Untold,
            Answered::Failed { .. } => AttemptEnding::Failed,
            Answered::Rejected(Rejection::Address) => AttemptEnding::Failed,
            Answered::Delivered | Answered::Rejected(Rejection::Message) => {
                AttemptEnding::Answered(now.since(in_flight.pushed_at))
            }
        };
        let (target, message_type) = (
            &in_flight.pushed_to,
            &in_flight.delivery.message.message_type,
        );
        self.balancer.finished(target, message_type, ending, now);
        if moved {
            return;
        }
        if answered == Answered::Gone {
            return self.instance_gone(in_flight);
        }
        // That it takes one message or refuses another says nothing of its health.
        if ending == AttemptEnding::Untold || answered == Answered::Rejected(Rejection::Message) {
            return;
        }
        self.hops.delivery_seen.do_send(DeliverySeen {
            service: self.service.clone(),
            instance_id: target.instance_id.clone(),
            address: target.address.clone(),
            good: ending != AttemptEnding::Failed,
        });
    }

    /// 410: out of rotation here at once, and in the Registry.
    fn instance_gone(&mut self, in_flight: &InFlight) {
        let gone = &in_flight.pushed_to;
        let left = self.balancer.targets().iter();
        let left = left.filter(|target| target.instance_id != gone.instance_id);
        let left = left.cloned().collect();
        self.set_targets(left);
        self.hops.instance_gone.do_send(InstanceGone {
            service: self.service.clone(),
            instance_id: gone.instance_id.clone(),
            address: gone.address.clone(),
            asked_at: self.settings.clock.moment().wall_time(in_flight.pushed_at),
        });
    }

    /// The attempt is over: tell the circuit, write down what follows.
    fn conclude(
        &mut self,
        in_flight: InFlight,
        answer: &PushResponse,
        answered: Answered,
        moved: bool,
        now: Moment,
        ctx: &mut Context<Self>,
    ) {
        let meaning = match answered {
            // Who is left may take it later; only when nobody is, it is refused for good.
            Answered::Gone if !self.balancer.targets().is_empty() => {
                Answered::Failed { retry_after: None }
            }
            answered => answered,
        };
        let asked = in_flight.not_before.map(|at| at.since(now.hub));
        let asked = asked.map(RequestedDelay::AtLeast);
        let attempt = in_flight.attempt(answer, meaning, now);
        let transition = self.judge(&in_flight, answered, moved, now.hub);
        self.changed_by_itself(transition, attempt.error.as_deref(), now, ctx);
        let random = rand::rng().random();
        let (policy, message) = (&self.settings.retries, &in_flight.delivery.message);
        let by = (now.wall, in_flight.delivery.is_expired(now));
        let fact = verdict(policy, message, attempt, by, random, asked);
        self.record(fact, ctx);
    }

    /// What the attempt says of the service. That an instance left says nothing, nor that one
    /// failed where it is no more, or while others, full as they are, do well, nor what the hub broke
    /// off.
    fn judge(
        &mut self,
        in_flight: &InFlight,
        answered: Answered,
        moved: bool,
        now: Timestamp,
    ) -> Option<Transition> {
        let ticket = in_flight.ticket;
        match answered {
            Answered::Delivered => self.shell.circuit.breaker.on_success(ticket, now),
            Answered::Rejected(rejection) if !moved => self
                .shell
                .circuit
                .breaker
                .on_rejected(ticket, rejection, now),
            Answered::Failed { .. } if !in_flight.others_full && !moved => {
                self.shell.circuit.breaker.on_failure(ticket, now)
            }
            Answered::Rejected(_)
            | Answered::Failed { .. }
            | Answered::Gone
            | Answered::CutShort
            | Answered::NotTried => {
                self.shell.circuit.breaker.on_abandoned(ticket);
                None
            }
        }
    }
}

impl Handler<PushEnded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, ended: PushEnded, ctx: &mut Context<Self>) {
        self.ended(&ended, ctx);
        self.tell_who_left();
        self.tell_window(ctx);
    }
}
