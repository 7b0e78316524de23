//! Delivers the messages of one service, as fast as the service can bear.
//!
//! Owns the circuit, the balancer and what is in flight. Receives [`Deliver`], [`ServiceChanged`]
//! and what clients ask of the circuit from the Dispatcher; sends [`Record`] to the EventStore,
//! [`WindowChanged`] and [`GiveBack`] to the Scheduler, and what it saw of instances to the
//! Registry. Keeps no queue: what cannot be tried at once goes back.

mod attempt;
mod changes;
mod leaving;
mod pushing;
mod told;
mod window;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};
use rand::RngExt;

use super::circuit::{CircuitShell, Leave};
use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::circuit_breaker::Deliver;
use super::messages::dispatcher::{CircuitTurned, PickInstance, ServiceChanged};
use super::messages::event_store::Record;
use super::messages::registry::{DeliverySeen, InstanceGone};
use super::messages::scheduler::{GiveBack, WindowChanged};
use super::timer::Timer;
use crate::clock::Clock;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::fact::Fact;
use crate::domain::ids::{InstanceId, MessageId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Outlook, Target};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::RetryPolicy;
use crate::logic::balancer::capacity::Capacity;
use crate::logic::balancer::{Balancer, PickRequest};
use crate::logic::breaker::BreakerPolicy;
use crate::logic::circuit::Circuit;
use crate::logic::service_view::PickedInstance;
use crate::metrics::Metrics;
use crate::ports::transport::Transport;
use attempt::InFlight;
use told::Told;

/// How many other instances are tried within one attempt.
const MOST_OTHERS: usize = 3;

pub struct CircuitBreaker {
    service: ServiceName,
    settings: Settings,
    hops: Hops,
    shell: CircuitShell,
    balancer: Balancer,
    /// It knows its instances.
    begun: bool,
    has_puller: bool,
    /// Nobody is expected.
    is_left: bool,
    /// Nobody needs it any more: it ends with what it has under way, and says nothing of it.
    is_leaving: bool,
    /// Since when nobody is there to deliver to.
    alone_since: Option<Timestamp>,
    in_flight: HashMap<MessageId, InFlight, ahash::RandomState>,
    /// Instances that take nothing new and may have something in flight.
    leaving: Vec<InstanceId>,
    outcomes: Vec<Fact>,
    armed: bool,
    timer: Timer,
    told: Option<Told>,
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
    /// The Scheduler.
    pub window: Recipient<WindowChanged>,
    /// The Router, which needs no numbers.
    pub outlook: Recipient<WindowChanged>,
    pub delivery_seen: Recipient<DeliverySeen>,
    pub instance_gone: Recipient<InstanceGone>,
}

impl Hops {
    pub fn tell_window(&self, changed: &WindowChanged) {
        self.window.do_send(changed.clone());
        self.outlook.do_send(changed.clone());
    }
}

/// Nothing goes out for the moment.
pub fn closed_window(service: &ServiceName) -> WindowChanged {
    WindowChanged {
        service: service.clone(),
        window: 0,
        outlook: Outlook::Ready,
        types: Arc::new([]),
    }
}

/// Nobody is there, nor expected.
pub fn left_window(service: &ServiceName) -> WindowChanged {
    WindowChanged {
        outlook: Outlook::Left,
        ..closed_window(service)
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

impl CircuitBreaker {
    pub fn new(
        service: ServiceName,
        settings: Settings,
        hops: Hops,
        owner: Recipient<CircuitTurned>,
        watch: DeathWatch,
    ) -> Self {
        let circuit = Circuit::new(CircuitName::Service(service.clone()), settings.breaker);
        Self {
            shell: CircuitShell::new(circuit, settings.metrics.clone(), owner),
            service,
            balancer: Balancer::new(settings.strategy),
            settings,
            hops,
            begun: false,
            has_puller: false,
            is_left: false,
            is_leaving: false,
            alone_since: None,
            in_flight: HashMap::default(),
            leaving: Vec::new(),
            outcomes: Vec::new(),
            armed: false,
            timer: Timer::default(),
            told: None,
            _watch: watch,
        }
    }

    fn set_targets(&mut self, targets: Arc<[Target]>) {
        self.note_who_leaves(&targets);
        let in_flight = self.in_flight.values();
        let under_way = in_flight.map(|in_flight| &in_flight.delivery.message.message_type);
        self.balancer.set_targets(targets, under_way);
    }

    /// How much the Scheduler, which counts all that it sent, may have under way: nothing when
    /// open, else what is in flight and as much as may begin. So what lingers is no hindrance:
    /// with who left or takes less than it has, or from before the circuit's present state.
    fn window_with_lingering(&self, capacity: Capacity) -> u32 {
        if self.shell.circuit.breaker.state() == CircuitState::Open {
            return 0;
        }
        let counted = || {
            let in_flight = self.in_flight.values();
            let counted = in_flight.filter(|in_flight| {
                self.shell.circuit.breaker.is_current(in_flight.ticket)
                    && self.balancer.is_serving(&in_flight.pushed_to)
            });
            u32::try_from(counted.count()).unwrap_or(u32::MAX)
        };
        let room = self
            .shell
            .circuit
            .breaker
            .room(capacity.full, capacity.free, counted);
        let in_flight = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        in_flight.saturating_add(room)
    }

    /// Writes down what happened, together with what else happens now.
    fn record(&mut self, fact: Fact, ctx: &mut Context<Self>) {
        self.outcomes.push(fact);
        if !self.armed {
            self.armed = true;
            ctx.notify(Flush);
        }
    }

    fn take_turn(&mut self, request: &PickRequest<'_>) -> Option<PickedInstance> {
        let now = self.settings.clock.now();
        let index = self.balancer.next(request, now, rand::rng().random())?;
        let target = &self.balancer.targets()[index];
        Some(PickedInstance {
            instance_id: target.instance_id.clone(),
            url: target.address.url.clone(),
        })
    }
}

impl Actor for CircuitBreaker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
    }
}

impl Invariants for CircuitBreaker {
    fn check(&self) -> usize {
        let in_flight = self.in_flight.values();
        let tickets = in_flight.clone().map(|in_flight| in_flight.ticket);
        self.shell.circuit.breaker.check(tickets);
        let is_busy = |id: &InstanceId| {
            let mut in_flight = self.in_flight.values();
            in_flight.any(|in_flight| in_flight.pushed_to.instance_id == *id)
        };
        assert!(
            self.leaving.iter().all(is_busy),
            "who has nothing in flight has left"
        );
        assert!(
            self.armed || self.outcomes.is_empty(),
            "outcomes are written down"
        );
        let in_flight = in_flight.map(|in_flight| {
            let message_type = &in_flight.delivery.message.message_type;
            (&in_flight.pushed_to, message_type)
        });
        self.balancer.check(in_flight)
    }
}

impl Handler<ServiceChanged> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, changed: ServiceChanged, ctx: &mut Context<Self>) {
        let strategy = changed.strategy.unwrap_or(self.settings.strategy);
        self.balancer.set_strategy(strategy);
        self.set_targets(changed.targets);
        self.has_puller = changed.has_puller;
        self.is_left = changed.is_left;
        if !self.begun {
            self.begun = true;
            if let Some(forced) = changed.forced {
                self.resume(forced, ctx);
            }
        }
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
        if !back.is_empty() {
            self.balancer.look_again();
        }
        // First the window, so that what goes back is not sent here again.
        self.tell_window(ctx);
        if !back.is_empty() {
            self.hops.give_back.do_send(GiveBack { ids: back });
        }
    }
}

impl Handler<Leave> for CircuitBreaker {
    type Result = ();

    /// Without an address and without a timer it ends as soon as nothing is under way.
    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) {
        self.is_leaving = true;
        let now = self.settings.clock.now();
        self.timer.set(None, now, ctx, |_, _| {});
    }
}

impl Handler<Flush> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Context<Self>) {
        self.armed = false;
        let facts = std::mem::take(&mut self.outcomes);
        if !facts.is_empty() {
            self.hops.event_store.do_send(Record::unasked(facts));
        }
    }
}

impl Handler<PickInstance> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, asked: PickInstance, _: &mut Context<Self>) {
        let request = PickRequest {
            message_type: asked.message_type.as_ref(),
            exclude: &[],
        };
        let service = asked.service;
        let picked = self.take_turn(&request);
        let _ = asked
            .reply
            .send(picked.ok_or(Refusal::NoInstance { service }));
    }
}

#[cfg(test)]
mod tests;
