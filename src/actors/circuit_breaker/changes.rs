//! What changes the state of the circuit, and what is written down about it.

use actix::{AsyncContext, Context, Handler};

use super::CircuitBreaker;
use crate::actors::circuit::ForceRecorded;
use crate::actors::messages::circuit_breaker::InspectCircuit;
use crate::actors::messages::dispatcher::ForceCircuit;
use crate::actors::messages::event_store::Record;
use crate::domain::fact::Fact;
use crate::domain::moment::Moment;
use crate::logic::breaker::Transition;
use crate::logic::circuit::ForcedSince;
use crate::logic::circuit_view::CircuitView;

impl CircuitBreaker {
    /// A change that nobody asked for: it holds at once and is recorded afterwards.
    pub(super) fn changed_by_itself(
        &mut self,
        transition: Option<Transition>,
        last_error: Option<&str>,
        now: Moment,
        ctx: &mut Context<Self>,
    ) {
        let changed = self
            .shell
            .changed_by_itself(transition, last_error, now.wall);
        self.record_if_any(changed, ctx);
    }

    fn record_if_any(&mut self, changed: Option<Fact>, ctx: &mut Context<Self>) {
        if let Some(changed) = changed {
            self.record(changed, ctx);
        }
    }

    /// Begins in the state that somebody forced an earlier breaker of this service into. Nothing
    /// is recorded, since the journal has it; CLOSED is how a breaker begins anyway.
    pub(super) fn resume(&mut self, forced: ForcedSince, ctx: &mut Context<Self>) {
        let now = self.settings.clock.moment();
        self.shell.circuit.resume(forced, now.hub);
        self.shell.tell_state();
        self.tick(now, ctx);
    }

    fn view(&mut self) -> CircuitView {
        let now = self.settings.clock.moment();
        let in_flight = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        let capacity = self.balancer.capacity(now.hub);
        CircuitView {
            instances: self.in_flight_by_instance(),
            ..CircuitView::of(&mut self.shell.circuit, in_flight, capacity, now)
        }
    }
}

impl Handler<ForceCircuit> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, ctx: &mut Context<Self>) {
        let wall = self.settings.clock.wall();
        let (fact, recorded) = self.shell.force(force, wall);
        // After what happened before it.
        let mut facts = std::mem::take(&mut self.outcomes);
        facts.push(fact);
        let home = ctx.address();
        Record::and_then(&self.hops.event_store, facts, move || {
            home.do_send(recorded);
        });
    }
}

impl Handler<ForceRecorded> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, recorded: ForceRecorded, ctx: &mut Context<Self>) {
        let now = self.settings.clock.moment();
        let again = self.shell.apply(&recorded.changed, now);
        self.record_if_any(again, ctx);
        self.tell_window(ctx);
        let _ = recorded.reply.send(Ok(self.view()));
    }
}

impl Handler<InspectCircuit> for CircuitBreaker {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuit, _: &mut Context<Self>) {
        let _ = inspect.reply.send(self.view());
    }
}
