//! The circuits of callbacks: what clients ask of them, and when they go.

use actix::{Context, Handler, MessageResult};

use super::Subscriptions;
use crate::actors::children::Child;
use crate::actors::circuit::{self, Leave};
use crate::actors::messages::dispatcher::{
    CircuitTurned, ForceCircuit, InspectCircuits, ListCircuits, SurveyCircuits,
};
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::refusal::Refusal;

impl Subscriptions {
    /// Lets go of a circuit that no callback needs. One with pushes under way ends with them.
    pub(super) fn drop_circuit(&mut self, left: Option<Origin>) {
        let Some(origin) = left else {
            return;
        };
        if let Some(child) = self.children.circuits.remove(&origin) {
            child.last().do_send(Leave);
            let circuit = CircuitName::Callback(origin.clone());
            self.children.not_closed.forget(&circuit);
        }
        self.forget_circuit(origin);
    }

    /// It was forced while the last callback left.
    pub(super) fn look_at_circuit(&mut self, name: &CircuitName) {
        if let CircuitName::Callback(origin) = name
            && !self.children.circuits.contains_key(origin)
        {
            self.forget_circuit(origin.clone());
        }
    }

    /// Of circuits that were forced before the start, those that no callback needs.
    pub(super) fn drop_needless_circuits(&mut self) {
        for origin in self.subscriptions.forced_for_nobody() {
            self.forget_circuit(origin);
        }
    }

    /// Nothing is counted of it any more, and the state that somebody forced it into is over, in
    /// the journal too.
    fn forget_circuit(&mut self, origin: Origin) {
        let circuit = CircuitName::Callback(origin.clone());
        self.settings.metrics.forget(&circuit.to_string());
        let over = self
            .subscriptions
            .release(origin, self.settings.clock.wall());
        self.record(over.into_iter().collect());
    }
}

impl Handler<InspectCircuits> for Subscriptions {
    type Result = ();

    fn handle(&mut self, inspect: InspectCircuits, _: &mut Context<Self>) {
        let circuits = &self.children.circuits;
        let meant: Vec<_> = match &inspect.circuits {
            None => circuits.values().collect(),
            Some(names) => {
                let origins = names.iter().filter_map(CircuitName::origin);
                origins.filter_map(|one| circuits.get(one)).collect()
            }
        };
        circuit::inspect(meant.into_iter().map(Child::last).collect(), inspect);
    }
}

impl Handler<SurveyCircuits> for Subscriptions {
    type Result = MessageResult<SurveyCircuits>;

    fn handle(&mut self, _: SurveyCircuits, _: &mut Context<Self>) -> Self::Result {
        let now = self.settings.clock.moment();
        MessageResult(self.children.not_closed.summaries(now))
    }
}

impl Handler<ListCircuits> for Subscriptions {
    type Result = MessageResult<ListCircuits>;

    fn handle(&mut self, _: ListCircuits, _: &mut Context<Self>) -> Self::Result {
        let origins = self.children.circuits.keys().cloned();
        MessageResult(origins.map(CircuitName::Callback).collect())
    }
}

impl Handler<CircuitTurned> for Subscriptions {
    type Result = ();

    fn handle(&mut self, turned: CircuitTurned, _: &mut Context<Self>) {
        // One that leaves may have more to say, of which nobody needs to know.
        if self.children.has_circuit(&turned.circuit) {
            self.children.not_closed.turned(turned.circuit, turned.now);
        }
    }
}

impl Handler<ForceCircuit> for Subscriptions {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, _: &mut Context<Self>) {
        let child = force
            .circuit
            .origin()
            .and_then(|origin| self.children.circuits.get(origin));
        match child {
            Some(child) => child.last().do_send(force),
            None => drop(force.reply.send(Err(Refusal::NotFound))),
        }
    }
}
