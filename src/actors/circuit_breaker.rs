//! Delivers the messages of one service, as fast as the service can bear.
//!
//! Owns the circuit, the balancer and what is in flight. Receives [`Deliver`] and
//! [`ServiceChanged`] from the Dispatcher; sends [`Record`] to the EventStore, [`WindowChanged`]
//! and [`GiveBack`] to the Scheduler, and what it saw of instances to the Registry. Keeps no queue:
//! what cannot be tried at once goes back.

mod attempt;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, AsyncContext, Context, Handler, Message, MessageResult, Recipient, SpawnHandle,
};
use rand::RngExt;

use super::death_watch::DeathWatch;
use super::messages::{
    CircuitView, Deliver, DeliverySeen, GiveBack, InspectCircuit, InstanceGone, Record,
    ServiceChanged, WindowChanged,
};
use crate::clock::Clock;
use crate::domain::circuit::CircuitState;
use crate::domain::fact::{AttemptOutcome, Fact};
use crate::domain::ids::{InstanceId, MessageId, ServiceName};
use crate::domain::service::{Outlook, Target};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::{Asked, RetryPolicy};
use crate::logic::balancer::{Balancer, capacity};
use crate::logic::breaker::{Breaker, BreakerPolicy, Ticket, Transition};
use crate::logic::outcome::{Answered, classify};
use crate::logic::push::push_request;
use crate::logic::queues::Delivery;
use crate::logic::verdict::verdict;
use crate::metrics::Metrics;
use crate::ports::transport::{PushAnswer, Transport};
use attempt::InFlight;

/// How many other instances are tried within one attempt.
const MOST_OTHERS: usize = 3;

pub struct CircuitBreaker {
    service: ServiceName,
    settings: Settings,
    hops: Hops,
    breaker: Breaker,
    balancer: Balancer,
    targets: Arc<[Target]>,
    has_puller: bool,
    /// Since when nobody is there to deliver to.
    alone_since: Option<Timestamp>,
    in_flight: HashMap<MessageId, InFlight, ahash::RandomState>,
    outcomes: Vec<Fact>,
    armed: bool,
    timer: Option<(Timestamp, SpawnHandle)>,
    told: Option<(u32, Outlook)>,
    _watch: DeathWatch,
}

#[derive(Clone)]
pub struct Settings {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub transport: Rc<dyn Transport>,
    pub retries: RetryPolicy,
    pub breaker: BreakerPolicy,
    pub strategy: Strategy,
    pub message_timeout: Duration,
}

/// Where a breaker's messages go.
#[derive(Clone)]
pub struct Hops {
    pub event_store: Recipient<Record>,
    pub give_back: Recipient<GiveBack>,
    /// The Scheduler and the Router.
    pub windows: [Recipient<WindowChanged>; 2],
    pub delivery_seen: Recipient<DeliverySeen>,
    pub instance_gone: Recipient<InstanceGone>,
}

impl Hops {
    pub fn tell_window(&self, changed: &WindowChanged) {
        for recipient in &self.windows {
            recipient.do_send(changed.clone());
        }
    }
}

/// Nothing goes out for the moment.
pub fn closed_door(service: &ServiceName) -> WindowChanged {
    WindowChanged {
        service: service.clone(),
        window: 0,
        outlook: Outlook::Ready,
        kinds: Arc::new([]),
    }
}

/// An instance answered, or did not.
#[derive(Message)]
#[rtype(result = "()")]
struct PushEnded {
    id: MessageId,
    instance: InstanceId,
    answer: PushAnswer,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

impl CircuitBreaker {
    pub fn new(service: ServiceName, settings: Settings, hops: Hops, watch: DeathWatch) -> Self {
        Self {
            service,
            breaker: Breaker::new(settings.breaker),
            balancer: Balancer::new(settings.strategy),
            settings,
            hops,
            targets: Arc::new([]),
            has_puller: false,
            alone_since: None,
            in_flight: HashMap::default(),
            outcomes: Vec::new(),
            armed: false,
            timer: None,
            told: None,
            _watch: watch,
        }
    }

    /// Begins an attempt; `None` if it was not begun and must go back.
    fn begin(&mut self, delivery: Delivery, now: Timestamp, ctx: &Context<Self>) -> Option<()> {
        let index = self.balancer.next(&self.targets, &[])?;
        let ticket = self.breaker.on_start(now)?;
        let _ = self.balancer.pick(&self.targets, &[]);
        let id = delivery.message.id;
        let in_flight = InFlight::new(delivery, ticket, now);
        self.in_flight.insert(id, in_flight);
        self.push(id, index, now, ctx);
        Some(())
    }

    /// Sends the message to one instance; the answer comes home as [`PushEnded`].
    fn push(&mut self, id: MessageId, index: usize, now: Timestamp, ctx: &Context<Self>) {
        let target = &self.targets[index];
        let in_flight = self.in_flight.get_mut(&id).expect("inserted by the caller");
        in_flight.tried.push(target.instance_id.clone());
        self.balancer.started(&target.instance_id);
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
        let Some(in_flight) = self.in_flight.get(&id) else {
            return false;
        };
        if in_flight.tried.len() > MOST_OTHERS || in_flight.delivery.message.is_expired(now) {
            return false;
        }
        let Some(index) = self.balancer.pick(&self.targets, &in_flight.tried) else {
            return false;
        };
        self.push(id, index, now, ctx);
        true
    }

    fn ended(&mut self, ended: PushEnded, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        self.balancer.finished(&ended.instance);
        let mut answered = classify(&ended.answer);
        if let Answered::Gone = answered {
            self.instance_gone(&ended);
        } else {
            let good = !matches!(answered, Answered::Failed { .. });
            let (service, instance_id) = (self.service.clone(), ended.instance.clone());
            self.hops.delivery_seen.do_send(DeliverySeen {
                service,
                instance_id,
                good,
            });
        }
        let others = matches!(answered, Answered::Failed { .. } | Answered::Gone);
        if others && self.fail_over(ended.id, now, ctx) {
            return;
        }
        // Who is left may take it later; only when nobody is, it is refused for good.
        if answered == Answered::Gone && !self.targets.is_empty() {
            answered = Answered::Failed { retry_after: None };
        }
        if let Some(in_flight) = self.in_flight.remove(&ended.id) {
            self.conclude(in_flight, &ended, answered, now, ctx);
        }
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
        let asked = match answered {
            Answered::Failed { retry_after, .. } => retry_after.map(Asked::AtLeast),
            _ => None,
        };
        let (message, ticket) = (in_flight.delivery.message.clone(), in_flight.ticket);
        let attempt = in_flight.attempt(&ended.answer, &ended.instance, answered, now);
        let transition = self.judge(ticket, attempt.outcome, now);
        self.transition(transition);
        let random = rand::rng().random();
        let policy = &self.settings.retries;
        self.outcomes
            .push(verdict(policy, &message, attempt, now, random, asked));
        if !self.armed {
            self.armed = true;
            ctx.notify(Flush);
        }
    }

    fn judge(
        &mut self,
        ticket: Ticket,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> Option<Transition> {
        match outcome {
            AttemptOutcome::Delivered => self.breaker.on_success(ticket),
            AttemptOutcome::Rejected => self.breaker.on_rejected(ticket),
            AttemptOutcome::Failed | AttemptOutcome::LeaseExpired => {
                self.breaker.on_failure(ticket, now)
            }
        }
    }

    /// 410: out of rotation here at once, and in the Registry.
    fn instance_gone(&mut self, ended: &PushEnded) {
        let instance = &ended.instance;
        let left = self
            .targets
            .iter()
            .filter(|target| target.instance_id != *instance);
        self.targets = left.cloned().collect();
        let asked_at = self
            .in_flight
            .get(&ended.id)
            .map(|in_flight| in_flight.started_at);
        self.hops.instance_gone.do_send(InstanceGone {
            service: self.service.clone(),
            instance_id: instance.clone(),
            asked_at: asked_at.unwrap_or_default(),
        });
    }

    fn transition(&self, transition: Option<Transition>) {
        let Some(Transition { from, to }) = transition else {
            return;
        };
        let (service, failures) = (&self.service, self.breaker.failure_count());
        let (from, to) = (from.name(), to.name());
        tracing::warn!(%service, from, to, failures, "circuit changed");
    }

    /// Tells the Scheduler and the Router how much may be under way, if that changed.
    fn tell_window(&mut self, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let full = capacity(&self.targets);
        if full > 0 || self.has_puller {
            self.alone_since = None;
        } else {
            self.alone_since.get_or_insert(now);
        }
        let window = self.breaker.window(full);
        let outlook = self.outlook();
        if self.told != Some((window, outlook)) {
            self.told = Some((window, outlook));
            self.settings
                .metrics
                .show_circuit(self.service.as_str(), self.breaker.state());
            let service = self.service.clone();
            self.hops.tell_window(&WindowChanged {
                service,
                window,
                outlook,
                kinds: Arc::new([]),
            });
        }
        self.arm_timer(now, ctx);
    }

    fn outlook(&self) -> Outlook {
        if let Some(since) = self.alone_since {
            return Outlook::NoInstance { since };
        }
        // Who pulls is not pushed to, so the circuit does not stand in the way.
        if self.has_puller {
            return Outlook::Ready;
        }
        match (self.breaker.state(), self.breaker.open_until()) {
            (CircuitState::Open, Some(until)) => Outlook::CircuitOpen { until },
            (CircuitState::HalfOpen, _) => Outlook::Trial,
            _ => Outlook::Ready,
        }
    }

    fn arm_timer(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let next = self.breaker.next_tick();
        if next == self.timer.map(|(at, _)| at) {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        if let Some(at) = next {
            let handle = ctx.run_later(at.since(now), |breaker, ctx| {
                breaker.timer = None;
                let transition = breaker.breaker.tick(breaker.settings.clock.now());
                breaker.transition(transition);
                breaker.tell_window(ctx);
            });
            self.timer = Some((at, handle));
        }
    }
}

impl Actor for CircuitBreaker {
    type Context = Context<Self>;
}

impl Handler<ServiceChanged> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, changed: ServiceChanged, ctx: &mut Context<Self>) {
        self.targets = changed.targets;
        self.has_puller = changed.has_puller;
        self.tell_window(ctx);
    }
}

impl Handler<Deliver> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Context<Self>) {
        let now = self.settings.clock.now();
        let mut back = Vec::new();
        for delivery in deliver.deliveries {
            let id = delivery.message.id;
            if self.begin(delivery, now, ctx).is_none() {
                back.push(id);
            }
        }
        // First the window, so that what goes back is not sent here again.
        self.tell_window(ctx);
        if !back.is_empty() {
            self.hops.give_back.do_send(GiveBack { ids: back });
        }
    }
}

impl Handler<PushEnded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, ended: PushEnded, ctx: &mut Context<Self>) {
        self.ended(ended, ctx);
        self.tell_window(ctx);
    }
}

impl Handler<Flush> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Context<Self>) {
        self.armed = false;
        let facts = std::mem::take(&mut self.outcomes);
        self.hops.event_store.do_send(Record::unasked(facts));
    }
}

impl Handler<InspectCircuit> for CircuitBreaker {
    type Result = MessageResult<InspectCircuit>;

    fn handle(&mut self, _: InspectCircuit, _: &mut Context<Self>) -> Self::Result {
        MessageResult(CircuitView {
            service: self.service.clone(),
            state: self.breaker.state(),
            failure_count: self.breaker.failure_count(),
            last_failure: self.breaker.last_failure(),
            open_until: self.breaker.open_until(),
            reset_timeout: self.settings.breaker.reset_timeout,
            in_flight: u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX),
            window: self.breaker.window(capacity(&self.targets)),
        })
    }
}

#[cfg(test)]
mod tests;
