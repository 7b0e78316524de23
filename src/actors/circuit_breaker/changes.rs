//! What changes the state of the circuit, and what is written down about it.

use std::sync::Arc;

use actix::{AsyncContext, Context, Handler, Message, MessageResult};

use super::CircuitBreaker;
use crate::actors::messages::{CircuitView, ForceCircuit, InspectCircuit, Record, Reply};
use crate::domain::circuit::{CircuitChanged, Forced};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::ids::ServiceName;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::logic::breaker::Transition;
use crate::logic::circuit::ForcedSince;

/// That somebody forces the circuit is in the journal now.
#[derive(Message)]
#[rtype(result = "()")]
struct ForceRecorded {
    changed: Arc<CircuitChanged>,
    reply: Reply<Result<CircuitView, Refusal>>,
}

impl CircuitBreaker {
    /// A change that nobody asked for: it holds at once and is recorded afterwards.
    pub(super) fn changed_by_itself(
        &mut self,
        transition: Option<Transition>,
        last_error: Option<&str>,
        now: Moment,
        ctx: &mut Context<Self>,
    ) {
        let Some(transition) = transition else {
            return;
        };
        let changed = self.circuit.changed(transition, last_error, now.wall);
        self.record(
            Fact::Control(ControlFact::CircuitChanged(changed.clone())),
            ctx,
        );
        self.show(transition, &changed);
    }

    fn show(&self, transition: Transition, changed: &CircuitChanged) {
        let Transition { from, to, .. } = transition;
        let (service, metrics) = (&self.service, &self.settings.metrics);
        metrics.services.count_transition(service.as_str(), to);
        let (from, to) = (from.name(), to.name());
        let reason = changed.reason.as_str();
        match &changed.forced {
            Some(forced) => {
                let by = forced
                    .by
                    .as_ref()
                    .map_or("nobody named", ServiceName::as_str);
                tracing::warn!(%service, from, to, reason, by, "circuit forced");
            }
            None => tracing::warn!(%service, from, to, reason, "circuit changed"),
        }
    }

    /// Begins in the state that somebody forced an earlier breaker of this service into. Nothing
    /// is recorded, since the journal has it; CLOSED is how a breaker begins anyway.
    pub(super) fn resume(&mut self, forced: ForcedSince, ctx: &mut Context<Self>) {
        let now = self.settings.clock.moment();
        self.circuit.resume(forced, now.hub);
        self.tick(now, ctx);
    }

    fn apply(&mut self, changed: Arc<CircuitChanged>, ctx: &mut Context<Self>) {
        let applied = self
            .circuit
            .apply(changed.clone(), self.settings.clock.moment());
        if let Some(transition) = applied.transition {
            self.show(transition, &changed);
        }
        if let Some(again) = applied.again {
            self.record(Fact::Control(ControlFact::CircuitChanged(again)), ctx);
        }
    }

    fn view(&mut self) -> CircuitView {
        let now = self.settings.clock.moment();
        let in_flight = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        let capacity = self.balancer.capacity(now.hub);
        CircuitView {
            instances: self.in_flight_by_instance(),
            ..CircuitView::of(&mut self.circuit, in_flight, capacity, now)
        }
    }
}

impl Handler<ForceCircuit> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, ctx: &mut Context<Self>) {
        let now = self.settings.clock.wall();
        let forced = Forced::new(force.by, force.reset_timeout);
        let changed = self.circuit.force(force.state, force.reason, forced, now);
        // After what happened before it.
        let mut facts = std::mem::take(&mut self.outcomes);
        facts.push(Fact::Control(ControlFact::CircuitChanged(changed.clone())));
        let home = ctx.address();
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(ForceRecorded {
                changed,
                reply: force.reply,
            });
        });
    }
}

impl Handler<ForceRecorded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, recorded: ForceRecorded, ctx: &mut Context<Self>) {
        self.apply(recorded.changed, ctx);
        self.tell_window(ctx);
        let _ = recorded.reply.send(Ok(self.view()));
    }
}

impl Handler<InspectCircuit> for CircuitBreaker {
    type Result = MessageResult<InspectCircuit>;

    fn handle(&mut self, _: InspectCircuit, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.view())
    }
}
