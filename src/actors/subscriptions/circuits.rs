//! The circuits of callbacks: what clients ask of them, and when they go.

use actix::{Context, Handler};

use super::Subscriptions;
use crate::actors::circuit::{self, Leave};
use crate::actors::messages::dispatcher::{ForceCircuit, InspectCircuits};
use crate::domain::circuit::{CircuitName, Origin};
use crate::domain::refusal::Refusal;

fn origin(name: &CircuitName) -> Option<&Origin> {
    match name {
        CircuitName::Callback(origin) => Some(origin),
        CircuitName::Service(_) => None,
    }
}

impl Subscriptions {
    /// Lets go of a circuit that no callback needs. One with pushes under way ends with them.
    pub(super) fn drop_circuit(&mut self, left: Option<Origin>) {
        let Some(origin) = left else {
            return;
        };
        if let Some(child) = self.children.circuits.remove(&origin) {
            child.last().do_send(Leave);
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
        let asked = inspect.circuit.as_ref();
        let circuits = self.children.circuits.iter();
        let circuits = circuits.filter(|(one, _)| {
            asked.is_none_or(|asked| origin(asked).is_some_and(|asked| asked == *one))
        });
        let circuits = circuits.map(|(_, child)| child.last()).collect();
        circuit::inspect(circuits, inspect);
    }
}

impl Handler<ForceCircuit> for Subscriptions {
    type Result = ();

    fn handle(&mut self, force: ForceCircuit, _: &mut Context<Self>) {
        let child = origin(&force.circuit).and_then(|origin| self.children.circuits.get(origin));
        match child {
            Some(child) => child.last().do_send(force),
            None => drop(force.reply.send(Err(Refusal::NotFound))),
        }
    }
}
